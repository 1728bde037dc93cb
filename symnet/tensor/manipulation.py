"""Shapes: asking for them, giving values new ones, and saying what is known of them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet import dtypes
from symnet.graph import Variable
from symnet.ops.shape import Broadcast, DimShuffle, MakeVector, Reshape, ShapeOf, SpecifyShape
from symnet.tensor.convert import (
    TensorLike,
    as_tensor_variable,
    axes_of,
    axis_of,
    constant,
    entries,
    integer_scalar,
    static_integer,
)

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def length(x: Variable, axis: int) -> TensorVariable:
    """Return the length of one dimension as an int64 scalar, a constant where it is known."""
    known = x.type.shape[axis]
    if known is not None:
        return constant(known)
    found: TensorVariable = ShapeOf(axis)(x)
    return found


def lengths(x: Variable) -> tuple[TensorVariable, ...]:
    """Return the lengths of all dimensions as scalars."""
    return tuple(length(x, axis) for axis in range(x.ndim))


def product(scalars: Iterable[Variable]) -> TensorVariable:
    """Return the product of int64 scalars, a constant where all of them are."""
    known, unknown = 1, []
    for n in scalars:
        value = static_integer(n)
        if value is None:
            unknown.append(n)
        else:
            known *= value
    if not unknown:
        return constant(known)
    symbolic: Any = functools.reduce(operator.mul, unknown)
    found: TensorVariable = symbolic if known == 1 else symbolic * known
    return found


def total(scalars: Iterable[Variable]) -> TensorVariable:
    """Return the sum of int64 scalars, a constant where all of them are."""
    known, unknown = 0, []
    for n in scalars:
        value = static_integer(n)
        if value is None:
            unknown.append(n)
        else:
            known += value
    if not unknown:
        return constant(known)
    symbolic: Any = functools.reduce(operator.add, unknown)
    found: TensorVariable = symbolic if known == 0 else symbolic + known
    return found


def integer_vector(scalars: Sequence[Variable]) -> TensorVariable:
    """Return int64 scalars as one vector."""
    if not scalars:
        return constant([], dtype="int64")
    found: TensorVariable = MakeVector("int64")(*scalars)
    return found


def shape(x: TensorLike) -> TensorVariable:
    """Return the lengths of the dimensions of `x` as an int64 vector.

    Nothing is computed for it but the lengths. It can be indexed and unpacked:
    ``rows, columns = T.shape(x)``.

    Examples
    --------
    >>> from symnet.tensor import matrix
    >>> shape(matrix(shape=(None, 784)))[1].data
    array(784)
    """
    return integer_vector(lengths(as_tensor_variable(x)))


def shape_arguments(shape: TensorLike, what: str, ndim: int | None = None) -> list[TensorVariable]:
    """Return what users give as a shape as a list of int64 scalars.

    Parameters
    ----------
    shape
        An integer, a sequence of integers (numbers or scalars), or a vector of integers.
    what
        Names the operation in messages.
    ndim
        Number of entries, needed where a vector's length is not known beforehand.
    """
    if isinstance(shape, (Variable, np.ndarray)):
        vector = as_tensor_variable(shape)
        if vector.ndim == 0:
            given: list[Any] = [vector]
        elif vector.ndim == 1 and dtypes.is_discrete(vector.dtype):
            given = _vector_entries(vector, what, ndim)
        else:
            raise TypeError(f"{what}: a shape is a vector of integers, got {vector.type}")
    else:
        given = list(shape) if isinstance(shape, (list, tuple)) else [shape]
    if ndim is not None and len(given) != ndim:
        raise ValueError(f"{what}: ndim={ndim}, but the shape has {len(given)} entries")
    return [integer_scalar(n, f"{what}: a length") for n in given]


def _vector_entries(vector: TensorVariable, what: str, ndim: int | None) -> list[Any]:
    made_of = entries(vector)
    if made_of is not None:
        return list(made_of)
    count = vector.type.shape[0] if vector.type.shape[0] is not None else ndim
    if count is None:
        raise ValueError(
            f"{what}: how many dimensions the shape {vector!r} has is not known beforehand; say "
            "ndim=, or give the shape as a tuple of scalars"
        )
    return [vector[axis] for axis in range(count)]


def dimshuffle(x: TensorLike, *order: Any) -> TensorVariable:
    """Reorder dimensions, drop those of length 1 and put in new ones.

    Parameters
    ----------
    x
        Any tensor.
    order
        For each dimension of the result the one of `x` it is, or ``"x"`` for a new one of length
        1, given one by one or as one sequence. Dimensions not named are dropped; their length
        must be known to be 1.

    Examples
    --------
    >>> from symnet.tensor import vector
    >>> print(dimshuffle(vector(), "x", 0).type)
    float32[1, ?]
    """
    x = as_tensor_variable(x)
    if len(order) == 1 and isinstance(order[0], (list, tuple)):
        order = tuple(order[0])
    axes = tuple(
        None if isinstance(a, str) and a == "x" else axis_of(a, x.ndim, "dimshuffle") for a in order
    )
    shuffled: TensorVariable = x if axes == tuple(range(x.ndim)) else DimShuffle(axes)(x)
    return shuffled


def transpose(x: TensorLike, axes: Sequence[int] | None = None) -> TensorVariable:
    """Reverse the order of the dimensions, or put them in the order `axes`."""
    x = as_tensor_variable(x)
    if axes is None:
        return dimshuffle(x, *reversed(range(x.ndim)))
    if sorted(axis_of(a, x.ndim, "transpose") for a in axes) != list(range(x.ndim)):
        raise ValueError(f"transpose: axes {tuple(axes)} do not name all {x.ndim} dimensions once")
    return dimshuffle(x, *axes)


def swapaxes(x: TensorLike, axis1: int, axis2: int) -> TensorVariable:
    """Exchange two dimensions."""
    x = as_tensor_variable(x)
    order = list(range(x.ndim))
    i, j = (axis_of(a, x.ndim, "swapaxes") for a in (axis1, axis2))
    order[i], order[j] = order[j], order[i]
    return dimshuffle(x, *order)


def moveaxis(
    x: TensorLike, source: int | Sequence[int], destination: int | Sequence[int]
) -> TensorVariable:
    """Move a dimension, or several, to other places; the others keep their order."""
    x = as_tensor_variable(x)
    sources, places = (_several(a, x.ndim) for a in (source, destination))
    if len(sources) != len(places):
        raise ValueError(
            f"moveaxis: {len(sources)} dimensions cannot go to {len(places)} places: "
            f"{source} to {destination}"
        )
    order = [a for a in range(x.ndim) if a not in sources]
    for place, a in sorted(zip(places, sources, strict=True)):
        order.insert(place, a)
    return dimshuffle(x, *order)


def _several(axes: int | Sequence[int], ndim: int) -> list[int]:
    given = axes if isinstance(axes, (list, tuple)) else [axes]
    found = [axis_of(a, ndim, "moveaxis") for a in given]
    if len(set(found)) != len(found):
        raise ValueError(f"moveaxis: {axes} names a dimension twice")
    return found


def reshape(x: TensorLike, newshape: TensorLike, ndim: int | None = None) -> TensorVariable:
    """Give the elements of `x`, in C order, a new shape.

    Parameters
    ----------
    x
        Any tensor.
    newshape
        An integer, a sequence of integers and integer scalars, or an integer vector. One entry may
        be -1: as many as are left.
    ndim
        Number of dimensions, needed only where `newshape` is a vector of unknown length.

    Raises
    ------
    ValueError
        If more than one entry is -1, or the number of entries is unknown.
    """
    x = as_tensor_variable(x)
    dims = shape_arguments(newshape, "reshape", ndim)
    known = [static_integer(n) for n in dims]
    if known.count(-1) > 1:
        raise ValueError(f"reshape: only one length can be -1, got {tuple(known)}")
    if any(n is not None and n < -1 for n in known):
        raise ValueError(f"reshape: a length cannot be negative, got {tuple(known)}")
    reshaped: TensorVariable = Reshape(len(dims))(x, *dims)
    return reshaped


def flatten(x: TensorLike, ndim: int | None = None, outdim: int | None = None) -> TensorVariable:
    """Join the last dimensions into one, so that `ndim` remain (by default 1).

    Parameters
    ----------
    x
        Any tensor.
    ndim
        Number of dimensions of the result.
    outdim
        Theano's old name of `ndim`.
    """
    x = as_tensor_variable(x)
    if ndim is not None and outdim is not None:
        raise ValueError("flatten: outdim is the old name of ndim; give one of the two")
    target = ndim if ndim is not None else 1 if outdim is None else outdim
    if not 1 <= target <= max(x.ndim, 1):
        raise ValueError(
            f"flatten: ndim={target}, but a variable of {x.ndim} dimensions can be flattened to "
            f"1 to {max(x.ndim, 1)}"
        )
    if target == x.ndim:
        return x
    # Not -1 for what is left: of no elements at all that would be undetermined.
    sizes = lengths(x)
    return reshape(x, [*sizes[: target - 1], product(sizes[target - 1 :])])


def ravel(x: TensorLike) -> TensorVariable:
    """Join all dimensions into one."""
    return flatten(x, 1)


def squeeze(x: TensorLike, axis: Any = None) -> TensorVariable:
    """Drop dimensions of length 1.

    Parameters
    ----------
    x
        Any tensor.
    axis
        Which to drop; an unknown length is then checked when the function runs. By default all
        whose length is known to be 1.
    """
    x = as_tensor_variable(x)
    if axis is None:
        dropped: tuple[int, ...] = tuple(i for i, n in enumerate(x.type.shape) if n == 1)
    else:
        dropped = axes_of(axis, x.ndim, "squeeze")
        x = addbroadcast(x, *dropped)
    return dimshuffle(x, *(i for i in range(x.ndim) if i not in dropped))


def expand_dims(x: TensorLike, axis: Any) -> TensorVariable:
    """Put in dimensions of length 1, so that they are number `axis` of the result."""
    x = as_tensor_variable(x)
    count = len(axis) if isinstance(axis, (list, tuple)) else 1
    new = axes_of(axis, x.ndim + count, "expand_dims")
    old = iter(range(x.ndim))
    return dimshuffle(x, *("x" if i in new else next(old) for i in range(x.ndim + count)))


def shape_padleft(x: TensorLike, n_ones: int = 1) -> TensorVariable:
    """Put `n_ones` dimensions of length 1 in front."""
    x = as_tensor_variable(x)
    return dimshuffle(x, *["x"] * n_ones, *range(x.ndim))


def shape_padright(x: TensorLike, n_ones: int = 1) -> TensorVariable:
    """Put `n_ones` dimensions of length 1 behind."""
    x = as_tensor_variable(x)
    return dimshuffle(x, *range(x.ndim), *["x"] * n_ones)


def shape_padaxis(x: TensorLike, axis: int) -> TensorVariable:
    """Put in one dimension of length 1 at `axis`."""
    return expand_dims(x, axis)


def atleast_1d(*xs: TensorLike) -> Any:
    """Return tensors with at least 1 dimension: one, or a list of several, as in NumPy."""
    return _each(lambda x: x if x.ndim else shape_padleft(x), xs)


def atleast_2d(*xs: TensorLike) -> Any:
    """Return tensors with at least 2 dimensions; a vector becomes a row."""
    return _each(lambda x: x if x.ndim >= 2 else shape_padleft(x, 2 - x.ndim), xs)


def atleast_3d(*xs: TensorLike) -> Any:
    """Return tensors with at least 3 dimensions; a vector becomes the middle one of them."""

    def padded(x: TensorVariable) -> TensorVariable:
        padded = atleast_2d(x)
        found: TensorVariable = padded if padded.ndim >= 3 else shape_padright(padded)
        return found

    return _each(padded, xs)


def _each(change: Callable[[TensorVariable], TensorVariable], xs: Sequence[TensorLike]) -> Any:
    found = [change(as_tensor_variable(x)) for x in xs]
    return found[0] if len(found) == 1 else found


def alloc(value: TensorLike, *shape: TensorLike) -> TensorVariable:
    """Repeat `value` until it fills a tensor of `shape`.

    Parameters
    ----------
    value
        A tensor whose dimensions, the last first, agree with `shape` or are known to be 1.
    shape
        Lengths, one by one or as one sequence or vector.
    """
    value = as_tensor_variable(value)
    dims = shape_arguments(shape[0] if len(shape) == 1 else shape, "alloc")
    if value.ndim > len(dims):
        raise ValueError(
            f"alloc: a value of {value.ndim} dimensions does not fit a shape of {len(dims)}"
        )
    known = [static_integer(n) for n in dims]
    if any(n is not None and n < 0 for n in known):
        raise ValueError(f"alloc: a length cannot be negative, got {tuple(known)}")
    filled: TensorVariable = Broadcast(len(dims))(value, *dims)
    return filled


def broadcast_to(x: TensorLike, shape: TensorLike) -> TensorVariable:
    """Repeat `x` along dimensions known to have length 1 until it has `shape`."""
    return alloc(x, shape)


def specify_shape(x: TensorLike, shape: Any) -> TensorVariable:
    """Say what the shape of `x` is; checked whenever the function runs.

    Parameters
    ----------
    x
        Any tensor.
    shape
        For each dimension its length, a number or an integer scalar, or None where nothing is said
        of it.

    Examples
    --------
    >>> from symnet.tensor import matrix, lscalar
    >>> print(specify_shape(matrix("x"), (lscalar("n"), 3)).type)
    float32[?, 3]
    """
    x = as_tensor_variable(x)
    if isinstance(shape, (Variable, np.ndarray)):
        shape = shape_arguments(shape, "specify_shape", x.ndim)
    said = [None if n is None else integer_scalar(n, "specify_shape: a length") for n in shape]
    if len(said) != x.ndim:
        raise ValueError(
            f"specify_shape: {len(said)} lengths for a variable of {x.ndim} dimensions"
        )
    known = [None if n is None else static_integer(n) for n in said]
    for axis, (n, have) in enumerate(zip(known, x.type.shape, strict=True)):
        if n is not None and have is not None and n != have:
            raise ValueError(
                f"specify_shape: dimension {axis} has length {have}, it cannot have {n}"
            )
    symbolic = {k: n for k, n in enumerate(said) if n is not None and known[k] is None}
    if not symbolic and all(n in (None, m) for n, m in zip(known, x.type.shape, strict=True)):
        return x
    specified: TensorVariable = SpecifyShape(tuple(known), tuple(symbolic))(x, *symbolic.values())
    return specified


def addbroadcast(x: TensorLike, *axes: int) -> TensorVariable:
    """Say that the length of `axes` is 1, so that they broadcast; checked when it runs."""
    x = as_tensor_variable(x)
    ones = axes_of(list(axes), x.ndim, "addbroadcast")
    return specify_shape(x, [1 if i in ones else None for i in range(x.ndim)])


def patternbroadcast(x: TensorLike, broadcastable: Sequence[bool]) -> TensorVariable:
    """Say for each dimension whether its length is 1; one known to be 1 stays so."""
    return specify_shape(x, [1 if b else None for b in broadcastable])


def unbroadcast(x: TensorLike, *axes: int) -> TensorVariable:
    """Return `x`: what is known of a length is never forgotten, and does no harm.

    In Theano this made a dimension stop broadcasting; old code that calls it goes on working.
    """
    x = as_tensor_variable(x)
    axes_of(list(axes), x.ndim, "unbroadcast")
    return x
