"""Products that sum: `dot` in its forms, and the outer product that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnet import dtypes
from symnet.ops.contraction import Dot
from symnet.tensor import reductions
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted
from symnet.tensor.manipulation import dimshuffle, flatten, lengths, product, reshape

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
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if x.ndim == 0 or y.ndim == 0:
        scaled: TensorVariable = x * y
        return scaled
    inner = 0 if y.ndim == 1 else y.ndim - 2
    left, right = x.type.shape[-1], y.type.shape[inner]
    if left is not None and right is not None and left != right:
        raise TypeError(
            f"dot: the last dimension of {x!r}, {x.type}, has length {left}; dimension {inner} of "
            f"{y!r}, {y.type}, has length {right}. They must agree"
        )
    dtype = dtypes.promote(x.dtype, y.dtype)
    x, y = converted(x, dtype), converted(y, dtype)
    if not dtypes.is_float(dtype):
        return _sum_of_products(x, y, inner)
    if x.ndim == 1 and y.ndim == 1:
        return reductions.sum(x * y)
    return _contract(x, y, inner)


def _contract(x: TensorVariable, y: TensorVariable, inner: int) -> TensorVariable:
    """`dot` of floating point tensors as a product of two matrices."""
    outer = [i for i in range(y.ndim) if i != inner]
    rows_shape = lengths(x)[:-1]
    columns_shape = [lengths(y)[i] for i in outer]
    left = dimshuffle(x, "x", 0) if x.ndim == 1 else _rows_joined(x)
    if y.ndim == 1:
        right = dimshuffle(y, 0, "x")
    else:
        right = dimshuffle(y, inner, *outer)
        right = right if y.ndim == 2 else flatten(right, 2)
    result: TensorVariable = Dot()(left, right)
    if x.ndim <= 2 and y.ndim <= 2:
        kept = [axis for axis, operand in enumerate((x, y)) if operand.ndim == 2]
        return dimshuffle(result, *kept)
    return reshape(result, [*rows_shape, *columns_shape])


def _rows_joined(x: TensorVariable) -> TensorVariable:
    """All dimensions but the last as one."""
    if x.ndim == 2:
        return x
    sizes = lengths(x)
    return reshape(x, [product(sizes[:-1]), sizes[-1]])


def _sum_of_products(x: TensorVariable, y: TensorVariable, inner: int) -> TensorVariable:
    """`dot` of integers, elementwise: there is no integer matrix product."""
    outer = [i for i in range(y.ndim) if i != inner]
    left = dimshuffle(x, *range(x.ndim), *["x"] * len(outer))
    right = dimshuffle(y, *["x"] * (x.ndim - 1), inner, *outer)
    products: TensorVariable = left * right
    return reductions.sum(products, axis=x.ndim - 1, dtype=products.dtype)


def matmul(x: TensorLike, y: TensorLike) -> TensorVariable:
    """Return the matrix product that ``x @ y`` means, of vectors and matrices.

    Raises
    ------
    ValueError
        If an operand is a scalar, as in NumPy.
    NotImplementedError
        If an operand has more than two dimensions.
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("matmul: scalars are multiplied with *")
    if x.ndim > 2 or y.ndim > 2:
        raise NotImplementedError(
            f"matmul of {x.type} and {y.type}: products over leading dimensions are not "
            "available; T.dot sums over the last dimension of x and the last but one of y"
        )
    return dot(x, y)


def outer(x: TensorLike, y: TensorLike) -> TensorVariable:
    """Return the matrix of the products of every element of `x` with every element of `y`."""
    x, y = flatten(as_tensor_variable(x)), flatten(as_tensor_variable(y))
    products: TensorVariable = dimshuffle(x, 0, "x") * dimshuffle(y, "x", 0)
    return products
