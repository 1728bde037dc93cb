"""From what users write (numbers, arrays, lists) to symbolic variables."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from symnet import dtypes, op
from symnet.graph import Apply, Constant, Variable, leaves
from symnet.ops.shape import DimShuffle, MakeVector
from symnet.scalar import TABLE

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorConstant, TensorVariable

TensorLike = object
"""A variable, a number, an array, or a (nested) list of these."""


def constant(
    x: TensorLike, name: str | None = None, ndim: int | None = None, dtype: object = None
) -> TensorConstant:
    """Make a constant of a number, an array or a nested list of numbers.

    Parameters
    ----------
    x
        The value. Python integers become int64, Python floats ``config.floatX``; arrays and NumPy
        scalars keep their dtype.
    name
        What to call it.
    ndim
        Least number of dimensions; missing ones of length 1 are put in front.
    dtype
        Another dtype to convert to.

    Raises
    ------
    TypeError
        If `x` holds variables, or something that symnet has no dtype for.

    Examples
    --------
    >>> constant([[1, 2], [3, 4]]).type
    TensorType(dtype='int64', shape=(2, 2))
    """
    value = _value(x, None if dtype is None else dtypes.canonical(dtype))
    if ndim is not None:
        if value.ndim > ndim:
            raise ValueError(f"a constant of {value.ndim} dimensions cannot have ndim={ndim}")
        value = value.reshape((1,) * (ndim - value.ndim) + value.shape)
    made: Any = op.constant(value)
    made.name = name
    found: TensorConstant = made
    return found


def as_tensor_variable(
    x: TensorLike, name: str | None = None, ndim: int | None = None
) -> TensorVariable:
    """Return `x` if it is a variable, else a variable that has its value.

    Lists may hold variables: equal shapes are stacked along a new first dimension.

    Parameters
    ----------
    x
        A variable, a node with one output, a number, an array or a nested list of these.
    name
        What to call a constant.
    ndim
        Number of dimensions wanted; those of length 1 are put in front or taken away there.

    Raises
    ------
    TypeError
        If `x` is nothing that a tensor can be made of.

    Examples
    --------
    >>> as_tensor_variable(2.5).dtype
    'float32'
    """
    if isinstance(x, Apply):
        x = x.out
    found: Any = x
    if not isinstance(x, Variable):
        if isinstance(x, (list, tuple)) and any(isinstance(leaf, Variable) for leaf in _leaves(x)):
            found = _stack([as_tensor_variable(entry) for entry in x])
        else:
            found = constant(x, name)
    tensor: TensorVariable = found if ndim in (None, found.ndim) else _with_ndim(found, ndim)
    return tensor


def is_weak(x: object) -> TypeGuard[float]:
    """Whether `x` is a Python number, which takes the dtype of its partners."""
    return isinstance(x, (bool, int, float)) and not isinstance(x, np.generic)


def operand(x: TensorLike) -> Any:
    """Return `x` as table rows take it: weak numbers as they are, all else as a variable."""
    return x if is_weak(x) else as_tensor_variable(x)


def converted(x: TensorLike, dtype: str) -> TensorVariable:
    """Return `x` as a variable of `dtype`."""
    if not isinstance(x, (Variable, Apply, list, tuple)):
        return constant(x, dtype=dtype)
    x = as_tensor_variable(x)
    if x.dtype == dtype:
        return x
    cast: TensorVariable = TABLE[f"cast_{dtype}"](x)
    return cast


def integer_scalar(x: TensorLike, what: str) -> TensorVariable:
    """Return `x` as an int64 of no dimensions; `what` it is for appears in messages.

    Raises
    ------
    TypeError
        If it has dimensions or is not an integer.
    """
    x = as_tensor_variable(x)
    if x.ndim != 0 or x.dtype not in dtypes.INTEGER:
        raise TypeError(f"{what} must be an integer of no dimensions, got {x!r} of type {x.type}")
    return converted(x, "int64")


def entries(vector: Variable) -> tuple[Variable, ...] | None:
    """Return the scalars that a vector was made of, None where it was made otherwise."""
    if isinstance(vector, Constant) and vector.ndim == 1:
        return tuple(op.constant(n) for n in vector.data)
    if vector.owner is not None and isinstance(vector.owner.op, MakeVector):
        return vector.owner.inputs
    return None


def static_integer(x: object) -> int | None:
    """Return the value of an integer known while the graph is built, else None."""
    if isinstance(x, Constant) and x.ndim == 0 and x.dtype in dtypes.INTEGER:
        return int(x.data)
    if isinstance(x, Variable):
        return None
    try:
        return operator.index(x)  # type: ignore[arg-type]
    except TypeError:
        return None


def axes_of(axis: object, ndim: int, what: str) -> tuple[int, ...]:
    """Return dimensions as sorted numbers from 0, given None, a number or several of them.

    Raises
    ------
    TypeError
        If an entry is not a constant integer.
    ValueError
        If one is out of range or given twice; the message names `what` they are for.
    """
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, Constant) and axis.ndim == 1:
        axis = axis.data.tolist()
    if isinstance(axis, np.ndarray):
        axis = axis.tolist()
    given: Sequence[object] = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    found = [axis_of(a, ndim, what) for a in given]
    if len(set(found)) != len(found):
        raise ValueError(f"{what}: axis {axis} names a dimension twice")
    return tuple(sorted(found))


def axis_of(axis: object, ndim: int, what: str) -> int:
    """Return one dimension as a number from 0."""
    number = None if isinstance(axis, bool) else static_integer(axis)
    if number is None:
        raise TypeError(f"{what}: an axis is an integer known beforehand, not {axis!r}")
    if not -ndim <= number < ndim:
        allowed = f"its axes are {-ndim} to {ndim - 1}" if ndim else "it has none"
        raise ValueError(
            f"{what}: axis {number} is out of range for a variable of {ndim} dimensions; {allowed}"
        )
    return number % ndim


def _value(x: TensorLike, dtype: str | None) -> np.ndarray[Any, Any]:
    if isinstance(x, Constant):
        x = x.data
    if any(isinstance(leaf, Variable) for leaf in _leaves(x)):
        raise TypeError(f"{x!r} has no value yet; T.as_tensor_variable accepts variables in lists")
    try:
        value = np.asarray(x)
        name = dtypes.canonical(value.dtype)
    except (TypeError, ValueError) as error:
        reason = f": {error}" if isinstance(error, ValueError) else ""
        if hasattr(x, "toarray"):
            reason = ", of which .toarray() makes a dense one"
        raise TypeError(
            f"cannot make a tensor of {x!r}, a {type(x).__name__}{reason}; it takes numbers, "
            "arrays and nested lists of these"
        ) from None
    if dtype is None:
        # Python floats are weak: they take the default, not NumPy's float64. So do empty lists.
        weak = not any(isinstance(leaf, (np.ndarray, np.generic)) for leaf in _leaves(x))
        dtype = dtypes.canonical("floatX") if weak and dtypes.is_float(name) else name
    return value.astype(dtype, copy=False)


def _leaves(x: object) -> Iterator[object]:
    if isinstance(x, (list, tuple)):
        for entry in x:
            yield from _leaves(entry)
    else:
        yield x


def _stack(parts: list[TensorVariable]) -> TensorVariable:
    from symnet.tensor.joining import stack  # which needs this module

    return stack(parts)


def _with_ndim(x: Variable, ndim: int) -> Any:
    missing = ndim - x.ndim
    if missing > 0:
        return DimShuffle((None,) * missing + tuple(range(x.ndim)))(x)
    if not all(n == 1 for n in x.type.shape[:-missing]):
        raise ValueError(f"{x!r} of type {x.type} cannot be taken as a tensor of ndim={ndim}")
    return DimShuffle(tuple(range(-missing, x.ndim)))(x)


def get_scalar_constant_value(v: TensorLike) -> Any:
    """Return the value of a scalar that is known while the graph is built.

    Raises
    ------
    NotScalarConstantError
        If it is not one number, or depends on an input.

    Examples
    --------
    >>> get_scalar_constant_value(constant(2) + 3)
    array(5)
    """
    from symnet.interpreter import evaluate  # which stands above this

    x = as_tensor_variable(v)
    if any(n != 1 for n in x.type.shape) or any(not isinstance(u, Constant) for u in leaves([x])):
        raise NotScalarConstantError(f"{x!r} of type {x.type} is no number known beforehand")
    (found,) = evaluate([x], {})
    return np.asarray(found).reshape(())


class NotScalarConstantError(Exception):
    """A variable is not a number that is known while the graph is built."""


def get_vector_length(v: TensorLike) -> int:
    """Return the length of a vector that is known while the graph is built.

    Raises
    ------
    ValueError
        If it is not a vector or its length is not known.
    """
    x = as_tensor_variable(v)
    if x.ndim != 1 or x.type.shape[0] is None:
        raise ValueError(f"{x!r} of type {x.type} is no vector of a length known beforehand")
    return x.type.shape[0]
