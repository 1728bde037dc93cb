"""Softmax with its cost in one, as Theano's older code asks for them, and a softmax in two steps.

The compiler finds the stable form of a cost of a softmax by itself; these are the names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symnet.scalar import table
from symnet.tensor import reductions
from symnet.tensor.constructors import arange
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted
from symnet.tensor.elementwise import cast
from symnet.tensor.joining import concatenate
from symnet.tensor.manipulation import (
    broadcast_to,
    dimshuffle,
    flatten,
    length,
    lengths,
    reshape,
    shape_padleft,
)
from symnet.tensor.nnet.activations import softmax
from symnet.tensor.nnet.costs import categorical_crossentropy
from symnet.tensor.positions import unique
from symnet.tensor.products import batched_dot, dot, tensordot

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def softmax_graph(c: TensorLike) -> TensorVariable:
    """Return `softmax(c)`, which is always an expression here."""
    return softmax(c)


def softmax_with_bias(x: TensorLike, b: TensorLike) -> TensorVariable:
    """Return ``softmax(x + b)`` for a matrix and a vector."""
    scores: TensorVariable = as_tensor_variable(x) + as_tensor_variable(b)
    return softmax(scores)


def crossentropy_softmax_1hot(
    x: TensorLike, y_idx: TensorLike
) -> tuple[TensorVariable, TensorVariable]:
    """Return costs and probabilities of the classes `y_idx` for scores `x`.

    Parameters
    ----------
    x
        (rows, classes), before the softmax.
    y_idx
        (rows,) integers: right classes.

    Returns
    -------
    tuple
        The negative log-likelihoods, (rows,), and the softmax, (rows, classes).
    """
    predicted = softmax(x)
    return categorical_crossentropy(predicted, y_idx), predicted


def crossentropy_softmax_1hot_with_bias(
    x: TensorLike, b: TensorLike, y_idx: TensorLike
) -> tuple[TensorVariable, TensorVariable]:
    """Return `crossentropy_softmax_1hot(x + b, y_idx)`."""
    predicted = softmax_with_bias(x, b)
    return categorical_crossentropy(predicted, y_idx), predicted


def crossentropy_softmax_argmax_1hot_with_bias(
    x: TensorLike, b: TensorLike, y_idx: TensorLike
) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
    """Return costs, probabilities, and the class that is most probable in each row."""
    cost, predicted = crossentropy_softmax_1hot_with_bias(x, b, y_idx)
    return cost, predicted, reductions.argmax(predicted, axis=1)


def crossentropy_softmax_max_and_argmax_1hot(
    x: TensorLike, y_idx: TensorLike
) -> tuple[TensorVariable, TensorVariable, TensorVariable, TensorVariable]:
    """Return costs, probabilities, and the greatest probability of each row and its class."""
    cost, predicted = crossentropy_softmax_1hot(x, y_idx)
    greatest, best = reductions.max_and_argmax(predicted, axis=1)
    return cost, predicted, greatest, best


def crossentropy_softmax_max_and_argmax_1hot_with_bias(
    x: TensorLike, b: TensorLike, y_idx: TensorLike
) -> tuple[TensorVariable, TensorVariable, TensorVariable, TensorVariable]:
    """Return `crossentropy_softmax_max_and_argmax_1hot(x + b, y_idx)`."""
    scores: TensorVariable = as_tensor_variable(x) + as_tensor_variable(b)
    return crossentropy_softmax_max_and_argmax_1hot(scores, y_idx)


def prepend_scalar_to_each_row(val: TensorLike, x: TensorLike) -> TensorVariable:
    """Return a matrix with one more column in front, filled with a number."""
    x = as_tensor_variable(x)
    column = broadcast_to(converted(val, x.dtype), (length(x, 0), 1))
    return concatenate([column, x], axis=1)


def prepend_0_to_each_row(x: TensorLike) -> TensorVariable:
    """Return a matrix with a column of zeros in front."""
    return prepend_scalar_to_each_row(0, x)


def prepend_1_to_each_row(x: TensorLike) -> TensorVariable:
    """Return a matrix with a column of ones in front."""
    return prepend_scalar_to_each_row(1, x)


def confusion_matrix(actual: TensorLike, pred: TensorLike) -> list[TensorVariable]:
    """Return how often each class was taken for each, and the order of the classes.

    Parameters
    ----------
    actual
        (samples,) true classes: rows of the result.
    pred
        (samples,) predicted classes: its columns.

    Returns
    -------
    list
        The counts, (classes, classes) int64, and the classes that occur, ascending.

    Examples
    --------
    >>> counts, order = confusion_matrix([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2])
    >>> counts.eval().tolist()
    [[2, 0, 0], [0, 0, 1], [1, 0, 2]]
    """
    actual, pred = as_tensor_variable(actual), as_tensor_variable(pred)
    for v, name in ((actual, "actual"), (pred, "pred")):
        if v.ndim != 1:
            raise ValueError(f"confusion_matrix: {name} is a vector of classes, got {v.type}")
    order: TensorVariable = unique(concatenate([actual, pred]))
    rows, columns = (
        cast(table.eq(dimshuffle(v, 0, "x"), shape_padleft(order)), "int64") for v in (actual, pred)
    )
    return [dot(rows.T, columns), order]


def h_softmax(
    x: TensorLike,
    batch_size: Any,
    n_outputs: Any,
    n_classes: Any,
    n_outputs_per_class: Any,
    W1: TensorLike,
    b1: TensorLike,
    W2: TensorLike,
    b2: TensorLike,
    target: TensorLike | None = None,
) -> TensorVariable:
    """Return a softmax in two steps: first a class, then an output within the class.

    Its cost grows with the square root of the number of outputs, if classes are as many as outputs
    of each (Goodman, *Classes for fast maximum entropy training*, ICASSP 2001).

    Parameters
    ----------
    x
        (batch, features).
    batch_size
        Number of rows of `x`.
    n_outputs
        Number of outputs.
    n_classes, n_outputs_per_class
        Their product is at least `n_outputs`.
    W1, b1
        (features, classes) and (classes,): weights and biases of the first step.
    W2, b2
        (classes, features, outputs of a class) and (classes, outputs of a class).
    target
        (batch,) integers: the output wanted of each row; all if None.

    Returns
    -------
    TensorVariable
        (batch, outputs) probabilities, or with `target` (batch,).
    """
    x, w2, b2 = as_tensor_variable(x), as_tensor_variable(W2), as_tensor_variable(b2)
    first: TensorVariable = softmax(dot(x, W1) + as_tensor_variable(b1))
    if target is None:
        scores: TensorVariable = tensordot(x, w2, (1, 1)) + b2
        second = softmax(scores, axis=2)
        products: TensorVariable = dimshuffle(first, 0, 1, "x") * second
        batch, classes, outputs = lengths(products)
        return reshape(products, [batch, classes * outputs])[:, :n_outputs]
    wanted = flatten(target)
    classes, within = wanted // n_outputs_per_class, wanted % n_outputs_per_class
    scores = batched_dot(x, w2[classes]) + b2[classes]
    each = arange(length(x, 0))
    chosen: TensorVariable = first[each, classes] * softmax(scores)[each, within]
    return chosen
