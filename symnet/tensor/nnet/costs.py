"""Costs: how far predicted probabilities are from the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnet import dtypes
from symnet.ops.rows import PickRows
from symnet.scalar import table
from symnet.tensor import reductions
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def categorical_crossentropy(coding_dist: TensorLike, true_dist: TensorLike) -> TensorVariable:
    """Return for each row the negative log-likelihood of the truth.

    Parameters
    ----------
    coding_dist
        Predicted probabilities, (rows, classes), mostly a `softmax`: the compiler then works with
        the scores, and a probability that rounds to 0 costs what it should.
    true_dist
        Either right classes, (rows,) integers, or probabilities, (rows, classes).

    Returns
    -------
    TensorVariable
        (rows,).

    Raises
    ------
    TypeError
        If `true_dist` is neither.
    """
    coding_dist, true_dist = as_tensor_variable(coding_dist), as_tensor_variable(true_dist)
    logarithms = table.log(coding_dist)
    if true_dist.ndim == coding_dist.ndim:
        coding_dist, true_dist = _prediction_and_truth(coding_dist, true_dist)
        dense: TensorVariable = -reductions.sum(true_dist * logarithms, axis=coding_dist.ndim - 1)
        return dense
    if true_dist.ndim != 1 or coding_dist.ndim != 2:
        raise TypeError(
            "categorical_crossentropy: the truth is a vector of class indices or has as many "
            f"dimensions as the prediction; got {true_dist.type} for {coding_dist.type}"
        )
    if true_dist.dtype not in dtypes.INTEGER:
        raise TypeError(
            f"categorical_crossentropy: class indices are integers, got {true_dist.type}; "
            "T.ivector makes such an input, T.cast converts"
        )
    picked: TensorVariable = -PickRows()(logarithms, true_dist)
    return picked


crossentropy_categorical_1hot = categorical_crossentropy


def binary_crossentropy(output: TensorLike, target: TensorLike) -> TensorVariable:
    """Return the negative log-likelihood of independent yes or no answers, elementwise.

    Parameters
    ----------
    output
        Predicted probabilities of yes, mostly a `sigmoid`.
    target
        The truth: 1 for yes, 0 for no, or probabilities.
    """
    output, target = _prediction_and_truth(output, target)
    cost: TensorVariable = -(target * table.log(output) + (1.0 - target) * table.log1p(-output))
    return cost


def sigmoid_binary_crossentropy(output: TensorLike, target: TensorLike) -> TensorVariable:
    """Return ``binary_crossentropy(sigmoid(output), target)``, exact for scores of any size.

    Parameters
    ----------
    output
        Scores, before the sigmoid.
    target
        The truth: 1 for yes, 0 for no, or probabilities.
    """
    output, target = _prediction_and_truth(output, target)
    # Both terms are positive: nothing cancels, however far the score is from the truth.
    yes, no = table.softplus(-output), table.softplus(output)
    cost: TensorVariable = target * yes + (1.0 - target) * no
    return cost


def _prediction_and_truth(
    output: TensorLike, target: TensorLike
) -> tuple[TensorVariable, TensorVariable]:
    """Return both as variables; a truth in integers does not widen the prediction's dtype."""
    output, target = as_tensor_variable(output), as_tensor_variable(target)
    if dtypes.is_discrete(target.dtype) and dtypes.is_float(output.dtype):
        target = converted(target, output.dtype)
    return output, target
