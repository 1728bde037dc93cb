"""Partial derivatives of every row against central differences, to second order."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symnet import dtypes
from symnet.scalar import Const, Expr, Symbol, derivative, evaluate
from symnet.scalar.table import TABLE

POINTS = 80


def is_smooth(row) -> bool:
    """Whether the row takes floating point numbers and gives what differences can be made of."""
    try:
        signature = row.rule(("float64",) * row.arity)
    except TypeError:
        return False
    return signature.result == "float64" and any(map(dtypes.is_float, signature.operands))


SMOOTH = [pytest.param(row, id=name) for name, row in TABLE.items() if is_smooth(row)]


def call(row) -> tuple[Expr, list[Symbol], dict[Expr, np.ndarray]]:
    """The row applied to symbols, those that are floats, and interior points of the domain."""
    rng = np.random.default_rng(1)
    signature = row.rule(("float64",) * row.arity)
    symbols: list[Expr] = [Symbol("xyz"[k], d) for k, d in enumerate(signature.operands)]
    if row.name == "polygamma":
        symbols[0] = Const(1, "float64")
    values = {}
    for symbol, interval in zip(symbols, row.domain or (None,) * row.arity, strict=True):
        low, high = interval or (-3, 3)
        low, high = max(low, -3), min(high, 3)
        margin = 0.07 * (high - low)
        if isinstance(symbol, Const):
            continue
        if symbol.dtype == "bool":
            values[symbol] = rng.integers(0, 2, POINTS).astype(bool)
        else:
            values[symbol] = rng.uniform(low + margin, high - margin, POINTS)
    return row(*symbols), [s for s in values if s.dtype != "bool"], values


def differences(f: Expr, x: Symbol, values) -> tuple[np.ndarray, np.ndarray]:
    """Central differences, and whether the function has no kink or jump nearby."""
    h = 1e-6

    def at(step):
        moved = {**values, x: values[x] + step}
        return np.broadcast_to(evaluate(f, moved), (POINTS,)).astype(np.float64)

    with np.errstate(all="ignore"):
        right, left = (at(h) - at(0)) / h, (at(0) - at(-h)) / h
    return (right + left) / 2, np.abs(right - left) <= 1e-3 * (1 + np.abs(right) + np.abs(left))


def assert_derivative(f: Expr, x: Symbol, values) -> Expr:
    slope = derivative(f, x)
    assert slope.dtype == f.dtype
    got = np.broadcast_to(evaluate(slope, values), (POINTS,))
    want, smooth = differences(f, x, values)
    assert smooth.mean() > 0.5
    scale = 1 + np.abs(np.broadcast_to(evaluate(f, values), (POINTS,)))
    wrong = smooth & ~(np.abs(got - want) <= 1e-5 * np.abs(want) + 1e-7 * scale)
    first = {str(s): v[wrong][:2] for s, v in values.items()}
    assert not wrong.any(), f"at {first}: {got[wrong][:2]}, differences give {want[wrong][:2]}"
    return slope


@pytest.mark.parametrize("row", SMOOTH)
def test_partials(row):
    f, symbols, values = call(row)
    for x in symbols:
        assert_derivative(f, x, values)


@pytest.mark.parametrize("row", SMOOTH)
def test_second_partials(row):
    f, symbols, values = call(row)
    for x in symbols:
        slope = derivative(f, x)
        for y in symbols:
            assert_derivative(slope, y, values)


@pytest.mark.parametrize("row", SMOOTH)
def test_partials_keep_float32(row):
    """No Python number in a partial makes a float64 of it, whatever the default is."""
    from symnet.config import config

    signature = row.rule(("float32",) * row.arity)
    if signature.result != "float32":
        return
    for float_x in dtypes.FLOAT:
        with config.change(floatX=float_x):
            symbols = [Symbol("xyz"[k], d) for k, d in enumerate(signature.operands)]
            out = row(*symbols)
            for partial in row.partials:
                slope = partial(*symbols, out) if partial else 1
                assert isinstance(slope, int | float) or slope.dtype in ("float32", "bool")


def slopes(name: str, *values: float) -> list[float]:
    symbols = [Symbol("xyz"[k], "float64") for k in range(len(values))]
    at = {s: np.float64(v) for s, v in zip(symbols, values, strict=True)}
    return [float(evaluate(derivative(TABLE[name](*symbols), s), at)) for s in symbols]


@pytest.mark.parametrize(
    ("name", "operands", "expected"),
    [
        ("abs", (0.0,), [0]),
        ("maximum", (2.0, 2.0), [1, 0]),
        ("minimum", (2.0, 2.0), [1, 0]),
        ("clip", (1.0, 1.0, 2.0), [1, 0, 0]),
        ("clip", (0.0, 1.0, 2.0), [0, 1, 0]),
        ("clip", (3.0, 1.0, 2.0), [0, 0, 1]),
        ("clip", (3.0, 5.0, 2.0), [0, 0, 1]),
        ("sgn", (1.0,), [0]),
        ("sqrt", (0.0,), [math.inf]),
        ("pow", (0.0, 0.0), [0, 0]),
        ("pow", (0.0, 1.0), [1, 0]),
        ("pow", (0.0, 2.0), [0, 0]),
        ("pow", (3.0, 0.0), [0, math.log(3)]),
        ("xlogy0", (0.0, 2.0), [math.log(2), 0]),
        ("xlogy0", (0.0, 0.0), [-math.inf, 0]),
        ("sigmoid", (-1000.0,), [0]),
        ("softplus", (1000.0,), [1]),
        ("tanh", (1000.0,), [0]),
        ("logaddexp", (1000.0, 0.0), [1, 0]),
        ("copysign", (2.0, -0.0), [-1, 0]),
        ("erf", (100.0,), [0]),
    ],
)
def test_partials_at_the_edges(name, operands, expected):
    """Kinks follow Theano, and what is finite or zero is not NaN."""
    np.testing.assert_allclose(slopes(name, *operands), expected, rtol=1e-14)


def test_partials_of_conversions():
    x = Symbol("x", "float32")
    wide = TABLE["cast_float64"](x)
    assert evaluate(derivative(wide * wide, x), {x: np.float32(3)}) == 6
    assert derivative(wide, x).dtype == "float64"
    truncated = TABLE["cast_float32"](TABLE["cast_int32"](x))
    assert derivative(truncated, x) == Const(0, "float32")
