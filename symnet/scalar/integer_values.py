"""What integer expressions are worth in plain Python, without NumPy's cost for each element."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from symnet.scalar.expr import Call, Const, Expr, Symbol


def _int_div(a: int, b: int) -> int:
    return a // b if b else 0  # as NumPy divides by zero


def _int_mod(a: int, b: int) -> int:
    return a % b if b else 0


def _quotient(a: int, b: int) -> int:
    return -(-a // b) if (a < 0) != (b < 0) else a // b


def _shift_right(a: int, b: int) -> int:
    return a >> b if 0 <= b < 64 else -(a < 0)


_MEANING: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "abs": abs,
    "sqr": lambda a: a * a,
    "identity": lambda a: a,
    "int_div": _int_div,
    "mod": _int_mod,
    "quotient": _quotient,
    "remainder": lambda a, b: a - b * _quotient(a, b),
    "minimum": min,
    "maximum": max,
    "clip": lambda a, low, high: min(max(a, low), high),
    "sgn": lambda a: (a > 0) - (a < 0),
    "right_shift": _shift_right,
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "logical_and": lambda a, b: bool(a) and bool(b),
    "logical_or": lambda a, b: bool(a) or bool(b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
    "logical_not": operator.not_,
    "switch": lambda c, a, b: a if c else b,
    "cast_int64": int,
    "cast_bool": bool,
}
"""Rows by their meaning for Python integers; any other row is asked for its NumPy meaning."""


def apply(x: Call, values: tuple[Any, ...]) -> Any:
    """Compute a call from the Python values of its operands."""
    meaning = _MEANING.get(x.op.name)
    if meaning is not None and all(a.dtype in ("int64", "bool") for a in x.operands):
        return meaning(*values)
    converted = (Const(v, a.dtype).value for v, a in zip(values, x.operands, strict=True))
    return x.op.evaluate(*converted).astype(x.dtype).item()


def evaluate_int(root: Expr, values: Mapping[str, int]) -> int:
    """Compute the value of an expression without loads.

    Parameters
    ----------
    root
        An expression of integers and booleans.
    values
        Values of the symbols, by name.

    Raises
    ------
    KeyError
        If a symbol has no value.
    TypeError
        If the expression reads memory.

    Examples
    --------
    >>> n = Symbol("n")
    >>> evaluate_int((n + 3) // 4 * 4, {"n": 9})
    12
    """
    done: dict[int, Any] = {}
    stack = [root]
    while stack:
        x = stack[-1]
        name = id(x)
        if name in done:
            stack.pop()
        elif isinstance(x, Const):
            done[name] = x.value
        elif isinstance(x, Symbol):
            done[name] = values[x.name]
        elif isinstance(x, Call):
            missing = [a for a in x.operands if id(a) not in done]
            if missing:
                stack.extend(missing)
            else:
                done[name] = apply(x, tuple([done[id(a)] for a in x.operands]))
        else:
            raise TypeError("an integer that is read from memory has no value at compile time")
    return int(done[id(root)])
