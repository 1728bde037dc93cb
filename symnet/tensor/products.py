"""Products that sum: `dot`, `matmul` and `tensordot` in their forms, and `outer` that does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet.composite import Composite
from symnet.tensor import reductions
from symnet.tensor.contractions import contract
from symnet.tensor.convert import TensorLike, as_tensor_variable, axis_of, static_integer
from symnet.tensor.joining import concatenate
from symnet.tensor.manipulation import flatten, shape_padleft, shape_padright, squeeze

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def dot(x: TensorLike, y: TensorLike) -> TensorVariable:
    """Return the sum of products over the last dimension of `x` and the last but one of `y`.

    Parameters
    ----------
    x
        Any tensor.
    y
        Any tensor; of a vector the only dimension is summed over.

    Returns
    -------
    TensorVariable
        The dimensions of `x` but the last, then those of `y` but the one summed over. A scalar
        multiplies, as in NumPy.

    Raises
    ------
    TypeError
        If the lengths summed over are known and differ.

    Examples
    --------
    >>> from symnet.tensor import matrix, vector
    >>> dot(matrix(), vector()).ndim
    1
    """
    for factor in (x, y):
        if isinstance(factor, Composite):
            found: TensorVariable = factor.dot(x, y)
            return found
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if x.ndim == 0 or y.ndim == 0:
        scaled: TensorVariable = x * y
        return scaled
    return _tensordot("dot", x, y, [x.ndim - 1], [max(y.ndim - 2, 0)])


def _tensordot(
    name: str,
    x: TensorVariable,
    y: TensorVariable,
    of_x: Sequence[int],
    of_y: Sequence[int],
    batched: bool = False,
) -> TensorVariable:
    """Sum products over pairs of dimensions; `batched`: the first ones of both run together."""
    for i, j in zip(of_x, of_y, strict=True):
        left, right = x.type.shape[i], y.type.shape[j]
        if left is not None and right is not None and left != right:
            which = "the last dimension" if i == x.ndim - 1 else f"dimension {i}"
            raise TypeError(
                f"{name}: {which} of {x!r}, {x.type}, has length {left}; dimension {j} of "
                f"{y!r}, {y.type}, has length {right}. They must agree"
            )
    labels_x: list[str] = [f"x{i}" for i in range(x.ndim)]
    labels_y = [f"y{j}" for j in range(y.ndim)]
    for i, j in zip(of_x, of_y, strict=True):
        labels_y[j] = labels_x[i]
    if batched:
        labels_y[0] = labels_x[0]
    result = [n for i, n in enumerate(labels_x) if i not in of_x]
    result += [n for j, n in enumerate(labels_y) if j not in of_y and not (batched and j == 0)]
    return contract(x, y, labels_x, labels_y, result)


def matmul(x: TensorLike, y: TensorLike) -> TensorVariable:
    """Return the matrix product that ``x @ y`` means.

    Of tensors with more than two dimensions the last two are matrices; the others broadcast
    where their length is known to be 1. Vectors count as a row on the left, a column on the right.

    Raises
    ------
    ValueError
        If an operand is a scalar, as in NumPy.

    Examples
    --------
    >>> from symnet.tensor import tensor3, matrix
    >>> (tensor3() @ matrix()).ndim
    3
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("matmul: scalars are multiplied with *")
    batches = max(x.ndim, y.ndim) - 2
    every = [f"b{k}" for k in range(max(batches, 0))]
    of_x = [*every[len(every) - max(x.ndim - 2, 0) :], *(["m"] if x.ndim > 1 else []), "k"]
    of_y = [*every[len(every) - max(y.ndim - 2, 0) :], "k", *(["n"] if y.ndim > 1 else [])]
    kept = [n for n in ("m", "n") if n in of_x or n in of_y]
    return contract(x, y, of_x, of_y, [*every, *kept])


def inner(x: TensorLike, y: TensorLike) -> TensorVariable:
    """Return the sum of products over the last dimensions of both; a scalar multiplies."""
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if x.ndim == 0 or y.ndim == 0:
        scaled: TensorVariable = x * y
        return scaled
    return _tensordot("inner", x, y, [x.ndim - 1], [y.ndim - 1])


def vdot(x: TensorLike, y: TensorLike) -> TensorVariable:
    """Return the sum of the products of all corresponding elements, counted in C order."""
    return dot(flatten(x), flatten(y))


def outer(x: TensorLike, y: TensorLike) -> TensorVariable:
    """Return the matrix of the products of every element of `x` with every element of `y`."""
    return contract(flatten(x), flatten(y), "m", "n", "mn")


def tensordot(x: TensorLike, y: TensorLike, axes: Any = 2) -> TensorVariable:
    """Return the sum of products over pairs of dimensions.

    Parameters
    ----------
    x, y
        Tensors.
    axes
        The dimensions to sum over: a number, of the last ones of `x` and the first ones of `y`;
        or a pair, which of `x` and which of `y`, each a number or several.

    Returns
    -------
    TensorVariable
        The other dimensions of `x`, then the other ones of `y`.

    Raises
    ------
    ValueError
        If `axes` names dimensions that are not there, or as many in `x` as in `y` it does not.

    Examples
    --------
    >>> from symnet.tensor import tensor3, tensor4
    >>> tensordot(tensor3(), tensor4(), [[1, 2], [3, 2]]).ndim
    3
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    return _tensordot("tensordot", x, y, *_paired("tensordot", axes, x, y, 0))


def _paired(
    name: str, axes: Any, x: TensorVariable, y: TensorVariable, batches: int
) -> tuple[list[int], list[int]]:
    """Return which dimensions of `x` and `y` are summed over, together."""
    axes = axes.tolist() if isinstance(axes, np.ndarray) else axes
    count = static_integer(axes)
    if count is not None:
        if not 0 <= count <= min(x.ndim, y.ndim) - batches:
            raise ValueError(
                f"{name}: axes={count} is out of range for tensors of {x.ndim} and {y.ndim} "
                "dimensions"
            )
        return list(range(x.ndim - count, x.ndim)), list(range(batches, batches + count))
    if not isinstance(axes, (list, tuple)) or len(axes) != 2:
        raise ValueError(f"{name}: axes is a number or a pair of dimensions, not {axes!r}")
    pairs = [list(a) if isinstance(a, (list, tuple)) else [a] for a in axes]
    of_x, of_y = (
        [axis_of(a, v.ndim, name) for a in given] for given, v in zip(pairs, (x, y), strict=True)
    )
    if len(of_x) != len(of_y):
        raise ValueError(f"{name}: {len(of_x)} axes of x cannot go with {len(of_y)} of y")
    for found in (of_x, of_y):
        if len(set(found)) != len(found):
            raise ValueError(f"{name}: axes {axes!r} names a dimension twice")
        if batches and 0 in found:
            raise ValueError(f"{name}: dimension 0 is that of the batch and is not summed over")
    return of_x, of_y


def batched_tensordot(x: TensorLike, y: TensorLike, axes: Any = 2) -> TensorVariable:
    """Return `tensordot` of each entry of `x` with the entry of `y` at the same first index.

    Parameters
    ----------
    x, y
        Tensors with first dimensions of one length.
    axes
        As of `tensordot`; numbers of dimensions count the first one, which is not summed over.
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    _require_batch("batched_tensordot", x, y)
    return _tensordot("batched_tensordot", x, y, *_paired("batched_tensordot", axes, x, y, 1), True)


def batched_dot(x: TensorLike, y: TensorLike) -> TensorVariable:
    """Return the product of each entry of `x` with the entry of `y` at the same first index.

    Summed over are the last dimension of `x` and the last but one of `y` (of a matrix, its
    second). A vector scales.

    Examples
    --------
    >>> from symnet.tensor import tensor3
    >>> batched_dot(tensor3(), tensor3()).ndim
    3
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    _require_batch("batched_dot", x, y)
    if x.ndim == 1 or y.ndim == 1:
        left = shape_padright(x, max(y.ndim - x.ndim, 0))
        scaled: TensorVariable = left * shape_padright(y, max(x.ndim - y.ndim, 0))
        return scaled
    return _tensordot("batched_dot", x, y, [x.ndim - 1], [max(y.ndim - 2, 1)], True)


def _require_batch(name: str, x: TensorVariable, y: TensorVariable) -> None:
    if x.ndim == 0 or y.ndim == 0:
        raise TypeError(
            f"{name} takes tensors whose first dimension is the batch, got {x.type} and {y.type}"
        )


def cov(
    m: TensorLike,
    y: TensorLike = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
) -> TensorVariable:
    """Return the matrix of the covariances of variables, from observations of them.

    Parameters
    ----------
    m
        A matrix with a row for each variable and a column for each observation; a vector is one
        variable.
    y
        More variables, of the same observations.
    rowvar
        False: variables are columns.
    bias
        Whether to divide by the number of observations, rather than by one less.
    ddof
        What to take off the number of observations instead.

    Examples
    --------
    >>> cov([[0.0, 2.0], [1.0, 5.0]]).eval()
    array([[2., 4.],
           [4., 8.]], dtype=float32)
    """
    x = _variables(m, rowvar)
    if y is not None:
        x = concatenate([x, _variables(y, rowvar)])
    less = (0 if bias else 1) if ddof is None else ddof
    centred = x - reductions.mean(x, axis=1, keepdims=True)
    found: TensorVariable = dot(centred, centred.T) / (
        reductions.count(x, (1,), centred.dtype, less)
    )
    return squeeze(found) if y is None and x.type.shape[0] == 1 else found


def _variables(m: TensorLike, rowvar: bool) -> TensorVariable:
    x = as_tensor_variable(m)
    if x.ndim not in (1, 2):
        raise ValueError(f"cov takes a vector or a matrix, got {x.type}")
    if x.ndim == 1:
        return shape_padleft(x)
    return x if rowvar else x.T
