"""Symbolic inputs, and tensors made of nothing but a shape."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.graph import Constant
from symnet.ops.constructors import ARange
from symnet.scalar import table
from symnet.tensor.convert import (
    TensorLike,
    as_tensor_variable,
    constant,
    converted,
    integer_scalar,
    is_weak,
)
from symnet.tensor.manipulation import alloc, lengths, shape_arguments
from symnet.types import TensorType

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

PATTERNS: dict[str, tuple[bool, ...]] = {
    "scalar": (),
    "vector": (False,),
    "row": (True, False),
    "col": (False, True),
    "matrix": (False, False),
    "tensor3": (False,) * 3,
    "tensor4": (False,) * 4,
    "tensor5": (False,) * 5,
    "tensor6": (False,) * 6,
    "tensor7": (False,) * 7,
}
"""Kinds of symbolic inputs and which of their dimensions have length 1."""


def plural(kind: str) -> str:
    """Return the name of the function that makes several inputs of a kind.

    Examples
    --------
    >>> plural("matrix"), plural("vector")
    ('matrices', 'vectors')
    """
    return kind.replace("matrix", "matrices") if kind.endswith("matrix") else kind + "s"


def tensor(
    dtype: object = None,
    broadcastable: Sequence[bool] | None = None,
    name: str | None = None,
    shape: Sequence[int | None] | None = None,
) -> TensorVariable:
    """Make a symbolic input.

    Parameters
    ----------
    dtype
        Its dtype; by default ``config.floatX``.
    broadcastable
        For each dimension whether its length is 1.
    name
        What to call it.
    shape
        Instead of `broadcastable`: for each dimension its length, or None where unknown.
    """
    kind = TensorType(dtype or config.floatX, shape=shape, broadcastable=broadcastable)
    made: TensorVariable = kind(name)
    return made


def _maker(kind: str) -> Callable[..., TensorVariable]:
    pattern = PATTERNS[kind]

    def make(
        name: str | None = None,
        dtype: object = None,
        shape: Sequence[int | None] | None = None,
    ) -> TensorVariable:
        made: TensorVariable = TensorType(dtype or config.floatX, pattern)(name, shape)
        return made

    make.__name__ = make.__qualname__ = kind
    make.__doc__ = (
        f"Make a symbolic {kind}, with a `name`, a `dtype` (by default ``config.floatX``) and "
        "lengths known beforehand (`shape`)."
    )
    return make


def _maker_of_several(
    kind: str, one: Callable[..., TensorVariable]
) -> Callable[..., list[TensorVariable]]:
    def make(*names: str | int, **settings: Any) -> list[TensorVariable]:
        if len(names) == 1 and isinstance(names[0], int):
            return [one(**settings) for _ in range(names[0])]
        # One string is one letter for each name.
        given = names[0] if len(names) == 1 and isinstance(names[0], str) else names
        return [one(name, **settings) for name in given]

    make.__doc__ = (
        f"Make several inputs as `{kind}` does: give their number, their names, or one "
        "string of names of a letter each."
    )
    make.__name__ = make.__qualname__ = plural(kind)
    return make


def input_makers() -> dict[str, Callable[..., Any]]:
    """Return everything that makes symbolic inputs, by name: `matrix`, `ivectors` ...

    Names with a letter for the dtype are types, as in Theano: `imatrix` is the type of its inputs.
    """
    found: dict[str, Callable[..., Any]] = {}
    for kind, pattern in PATTERNS.items():
        found[kind] = _maker(kind)
        for code, dtype in dtypes.codes().items():
            found[code + kind] = TensorType(dtype, pattern)
    several = {}
    for name, one in found.items():
        made = _maker_of_several(name, one)
        several[made.__name__] = made
    found |= several
    for code, kind in itertools.product(_COMPLEX, PATTERNS):
        for name in (code + kind, code + plural(kind)):
            found[name] = _refusal(name)
    return found


_COMPLEX = "cz"
"""Theano's prefixes of complex64 and complex128."""


def _refusal(name: str) -> Callable[..., Any]:
    def make(*args: Any, **settings: Any) -> Any:
        raise NotImplementedError(
            f"{name}: symnet has no complex numbers; hold real and imaginary parts in two tensors, "
            "or along a dimension of length 2, as the results of T.fft.rfft do"
        )

    make.__name__ = make.__qualname__ = name
    make.__doc__ = "Raise NotImplementedError: there are no complex numbers."
    return make


def zeros(shape: TensorLike, dtype: object = None) -> TensorVariable:
    """Return a tensor of zeros, by default of ``config.floatX``."""
    return full(shape, 0, dtype or config.floatX)


def ones(shape: TensorLike, dtype: object = None) -> TensorVariable:
    """Return a tensor of ones, by default of ``config.floatX``."""
    return full(shape, 1, dtype or config.floatX)


def empty(shape: TensorLike, dtype: object = None) -> TensorVariable:
    """Return a tensor whose values nobody reads; it holds zeros."""
    return zeros(shape, dtype)


def empty_like(x: TensorLike, dtype: object = None) -> TensorVariable:
    """Return a tensor of the shape of `x` whose values nobody reads; it holds zeros."""
    return zeros_like(x, dtype)


def full(shape: TensorLike, fill_value: TensorLike, dtype: object = None) -> TensorVariable:
    """Return a tensor of `shape` that repeats `fill_value`."""
    value = as_tensor_variable(fill_value)
    if dtype is not None:
        value = converted(value, dtypes.canonical(dtype))
    return alloc(value, shape_arguments(shape, "full"))


def full_like(x: TensorLike, fill_value: TensorLike, dtype: object = None) -> TensorVariable:
    """Return a tensor of the shape and, unless said otherwise, the dtype of `x`."""
    x = as_tensor_variable(x)
    value = converted(fill_value, dtypes.canonical(dtype or x.dtype))
    return alloc(value, list(lengths(x)))


def zeros_like(x: TensorLike, dtype: object = None) -> TensorVariable:
    """Return zeros of the shape and, unless said otherwise, the dtype of `x`."""
    return full_like(x, 0, dtype)


def ones_like(x: TensorLike, dtype: object = None) -> TensorVariable:
    """Return ones of the shape and, unless said otherwise, the dtype of `x`."""
    return full_like(x, 1, dtype)


def fill(x: TensorLike, value: TensorLike) -> TensorVariable:
    """Return `value` repeated to the shape of `x`."""
    return alloc(as_tensor_variable(value), list(lengths(as_tensor_variable(x))))


def arange(
    start: TensorLike,
    stop: TensorLike | None = None,
    step: TensorLike = 1,
    dtype: object = None,
) -> TensorVariable:
    """Return ``start, start + step, ...`` up to, and without, `stop`.

    Parameters
    ----------
    start, stop, step
        Numbers or scalars; `start` alone counts from 0 to it.
    dtype
        Of the result; by default int64, and for fractions the dtype of the operands.

    Raises
    ------
    TypeError
        If an operand has dimensions.

    Examples
    --------
    >>> arange(0, 1, 0.25).data
    array([0.  , 0.25, 0.5 , 0.75], dtype=float32)
    """
    if stop is None:
        start, stop = 0, start
    ends: tuple[Any, ...] = (start, stop, step)
    wanted = None if dtype is None else dtypes.canonical(dtype)
    numbers = all(isinstance(x, (int, float, np.generic)) for x in ends)
    if numbers and any(isinstance(x, (float, np.floating)) for x in ends):
        return constant(np.arange(*ends), dtype=wanted or config.floatX)
    if any(dtypes.is_float(as_tensor_variable(x).dtype) for x in ends):
        return _spaced(ends, wanted)
    scalars = [integer_scalar(x, "arange: an end or step") for x in ends]
    counted: TensorVariable = ARange(wanted or "int64")(*scalars)
    return counted


def _spaced(ends: tuple[Any, ...], dtype: str | None) -> TensorVariable:
    """Return a range of fractions, whose length follows from the values of its ends."""
    strong = [as_tensor_variable(x).dtype for x in ends if not is_weak(x)]
    common = dtypes.promote(*strong)
    common = common if dtypes.is_float(common) else config.floatX
    start, stop, step = (converted(x, common) for x in ends)
    for x in (start, stop, step):
        if x.ndim:
            raise TypeError(f"arange: an end or step has no dimensions, got {x!r}, {x.type}")
    if isinstance(step, Constant) and not step.data:
        raise ValueError("arange: the step cannot be 0")
    exact = [converted(x, "float64") for x in (start, stop, step)]
    steps = table.ceil((exact[1] - exact[0]) / exact[2])
    count = converted(table.maximum(steps, 0), "int64")
    values = start + converted(arange(count), common) * step
    return converted(values, dtype or common)


def eye(
    n: TensorLike, m: TensorLike | None = None, k: int = 0, dtype: object = None
) -> TensorVariable:
    """Return a matrix with ones on its diagonal number `k` and zeros elsewhere.

    Parameters
    ----------
    n, m
        Numbers of rows and columns, as many columns as rows unless said otherwise.
    k
        0 is the main diagonal, positive ones lie above it.
    dtype
        By default ``config.floatX``.
    """
    row, column = arange(n), arange(n if m is None else m)
    same = table.eq(row.dimshuffle(0, "x") + k, column.dimshuffle("x", 0))
    return converted(same, dtypes.canonical(dtype or config.floatX))


def identity_like(x: TensorLike) -> TensorVariable:
    """Return the identity matrix of the shape and dtype of a matrix."""
    x = as_tensor_variable(x, ndim=2)
    n, m = lengths(x)
    return eye(n, m, dtype=x.dtype)
