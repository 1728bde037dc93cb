"""Connectionist temporal classification: the cost of sequences whose alignment is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnet.ops.ctc import Ctc
from symnet.tensor.convert import TensorLike, as_tensor_variable

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = ["ctc", "ctc_available"]


def ctc(activations: TensorLike, labels: TensorLike, input_lengths: TensorLike) -> TensorVariable:
    """Return the negative log-likelihood of labellings, summed over all alignments.

    Parameters
    ----------
    activations
        (time, batch, symbols): scores at every step, before the softmax. Symbol 0 is the blank.
    labels
        (batch, positions) integers; negative ones are padding and ignored.
    input_lengths
        (batch,) integers: the number of steps of each sequence.

    Returns
    -------
    TensorVariable
        (batch,). The cost of a sequence that is too short for its labels is 0, as Theano's is.

    Notes
    -----
    Graves, Fernandez, Gomez and Schmidhuber, *Connectionist temporal classification*, ICML 2006.
    It runs in NumPy, as a host call.

    Examples
    --------
    One step must emit the one label:

    >>> import numpy as np
    >>> cost = ctc(np.zeros((1, 1, 4), "float64"), np.array([[2]]), np.array([1]))
    >>> bool(np.isclose(cost.eval(), np.log(4)).all())
    True
    """
    cost, _ = Ctc()(*map(as_tensor_variable, (activations, labels, input_lengths)))
    found: TensorVariable = cost
    return found


def ctc_available() -> bool:
    """Return whether the cost can be computed: it always can."""
    return True
