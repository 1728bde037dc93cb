"""The dtypes as CUDA C++ types, and numbers as literals of them.

A boolean is one byte in memory and a ``bool`` in a register; every other dtype is the same in
both.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symnet import dtypes

_REGISTER = {
    "bool": "bool",
    "int8": "signed char",
    "int16": "short",
    "int32": "int",
    "int64": "long long",
    "uint8": "unsigned char",
    "uint16": "unsigned short",
    "uint32": "unsigned",
    "uint64": "unsigned long long",
    "float32": "float",
    "float64": "double",
}


def register(dtype: str) -> str:
    """The type of a value.

    Examples
    --------
    >>> register("int64")
    'long long'
    """
    return _REGISTER[dtype]


def memory(dtype: str) -> str:
    """The type of an element of a buffer.

    Examples
    --------
    >>> memory("bool")
    'unsigned char'
    """
    return "unsigned char" if dtype == "bool" else _REGISTER[dtype]


def wrapping(dtype: str) -> str:
    """The unsigned type in which arithmetic of an integer dtype wraps around.

    Examples
    --------
    >>> wrapping("int8"), wrapping("int64")
    ('unsigned', 'unsigned long long')
    """
    return "unsigned long long" if dtypes.itemsize(dtype) == 8 else "unsigned"


def shuffled(dtype: str) -> str:
    """The type as which a value goes from thread to thread of a warp."""
    return "int" if dtypes.is_discrete(dtype) and dtypes.itemsize(dtype) < 4 else register(dtype)


def literal(value: Any, dtype: str) -> str:
    """The text of a constant.

    Examples
    --------
    >>> literal(0.1, "float32"), literal(-1, "int64"), literal(True, "bool")
    ('0.1f', '-1LL', 'true')
    """
    if dtype == "bool":
        return "true" if value else "false"
    if dtypes.is_float(dtype):
        return _float_literal(value, dtype)
    value = int(value)
    if value == -(2**63):
        return "(-9223372036854775807LL - 1)"
    if value == -(2**31) and dtype == "int32":
        return "(-2147483647 - 1)"
    suffix = {"int64": "LL", "uint64": "ULL", "uint32": "U"}.get(dtype, "")
    return f"{value}{suffix}"


def _float_literal(value: float, dtype: str) -> str:
    single = dtype == "float32"
    if math.isnan(value):
        return "__int_as_float(0x7fc00000)" if single else "__longlong_as_double(0x7ff8LL << 48)"
    if math.isinf(value):
        text = "__int_as_float(0x7f800000)" if single else "__longlong_as_double(0x7ffLL << 52)"
        return text if value > 0 else f"-{text}"
    # The shortest decimal number that reads back as this one.
    text = str(np.float32(value)) if single else repr(float(value))
    text += "" if "." in text or "e" in text else ".0"
    return f"{text}f" if single else text


def identity(value: float | bool, dtype: str) -> Any:
    """The identity of a reduction as a number of `dtype`; infinities become the extreme integers.

    Examples
    --------
    >>> identity(float("inf"), "int8"), identity(-float("inf"), "bool"), identity(-1, "uint8")
    (127, False, 255)
    """
    if dtype == "bool":
        return value > 0 or value == -1
    if dtypes.is_float(dtype):
        return float(value)
    info = np.iinfo(dtype)
    if math.isinf(value):
        return int(info.max if value > 0 else info.min)
    return int(value) & int(info.max) if info.min == 0 and value < 0 else int(value)
