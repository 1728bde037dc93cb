"""The rows every backend has instructions for: the ground under the scalar table.

A primitive has no expansion. Everything else in `symnet.scalar.table` is written in terms of
these, so a backend that implements this file implements the whole table.

What a backend must know of them beyond their names:

- `floor ceil trunc rint` of integers, and `abs` of unsigned integers and booleans, change nothing.
- Arithmetic of integers wraps around. `add mul minimum maximum` of booleans are
  ``or and and or``; `bitwise_*` and `invert` of booleans are the logical operations.
- `minimum` and `maximum` give NaN where an operand is NaN, and either zero of ``-0.0, 0.0``.
- A conversion from floating point truncates toward zero; what an integer type cannot hold (NaN
  included) becomes some value of that type, which one is not promised. Into bool it is ``x != 0``.
- `quotient remainder shl shr` are internal, for expansions that have excluded the cases in which
  the machine's instruction has no meaning.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.scalar.expr import ScalarOp, rows

_Array = np.ndarray[Any, Any]

# ------------------------------------------------------------------------------ NumPy meanings


def _two_sum(a: _Array, b: _Array) -> tuple[_Array, _Array]:
    """Sum and its rounding error (Knuth, TAOCP 2, section 4.2.2)."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


def _add_to_odd(a: _Array, b: _Array) -> _Array:
    """Sum rounded to odd: rounding it once more, to fewer bits, is as rounding the exact sum."""
    total, error = _two_sum(a, b)
    inexact = (error != 0) & np.isfinite(total) & (total.view(np.int64) & 1 == 0)
    return np.where(inexact, np.nextafter(total, np.copysign(np.inf, error)), total)


def _two_product(a: _Array, b: _Array) -> tuple[_Array, _Array]:
    """Product and its rounding error (Dekker 1971), for operands of moderate size."""
    scaled_a, scaled_b = a * 134217729.0, b * 134217729.0  # 2**27 + 1 splits 53 bits in halves
    high_a, high_b = scaled_a - (scaled_a - a), scaled_b - (scaled_b - b)
    low_a, low_b = a - high_a, b - high_b
    product = a * b
    error = ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b
    return product, error


def _fma(x: _Array, y: _Array, z: _Array) -> _Array:
    """``x * y + z`` rounded once (Boldo and Melquiond 2008, emulation by rounding to odd)."""
    if x.dtype == np.float32:
        # The product is exact in float64.
        return _add_to_odd(np.multiply(x, y, dtype=np.float64), z.astype(np.float64))
    x, y, z = np.broadcast_arrays(x, y, z)
    (fraction_x, exponent_x), (fraction_y, exponent_y) = np.frexp(x), np.frexp(y)
    exponent = exponent_x + exponent_y
    scaled = np.ldexp(z, -exponent)
    high, low = _two_product(fraction_x, fraction_y)
    middle, error = _two_sum(scaled, low)
    top, rest = _two_sum(high, middle)
    exact = np.ldexp(top + _add_to_odd(error, rest), exponent)
    finite = np.isfinite(x) & np.isfinite(y) & np.isfinite(z)
    ordinary = finite & (x != 0) & (y != 0) & (np.abs(scaled) < 1e100)
    return np.asarray(np.where(ordinary, exact, x * y + z))


def _quotient(x: _Array, y: _Array) -> _Array:
    floored = np.floor_divide(x, y)
    inexact = floored * y != x
    return np.asarray(floored + (inexact & ((x < 0) != (y < 0))).astype(floored.dtype))


def _rint(x: _Array) -> _Array:
    return np.asarray(np.rint(x)) if x.dtype.kind == "f" else x


def _bits(dtype: str, source: str) -> ScalarOp:
    def rule(operands: tuple[str, ...]) -> dtypes.Signature:
        if operands != (source,):
            raise TypeError(f"bitcast_{dtype} reads a {source}, got {', '.join(operands)}")
        return dtypes.Signature(operands, dtype)

    return ScalarOp(
        f"bitcast_{dtype}",
        1,
        rule,
        lambda x: np.ascontiguousarray(x).view(dtype).reshape(x.shape),
        doc=f"The {dtype} with the bits of a {source} (internal).",
    )


def _cast(dtype: str) -> ScalarOp:
    return ScalarOp(
        f"cast_{dtype}",
        1,
        dtypes.cast_rule(dtype),
        lambda x: x,
        partials=((lambda x, out: 1),) if dtypes.is_float(dtype) else (None,),
        doc=f"x converted to {dtype}, truncating toward zero into integers.",
    )


# ---------------------------------------------------------------------------------- arithmetic

add = ScalarOp(
    "add", 2, dtypes.same, np.add,
    partials=(lambda x, y, out: 1, lambda x, y, out: 1),
    commutative=True, associative=True, identity=0,
    doc="x + y.",
)  # fmt: skip
sub = ScalarOp(
    "sub", 2, dtypes.same_number, np.subtract,
    partials=(lambda x, y, out: 1, lambda x, y, out: -1),
    doc="x - y.",
)  # fmt: skip
mul = ScalarOp(
    "mul", 2, dtypes.same, np.multiply,
    partials=(lambda x, y, out: y, lambda x, y, out: x),
    commutative=True, associative=True, identity=1,
    doc="x * y.",
)  # fmt: skip
true_div = ScalarOp(
    "true_div", 2, dtypes.floating, np.true_divide,
    partials=(lambda x, y, out: 1 / y, lambda x, y, out: -out / y),
    doc="x / y, a floating point number for integers too.",
)  # fmt: skip
fma = ScalarOp(
    "fma", 3, dtypes.floating, _fma,
    partials=(lambda x, y, z, out: y, lambda x, y, z, out: x, lambda x, y, z, out: 1),
    doc="x * y + z, rounded once.",
)  # fmt: skip
neg = ScalarOp(
    "neg", 1, dtypes.same_number, np.negative,
    partials=(lambda x, out: -1,),
    doc="-x.",
)  # fmt: skip
abs = ScalarOp(
    "abs", 1, dtypes.same, np.abs,
    partials=(lambda x, out: rows()["sgn"](x),),  # read late: sgn is written with primitives
    doc="The absolute value; its derivative at 0 is 0.",
)  # fmt: skip
minimum: ScalarOp = ScalarOp(
    "minimum", 2, dtypes.same, np.minimum,
    partials=(lambda x, y, out: eq(out, x), lambda x, y, out: neq(out, x)),
    commutative=True, associative=True, identity=math.inf,
    doc="The smaller of x and y, NaN where either is; at a tie the derivative goes to x.",
)  # fmt: skip
maximum: ScalarOp = ScalarOp(
    "maximum", 2, dtypes.same, np.maximum,
    partials=(lambda x, y, out: eq(out, x), lambda x, y, out: neq(out, x)),
    commutative=True, associative=True, identity=-math.inf,
    doc="The greater of x and y, NaN where either is; at a tie the derivative goes to x.",
)  # fmt: skip
sqrt = ScalarOp(
    "sqrt", 1, dtypes.floating, np.sqrt,
    partials=(lambda x, out: 0.5 / out,),
    domain=((0, math.inf),),
    doc="The square root.",
)  # fmt: skip
copysign: ScalarOp = ScalarOp(
    "copysign", 2, dtypes.floating, np.copysign,
    partials=(lambda x, y, out: copysign(1.0, x) * copysign(1.0, y), None),
    doc="|x| with the sign of y.",
)  # fmt: skip
quotient = ScalarOp(
    "quotient", 2, dtypes.integral, _quotient,
    doc="x / y truncated toward zero, for integers with y not 0 and no overflow (internal).",
    domain=(None, (1, math.inf)),
)  # fmt: skip
remainder = ScalarOp(
    "remainder", 2, dtypes.integral, lambda x, y: x - _quotient(x, y) * y,
    doc="x - y * quotient(x, y), for integers with y not 0 and no overflow (internal).",
    domain=(None, (1, math.inf)),
)  # fmt: skip

# ------------------------------------------------------------------------------------ rounding

floor = ScalarOp("floor", 1, dtypes.same, np.floor, doc="The greatest integer not above x.")
ceil = ScalarOp("ceil", 1, dtypes.same, np.ceil, doc="The least integer not below x.")
trunc = ScalarOp("trunc", 1, dtypes.same, np.trunc, doc="x without its fraction.")
rint = ScalarOp("rint", 1, dtypes.same, _rint, doc="The nearest integer, the even one of two.")

# ------------------------------------------------------------------------- comparison and choice

eq: ScalarOp = ScalarOp("eq", 2, dtypes.comparison, np.equal, commutative=True, doc="x == y.")
neq: ScalarOp = ScalarOp("neq", 2, dtypes.comparison, np.not_equal, commutative=True, doc="x != y.")
lt = ScalarOp("lt", 2, dtypes.comparison, np.less, doc="x < y.")
le = ScalarOp("le", 2, dtypes.comparison, np.less_equal, doc="x <= y.")
gt = ScalarOp("gt", 2, dtypes.comparison, np.greater, doc="x > y.")
ge = ScalarOp("ge", 2, dtypes.comparison, np.greater_equal, doc="x >= y.")
switch = ScalarOp(
    "switch", 3, dtypes.selection, np.where,
    partials=(None, lambda c, x, y, out: neq(c, False), lambda c, x, y, out: logical_not(c)),
    doc="x where the condition holds, y elsewhere.",
)  # fmt: skip

# ------------------------------------------------------------------------------ logic and bits

logical_and = ScalarOp(
    "logical_and", 2, dtypes.logical, np.logical_and,
    commutative=True, associative=True, identity=True, doc="Whether both are nonzero.",
)  # fmt: skip
logical_or = ScalarOp(
    "logical_or", 2, dtypes.logical, np.logical_or,
    commutative=True, associative=True, identity=False, doc="Whether either is nonzero.",
)  # fmt: skip
logical_xor = ScalarOp(
    "logical_xor", 2, dtypes.logical, np.logical_xor,
    commutative=True, associative=True, identity=False, doc="Whether exactly one is nonzero.",
)  # fmt: skip
logical_not: ScalarOp = ScalarOp(
    "logical_not", 1, dtypes.logical, np.logical_not, doc="Whether x is zero."
)
bitwise_and = ScalarOp(
    "bitwise_and", 2, dtypes.bitwise, np.bitwise_and,
    commutative=True, associative=True, identity=-1, doc="The bits set in both.",
)  # fmt: skip
bitwise_or = ScalarOp(
    "bitwise_or", 2, dtypes.bitwise, np.bitwise_or,
    commutative=True, associative=True, identity=0, doc="The bits set in either.",
)  # fmt: skip
bitwise_xor = ScalarOp(
    "bitwise_xor", 2, dtypes.bitwise, np.bitwise_xor,
    commutative=True, associative=True, identity=0, doc="The bits set in exactly one.",
)  # fmt: skip
invert = ScalarOp("invert", 1, dtypes.bitwise, np.invert, doc="The bits not set in x.")
shl = ScalarOp(
    "shl", 2, dtypes.integral, np.left_shift,
    doc="x shifted left by y bits, 0 <= y < width (internal).",
    domain=(None, (0, 7)),
)  # fmt: skip
shr = ScalarOp(
    "shr", 2, dtypes.integral, np.right_shift,
    doc="x shifted right by y bits, keeping the sign, 0 <= y < width (internal).",
    domain=(None, (0, 7)),
)  # fmt: skip

# --------------------------------------------------------------------------------- conversions

bitcast_int32 = _bits("int32", "float32")
bitcast_float32 = _bits("float32", "int32")
bitcast_int64 = _bits("int64", "float64")
bitcast_float64 = _bits("float64", "int64")

cast_bool = _cast("bool")
cast_int8 = _cast("int8")
cast_int16 = _cast("int16")
cast_int32 = _cast("int32")
cast_int64 = _cast("int64")
cast_uint8 = _cast("uint8")
cast_uint16 = _cast("uint16")
cast_uint32 = _cast("uint32")
cast_uint64 = _cast("uint64")
cast_float32 = _cast("float32")
cast_float64 = _cast("float64")

PRIMITIVES: dict[str, ScalarOp] = {
    row.name: row for row in list(globals().values()) if isinstance(row, ScalarOp)
}
