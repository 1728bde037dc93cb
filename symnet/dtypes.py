"""The dtype table and promotion.

A dtype is named by its NumPy name (``"float32"``). Promotion is NumPy 2's: strong dtypes
promote as arrays do, Python scalars are *weak* and take the dtype of their partners. The one
departure: where NumPy would make a floating point number out of integers, symnet makes
``config.floatX``.

Complex numbers and half precision are not supported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from symnet.config import config

BOOL = ("bool",)
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGER = SIGNED + UNSIGNED
FLOAT = ("float32", "float64")
DISCRETE = BOOL + INTEGER
ALL = DISCRETE + FLOAT

_CODES = {
    "b": "int8",
    "w": "int16",
    "i": "int32",
    "l": "int64",
    "f": "float32",
    "d": "float64",
}
"""Theano's one-letter prefixes of constructors: ``ivector`` is an int32 vector."""


def codes() -> dict[str, str]:
    """Theano's one-letter dtype codes and what they stand for."""
    return dict(_CODES)


def canonical(dtype: object) -> str:
    """Return the name of a dtype, given a name, a NumPy dtype, a type or ``"floatX"``.

    Raises
    ------
    TypeError
        If symnet has no such dtype (complex numbers, objects, strings, half precision).

    Examples
    --------
    >>> canonical(np.float32), canonical("int"), canonical(bool)
    ('float32', 'int64', 'bool')
    """
    # A NumPy dtype beside a string would read the string as a dtype, at length, in Python code, and
    # swallow what that raises: a KeyboardInterrupt, too.
    if isinstance(dtype, str) and dtype == "floatX":
        return config.floatX
    try:
        name = np.dtype(dtype).name  # type: ignore[call-overload]
    except TypeError:
        raise TypeError(f"{dtype!r} is not a dtype; symnet has {', '.join(ALL)}") from None
    if name not in ALL:
        raise TypeError(f"symnet has no dtype {name}; it has {', '.join(ALL)}")
    return str(name)


def itemsize(dtype: str) -> int:
    """Bytes of one element.

    Examples
    --------
    >>> itemsize("float64")
    8
    """
    return np.dtype(dtype).itemsize


def is_float(dtype: str) -> bool:
    """Whether `dtype` is a floating point type, the only kind with a derivative."""
    return dtype in FLOAT


def is_discrete(dtype: str) -> bool:
    """Whether `dtype` is boolean or an integer type."""
    return dtype in DISCRETE


@cache
def promote(*dtypes: str) -> str:
    """Return the dtype that holds all of `dtypes`, as NumPy 2 promotes arrays.

    Examples
    --------
    >>> promote("int8", "float32"), promote("int64", "float32"), promote("bool", "int8")
    ('float32', 'float64', 'int8')
    """
    return np.result_type(*(np.dtype(d) for d in dtypes)).name


def weak(value: complex, partners: Sequence[str]) -> str:
    """Return the dtype that a Python scalar takes beside `partners` (possibly none).

    Examples
    --------
    >>> weak(2, ["float32"]), weak(0.5, ["float32"]), weak(3, ["int8"]), weak(1.5, ["int32"])
    ('float32', 'float32', 'int8', 'float32')
    >>> weak(300, ["int8"])
    Traceback (most recent call last):
        ...
    OverflowError: Python integer 300 does not fit int8; cast the int8 operand first
    """
    partner = promote(*partners) if partners else None
    if isinstance(value, bool):
        return partner or "bool"
    if isinstance(value, int):
        if partner is None or partner == "bool":
            return "int64"
        if partner in INTEGER:
            info = np.iinfo(partner)
            if not info.min <= value <= info.max:
                raise OverflowError(
                    f"Python integer {value} does not fit {partner}; "
                    f"cast the {partner} operand first"
                )
        return partner
    if isinstance(value, float):
        return partner if partner is not None and is_float(partner) else config.floatX
    raise TypeError(f"symnet has no complex numbers (got {value!r})")


@dataclass(frozen=True, slots=True)
class Signature:
    """The dtypes an elementwise operation computes in: its operands' and its result's."""

    operands: tuple[str, ...]
    result: str


DtypeRule = Callable[[tuple[str, ...]], Signature]


def same(dtypes: tuple[str, ...]) -> Signature:
    """Operands and result are of the promoted dtype (``add``)."""
    common = promote(*dtypes)
    return Signature((common,) * len(dtypes), common)


def same_number(dtypes: tuple[str, ...]) -> Signature:
    """As `same`, but booleans compute as int8 (``sub``, ``neg``: NumPy refuses booleans)."""
    common = promote(*dtypes)
    common = "int8" if common == "bool" else common
    return Signature((common,) * len(dtypes), common)


def floating(dtypes: tuple[str, ...]) -> Signature:
    """Operands and result are floating point; integers become ``config.floatX`` (``exp``)."""
    common = promote(*dtypes)
    common = common if is_float(common) else config.floatX
    return Signature((common,) * len(dtypes), common)


def comparison(dtypes: tuple[str, ...]) -> Signature:
    """Operands of the promoted dtype, a boolean result (``lt``)."""
    common = promote(*dtypes)
    return Signature((common,) * len(dtypes), "bool")


def logical(dtypes: tuple[str, ...]) -> Signature:
    """Boolean operands and result (``logical_and``)."""
    return Signature(("bool",) * len(dtypes), "bool")


def float_to_bool(dtypes: tuple[str, ...]) -> Signature:
    """Floating point operands, a boolean result (``isnan``)."""
    return Signature(floating(dtypes).operands, "bool")


def bitwise(dtypes: tuple[str, ...]) -> Signature:
    """Integers or booleans of one dtype (``bitwise_and``).

    Raises
    ------
    TypeError
        If an operand is floating point.
    """
    common = promote(*dtypes)
    if not is_discrete(common):
        raise TypeError(f"bit operations need integers or booleans, got {', '.join(dtypes)}")
    return Signature((common,) * len(dtypes), common)


def integral(dtypes: tuple[str, ...]) -> Signature:
    """Integers only; booleans become int8 (``left_shift``).

    Raises
    ------
    TypeError
        If an operand is floating point.
    """
    common = bitwise(dtypes).result
    common = "int8" if common == "bool" else common
    return Signature((common,) * len(dtypes), common)


def selection(dtypes: tuple[str, ...]) -> Signature:
    """A boolean, then values of one dtype (``switch``)."""
    common = promote(*dtypes[1:])
    return Signature(("bool", *(common,) * (len(dtypes) - 1)), common)


def cast_rule(dtype: str) -> DtypeRule:
    """Any operand, a result of `dtype`."""
    return lambda dtypes: Signature(dtypes, dtype)
