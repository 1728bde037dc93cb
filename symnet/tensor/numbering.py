"""Classes and places as numbers: one-hot rows, and indices counted in C or Fortran order."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symnet import dtypes
from symnet.ops.bounds import InBounds
from symnet.ops.rows import PlaceRows
from symnet.scalar import table
from symnet.tensor.constructors import ones_like
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted, integer_scalar
from symnet.tensor.manipulation import product, shape_arguments

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def to_one_hot(y: TensorLike, nb_class: TensorLike, dtype: object = None) -> TensorVariable:
    """Return a matrix with one row for each class index: zeros but for a one at the index.

    Parameters
    ----------
    y
        Vector of integers, below `nb_class`.
    nb_class
        Number of classes: the columns.
    dtype
        By default ``config.floatX``.

    Examples
    --------
    >>> to_one_hot([0, 2], 3, dtype="int64").eval()
    array([[1, 0, 0],
           [0, 0, 1]])
    """
    y = as_tensor_variable(y)
    if y.ndim != 1 or y.dtype not in dtypes.INTEGER:
        raise TypeError(f"to_one_hot takes a vector of class indices, integers, got {y.type}")
    ones = ones_like(y, dtypes.canonical(dtype or "floatX"))
    columns = integer_scalar(nb_class, "to_one_hot: nb_class")
    placed: TensorVariable = PlaceRows()(ones, y, columns)
    return placed


def unravel_index(
    indices: TensorLike, dims: TensorLike, order: str = "C", ndim: int | None = None
) -> tuple[TensorVariable, ...]:
    """Return the indices of elements of a tensor that are given by their number.

    Parameters
    ----------
    indices
        Numbers of elements, integers of any shape.
    dims
        Lengths of the dimensions of the tensor.
    order
        ``"C"``: the last index runs fastest; ``"F"``: the first.
    ndim
        Number of dimensions, needed where `dims` is a vector of unknown length.

    Returns
    -------
    tuple
        For each dimension an int64 tensor of the shape of `indices`. A number outside raises an
        IndexError when the function runs.

    Examples
    --------
    >>> row, column = unravel_index([1, 5], (2, 3))
    >>> row.eval(), column.eval()
    (array([0, 1]), array([1, 2]))
    """
    lengths = _lengths("unravel_index", dims, order, ndim)
    numbers = _integers("unravel_index", indices)
    rest: Any = InBounds("unravel_index")(numbers, product(lengths))
    found: list[TensorVariable] = []
    for n in reversed(lengths) if order == "C" else lengths:
        found.append(table.mod(rest, n))
        rest = table.int_div(rest, n)
    return tuple(reversed(found)) if order == "C" else tuple(found)


def ravel_multi_index(
    multi_index: Sequence[TensorLike],
    dims: TensorLike,
    mode: str = "raise",
    order: str = "C",
    ndim: int | None = None,
) -> TensorVariable:
    """Return the numbers of elements of a tensor that are given by their indices.

    Parameters
    ----------
    multi_index
        For each dimension integers, all of one shape.
    dims, order, ndim
        As of `unravel_index`.
    mode
        What becomes of an index outside its dimension: ``"raise"``, an IndexError when the
        function runs; ``"wrap"``, counted on from the other end; ``"clip"``, the nearest inside.

    Examples
    --------
    >>> ravel_multi_index(([0, 1], [1, 2]), (2, 3)).eval()
    array([1, 5])
    """
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"ravel_multi_index: mode is 'raise', 'wrap' or 'clip', not {mode!r}")
    given = list(multi_index) if isinstance(multi_index, (list, tuple)) else None
    if given is None:
        stacked = as_tensor_variable(multi_index)
        given = list(stacked) if stacked.ndim else [stacked]
    lengths = _lengths("ravel_multi_index", dims, order, ndim)
    if len(given) != len(lengths):
        raise ValueError(
            f"ravel_multi_index: indices of {len(given)} dimensions, but dims has {len(lengths)}"
        )
    inside: list[Any] = []
    for x, n in zip(given, lengths, strict=True):
        index = _integers("ravel_multi_index", x)
        if mode == "raise":
            inside.append(InBounds("ravel_multi_index")(index, n))
        elif mode == "wrap":
            inside.append(table.mod(index, n))
        else:
            inside.append(table.clip(index, 0, n - 1))
    pairs = list(zip(inside, lengths, strict=True))
    pairs = pairs if order == "C" else pairs[::-1]
    number: TensorVariable = functools.reduce(
        lambda done, pair: done * pair[1] + pair[0], pairs[1:], pairs[0][0]
    )
    return number


def _lengths(name: str, dims: TensorLike, order: str, ndim: int | None) -> list[TensorVariable]:
    if order not in ("C", "F"):
        raise ValueError(f"{name}: order is 'C' or 'F', not {order!r}")
    lengths = shape_arguments(dims, name, ndim)
    if not lengths:
        raise ValueError(f"{name}: a tensor of no dimensions has nothing to count")
    return lengths


def _integers(name: str, x: TensorLike) -> TensorVariable:
    found = as_tensor_variable(x)
    if found.dtype not in dtypes.INTEGER:
        raise TypeError(f"{name}: indices are integers, got {found.type}; T.cast converts")
    return converted(found, "int64")
