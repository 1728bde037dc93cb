"""Instructions of the scalar table's primitives, for one value or for a vector of them.

`primitive` writes the instructions of one row, given operands in registers; `convert` those of a
cast; `identity` is what a reduction starts from. Rows that are not primitive never come here:
`symnet_llvm.expressions` expands them.

No fast-math flags anywhere: NaN, infinities and signed zeros keep their meaning, and products are
fused into sums by `symnet_llvm.expressions` alone, so that equal expressions always give equal
instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from symnet import dtypes
from symnet.scalar import ScalarOp
from symnet_llvm.ir import Emitter, const, register, suffix

_FLOAT = {"add": "fadd", "sub": "fsub", "mul": "fmul", "true_div": "fdiv"}
_INTEGER = {
    "add": "add", "sub": "sub", "mul": "mul", "shl": "shl",
    "bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor",
}  # fmt: skip
_BOOLEAN = {
    "add": "or", "mul": "and", "minimum": "and", "maximum": "or",
    "logical_and": "and", "logical_or": "or", "logical_xor": "xor",
    "bitwise_and": "and", "bitwise_or": "or", "bitwise_xor": "xor",
}  # fmt: skip
_BY_SIGN = {"quotient": ("sdiv", "udiv"), "remainder": ("srem", "urem"), "shr": ("ashr", "lshr")}
_COMPARISONS = {"eq": "eq", "neq": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge"}
_INTRINSICS = {
    "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint",
    "abs": "fabs", "copysign": "copysign", "fma": "fma",
}  # fmt: skip
_ROUNDING = ("floor", "ceil", "trunc", "rint", "abs")


def _signed(dtype: str) -> bool:
    return dtype in dtypes.SIGNED


def convert(f: Emitter, value: str, source: str, target: str, lanes: int) -> str:
    """Write a cast from one dtype to another."""
    if source == target:
        return value
    have, want = register(source, lanes), register(target, lanes)
    if target == "bool":
        # Whatever differs from zero is true, NaN included.
        compare = "fcmp une" if dtypes.is_float(source) else "icmp ne"
        return f.op(f"{compare} {have} {value}, {const(0, source, lanes)}")
    if dtypes.is_float(source):
        if dtypes.is_float(target):
            wider = dtypes.itemsize(target) > dtypes.itemsize(source)
            return f.op(f"{'fpext' if wider else 'fptrunc'} {have} {value} to {want}")
        how = "fptosi" if _signed(target) else "fptoui"
        # What does not fit is poison to LLVM; freezing makes it the "some value" that is promised.
        return f.op(f"freeze {want} {f.op(f'{how} {have} {value} to {want}')}")
    if dtypes.is_float(target):
        how = "sitofp" if _signed(source) else "uitofp"
        return f.op(f"{how} {have} {value} to {want}")
    if have == want:
        return value
    if source != "bool" and dtypes.itemsize(target) < dtypes.itemsize(source):
        return f.op(f"trunc {have} {value} to {want}")
    return f.op(f"{'sext' if _signed(source) else 'zext'} {have} {value} to {want}")


def _extremum(f: Emitter, name: str, dtype: str, x: str, y: str, lanes: int) -> str:
    type_, truth = register(dtype, lanes), register("bool", lanes)
    order = "lt" if name == "minimum" else "gt"
    if dtypes.is_float(dtype):
        # The machine's minimum gives its second operand where either is NaN.
        better = f.op(f"fcmp o{order} {type_} {x}, {y}")
        best = f.op(f"select {truth} {better}, {type_} {x}, {type_} {y}")
        missing = f.op(f"fcmp uno {type_} {x}, {x}")
        return f.op(f"select {truth} {missing}, {type_} {x}, {type_} {best}")
    better = f.op(f"icmp {'s' if _signed(dtype) else 'u'}{order} {type_} {x}, {y}")
    return f.op(f"select {truth} {better}, {type_} {x}, {type_} {y}")


def compare(f: Emitter, name: str, dtype: str, x: str, y: str, lanes: int) -> str:
    """Write a comparison of two values of a dtype."""
    order = _COMPARISONS[name]
    if dtypes.is_float(dtype):
        kind = "fcmp une" if name == "neq" else f"fcmp o{order}"
    elif name in ("eq", "neq"):
        kind = f"icmp {order}"
    else:
        kind = f"icmp {'s' if _signed(dtype) else 'u'}{order}"
    return f.op(f"{kind} {register(dtype, lanes)} {x}, {y}")


def primitive(
    f: Emitter,
    name: str,
    sources: Sequence[str],
    result: str,
    values: Sequence[str],
    lanes: int,
) -> str:
    """Write the instructions of a primitive row.

    Parameters
    ----------
    f
        The function being written.
    name
        The row.
    sources, result
        Dtypes of operands and result.
    values
        The operands, of the register types of `sources` with `lanes` lanes.
    lanes
        Number of lanes; 1 for scalars.
    """
    dtype = sources[-1]
    type_ = register(dtype, lanes)
    if name.startswith("cast_"):
        return convert(f, values[0], dtype, result, lanes)
    if name.startswith("bitcast_"):
        return f.op(f"bitcast {type_} {values[0]} to {register(result, lanes)}")
    if name in _COMPARISONS:
        return compare(f, name, dtype, values[0], values[1], lanes)
    if name == "switch":
        c, x, y = values
        return f.op(f"select {register('bool', lanes)} {c}, {type_} {x}, {type_} {y}")
    if dtypes.is_float(dtype):
        return _float(f, name, dtype, values, lanes)
    if dtype == "bool" and name in _BOOLEAN:
        return f.op(f"{_BOOLEAN[name]} {type_} {values[0]}, {values[1]}")
    if name in ("minimum", "maximum"):
        return _extremum(f, name, dtype, values[0], values[1], lanes)
    if name in _INTEGER:
        return f.op(f"{_INTEGER[name]} {type_} {values[0]}, {values[1]}")
    if name in _BY_SIGN:
        return f.op(f"{_BY_SIGN[name][not _signed(dtype)]} {type_} {values[0]}, {values[1]}")
    if name == "neg":
        return f.op(f"sub {type_} {const(0, dtype, lanes)}, {values[0]}")
    if name in ("invert", "logical_not"):
        ones = const(True if dtype == "bool" else -1, dtype, lanes)
        return f.op(f"xor {type_} {values[0]}, {ones}")
    if name == "abs" and _signed(dtype):
        return f.intrinsic(f"llvm.abs.{suffix(type_)}", type_, (type_, values[0]), ("i1", "false"))
    if name in _ROUNDING:
        return values[0]
    raise NotImplementedError(f"no instruction for the primitive {name} of {dtype}")


def _float(f: Emitter, name: str, dtype: str, values: Sequence[str], lanes: int) -> str:
    type_ = register(dtype, lanes)
    if name in _FLOAT:
        return f.op(f"{_FLOAT[name]} {type_} {values[0]}, {values[1]}")
    if name in ("minimum", "maximum"):
        return _extremum(f, name, dtype, values[0], values[1], lanes)
    if name == "neg":
        return f.op(f"fneg {type_} {values[0]}")
    if name in _INTRINSICS:
        operands = [(type_, v) for v in values]
        return f.intrinsic(f"llvm.{_INTRINSICS[name]}.{suffix(type_)}", type_, *operands)
    raise NotImplementedError(f"no instruction for the primitive {name} of {dtype}")


def combiner(f: Emitter, op: ScalarOp, dtype: str, lanes: int) -> Callable[[str, str], str]:
    """The combination of a reduction as a function of two registers."""
    return lambda x, y: primitive(f, op.name, (dtype, dtype), dtype, (x, y), lanes)


def identity(op: ScalarOp, dtype: str) -> float | bool:
    """The value of a dtype with which a reduction starts.

    Examples
    --------
    >>> from symnet.scalar.primitives import maximum, mul
    >>> identity(maximum, "float32"), identity(maximum, "int8"), identity(mul, "int8")
    (-inf, -128, 1)
    """
    value = op.identity
    if value is None:
        raise ValueError(f"{op.name} has no identity: nothing can be reduced with it")
    if dtype == "bool":
        return bool(value > 0 if isinstance(value, float) else value)
    if dtypes.is_discrete(dtype):
        info = np.iinfo(dtype)
        if value == float("inf"):
            return int(info.max)
        if value == -float("inf"):
            return int(info.min)
        if value == -1:
            return int(info.max) if dtype in dtypes.UNSIGNED else -1
        return int(value)
    return value
