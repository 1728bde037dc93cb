"""What the expansions of transcendental functions share: number formats and polynomials.

Expansions are written once for float32 and float64. They branch on ``x.dtype`` while the
expression is built, never on data: a `switch` chooses between values that are both computed, so
that an expansion vectorises as it stands.

Polynomial coefficients are minimax (Remez exchange in 60 digits, weighted so that the error of the
function, not of the polynomial, is level), rounded to the format; highest power first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symnet.scalar.expr import ScalarOp
from symnet.scalar.primitives import (
    bitcast_float32,
    bitcast_float64,
    bitcast_int32,
    bitcast_int64,
    cast_float32,
    fma,
    gt,
    lt,
    shl,
    switch,
)

Coefficients = Mapping[str, Sequence[float]]
"""By dtype, highest power first."""


@dataclass(frozen=True, slots=True)
class Format:
    """A binary floating point format and its bit pattern.

    Attributes
    ----------
    mantissa
        Bits of the stored fraction.
    bias
        Exponent field of 1.0.
    tiny
        The least normal number.
    magic
        Adding it rounds a number to an integer and leaves that integer in the low bits of the
        pattern (1.5 times two to the number of mantissa bits), which saves a conversion.
    bits, number
        The rows that reinterpret a float as an integer and back.
    """

    mantissa: int
    bias: int
    tiny: float
    magic: float
    bits: ScalarOp
    number: ScalarOp

    def power(self, exponent: Any, offset: int = 0) -> Any:
        """Two to `exponent` (an integer, of which the low bits suffice) plus `offset`."""
        return self.number(shl(exponent, self.mantissa) + ((self.bias + offset) << self.mantissa))

    def from_small(self, n: Any) -> Any:
        """A small integer as a floating point number.

        Few machines convert vectors of 64-bit integers; any can add the magic number's pattern.
        """
        if self.mantissa == 23:
            return cast_float32(n)
        return self.number(n + 0x4338000000000000) - self.magic


_FORMATS = {
    "float32": Format(23, 127, 2.0**-126, 1.5 * 2.0**23, bitcast_int32, bitcast_float32),
    "float64": Format(52, 1023, 2.0**-1022, 1.5 * 2.0**52, bitcast_int64, bitcast_float64),
}


def format_of(x: Any) -> Format:
    """The format of a floating point expression or array."""
    return _FORMATS[str(x.dtype)]


def polynomial(x: Any, coefficients: Coefficients) -> Any:
    """Horner's scheme with the coefficients of the dtype of `x`."""
    first, *others = coefficients[str(x.dtype)]
    total: Any = first
    for c in others:
        total = fma(total, x, c)
    return total


def at_least(x: Any, bound: float) -> Any:
    """`x` raised to `bound`; NaN stays (one instruction, where `maximum` takes several)."""
    return switch(lt(x, bound), bound, x)


def at_most(x: Any, bound: float) -> Any:
    """`x` lowered to `bound`; NaN stays."""
    return switch(gt(x, bound), bound, x)
