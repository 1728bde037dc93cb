"""Every row of the scalar table: its NumPy meaning and its expansion against an exact reference.

A new row is tested because it is in the table. What it needs here is at most an entry in `EXACT`,
where NumPy's own function is not the reference.
"""

from __future__ import annotations

import itertools
import math
from contextlib import suppress
from functools import cache

import mpmath
import numpy as np
import pytest
from scipy import special

from symnet import dtypes
from symnet.config import config
from symnet.scalar import Const, ScalarOp, Symbol, evaluate, expand
from symnet.scalar.table import TABLE

LONG = np.longdouble
SHORT_REFERENCE = 0 if np.finfo(LONG).nmant > 60 else 1  # where a long double is a double
RANDOM_OPERANDS = 3000

FLOAT_EDGES = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 0.1, 7.3, 104.0, 1e10, np.inf]
ORDERS = (0, 1, 2, 3, 4)  # of polygamma


def _logistic(x):
    z = np.exp(-np.abs(x))
    return np.where(x >= 0, LONG(1), z) / (1 + z)


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _logaddexp(x, y):
    with np.errstate(invalid="ignore"):
        return np.where(x == y, x + np.log(LONG(2)), np.maximum(x, y) + _softplus(-np.abs(x - y)))


def _special(function, exact):
    """A function of scipy, whose results for float64 operands mpmath makes exact."""

    def reference(*operands):
        with np.errstate(all="ignore"):
            double = np.asarray(function(*(x.astype(np.float64) for x in operands)))
        values = double.astype(LONG)
        if operands[0].dtype == np.float32:
            return values
        moderate = (operands[-1] > -200) & (operands[-1] < 1e12) & (operands[-1] != 0)
        for k in np.flatnonzero(moderate & ~np.isnan(double)):
            with suppress(ValueError, ArithmeticError):  # scipy knows the poles
                digits = exact(*(mpmath.mpf(float(x[k])) for x in operands))
                high = float(digits)
                low = digits - mpmath.mpf(high) if math.isfinite(high) else 0
                values[k] = LONG(high) + LONG(float(low))
        return values

    return reference


def _gamma(x):
    poles = (x < 0) & (x == np.floor(x))
    return np.where(poles, np.nan, special.gamma(x))


def _polygamma(n, x):
    return np.where(n == 0, special.psi(x), special.polygamma(n, x))


def _ultra_fast_sigmoid(x):
    a = np.abs(x) / 2
    bend = np.where(a < 3, LONG(0.935409070603099) + LONG(0.0458812946797165) * (a - LONG(1.7)), 1)
    bend = np.where(a < 3, bend, LONG(0.99505475368673))
    return (np.copysign(np.where(a < LONG(1.7), 1.5 * a / (a + 1), bend), x) + 1) / 2


# References on long doubles where NumPy's function is none.
EXACT = {
    "sigmoid": _logistic,
    "softplus": _softplus,
    "logaddexp": _logaddexp,
    "deg2rad": lambda x: x * (LONG(np.pi) + LONG(1.2246467991473532e-16)) / 180,
    "rad2deg": lambda x: x * 180 / (LONG(np.pi) + LONG(1.2246467991473532e-16)),
    "ultra_fast_sigmoid": _ultra_fast_sigmoid,
    "hard_sigmoid": lambda x: np.clip(x / 5 + 0.5, 0, 1),
}
SPECIAL = {
    "erf": _special(special.erf, mpmath.erf),
    "erfc": _special(special.erfc, mpmath.erfc),
    "erfinv": _special(lambda x: np.copysign(special.erfinv(x), x), mpmath.erfinv),
    "gamma": _special(_gamma, mpmath.gamma),
    "gammaln": _special(special.gammaln, lambda x: mpmath.re(mpmath.loggamma(x))),
    "psi": _special(special.psi, lambda x: mpmath.psi(0, x)),
    "tri_gamma": _special(lambda x: special.polygamma(1, x), lambda x: mpmath.psi(1, x)),
    "polygamma": _special(_polygamma, lambda n, x: mpmath.psi(int(n), x)),
}


def signatures(row: ScalarOp) -> dict[tuple[str, ...], str]:
    """Every combination of dtypes the row computes in, from operands of one dtype."""
    found = {}
    for dtype in dtypes.ALL:
        try:
            signature = row.rule((dtype,) * row.arity)
        except TypeError:
            continue
        found[signature.operands] = signature.result
    return found


CASES = [
    pytest.param(row, operands, id="-".join([row.name, *sorted(set(operands))]))
    for row in TABLE.values()
    for operands in signatures(row)
]
EXPANDED = [case for case in CASES if case.values[0].expand is not None]


def edges(dtype: str, interval: tuple[float, float] | None) -> np.ndarray:
    """Values at which something may change."""
    if dtype == "bool":
        return np.array([False, True])
    if dtypes.is_discrete(dtype):
        info = np.iinfo(dtype)
        width = info.bits
        values = {0, 1, 2, 3, 7, width - 1, width, info.max, info.max - 1, info.min, info.min + 1}
        values |= {-1, -2, -7} if info.min < 0 else set()
        low, high = interval or (-math.inf, math.inf)
        if info.max <= 2**31:  # a domain of floating point numbers says nothing of long integers
            values = {v for v in values if low <= v <= high or interval == (-1e6, 1e6)}
        else:
            values = {v for v in values if low <= v <= high or low < 0}
        return np.array(sorted(values), dtype)
    info = np.finfo(dtype)
    positive = [*FLOAT_EDGES, info.tiny, info.smallest_subnormal, info.max, info.eps, 1 - info.eps]
    return np.array([*positive, *(-np.array(positive)), np.nan], dtype)


def random_values(rng, dtype: str, interval: tuple[float, float] | None) -> np.ndarray:
    """Half of them uniform over the representable numbers of the interval, half over its length."""
    n = RANDOM_OPERANDS
    if dtype == "bool":
        return rng.integers(0, 2, n).astype(bool)
    low, high = interval or (-math.inf, math.inf)
    if dtypes.is_discrete(dtype):
        info = np.iinfo(dtype)
        low, high = int(max(low, info.min)), int(min(high, info.max))
        wide = rng.integers(low, high, n // 2, dtype, endpoint=True)
        narrow = rng.integers(max(low, -9), min(high, 9), n - n // 2, dtype, endpoint=True)
        return np.concatenate([wide, narrow])
    info = np.finfo(dtype)
    low, high = max(low, float(info.min)), min(high, float(info.max))
    integer = np.dtype(f"int{info.bits}")
    magnitudes = []
    for end in (low, high):
        bits = int(np.array(abs(end), dtype).view(integer))
        magnitudes.append(-bits if end < 0 else bits)
    codes = rng.integers(*magnitudes, n // 2, endpoint=True)
    spread = np.abs(codes).astype(integer).view(dtype) * np.where(codes < 0, -1, 1).astype(dtype)
    even = rng.uniform(max(low, -30), min(high, 30), n - n // 2).astype(dtype)
    return np.clip(np.concatenate([spread, even]), np.array(low, dtype), np.array(high, dtype))


def operands(row: ScalarOp, sources: tuple[str, ...]) -> list[np.ndarray]:
    """Combinations of the edges, then random values."""
    rng = np.random.default_rng(len(row.name))
    domain = row.domain or (None,) * row.arity
    ends = [edges(d, i) for d, i in zip(sources, domain, strict=True)]
    if row.name == "polygamma":
        ends[0] = np.array(ORDERS, sources[0])
    corners = np.array(list(itertools.product(*ends)), dtype=object).T
    points = []
    for corner, source, interval in zip(corners, sources, domain, strict=True):
        values = random_values(rng, source, interval)
        points.append(np.concatenate([corner.astype(source), rng.permutation(values)]))
    if row.name == "polygamma":
        points[0] = np.rint(points[0])
    keep = promised(row, points)
    assert keep.any(), f"{row.name} has no domain to draw operands from"
    return [p[keep] for p in points]


def promised(row: ScalarOp, points: list[np.ndarray]) -> np.ndarray:
    """Where the compiled operation has to agree with NumPy."""
    x = points[0]
    keep = np.ones(x.shape, bool)
    if not dtypes.is_float(x.dtype.name):
        return keep
    if row.name in ("sin", "cos", "tan"):
        keep = (np.abs(x) <= row.domain[0][1]) | ~np.isfinite(x)
    elif row.name in ("mod", "int_div"):  # a quotient beyond 2**53 may give NaN
        with np.errstate(all="ignore"):
            quotient = np.abs(x / points[1])
        keep = ~(quotient > 2.0**53) | np.isinf(x) | (points[1] == 0)
    elif row.name in ("gammaln", "psi", "tri_gamma"):  # accuracy is lost near zeros and poles
        keep = (x >= 0) | (np.isfinite(x) & (x == np.floor(x))) | np.isnan(x)
    elif row.name == "gamma":  # scipy goes to zero early
        keep = x > -170
    elif row.name == "logaddexp":  # the sum may cancel
        keep = ~((np.minimum(*points) < 0) & np.isfinite(points[0]) & np.isfinite(points[1]))
    elif row.name == "polygamma":
        keep = (points[1] > 1e-30) & (points[1] < 1e30)
    elif row.name.startswith("cast_"):
        target = row.name.removeprefix("cast_")
        if dtypes.is_discrete(target) and target != "bool":
            info = np.iinfo(target)
            keep = (x > float(info.min) - 1) & (x < float(info.max))
    return keep


@cache
def exact(row: ScalarOp, sources: tuple[str, ...]) -> np.ndarray:
    """The result for the operands of a case, to more digits than it has."""
    points = operands(row, sources)
    with np.errstate(all="ignore"), mpmath.workdps(30):
        if row.name in SPECIAL:
            return SPECIAL[row.name](*points)
        wide = [p.astype(LONG) if p.dtype.kind == "f" else p for p in points]
        return np.asarray(EXACT.get(row.name, row.numpy)(*wide))


def ulps(got: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Distance from the reference in units in the last place of the rounded reference."""
    with np.errstate(all="ignore"):
        rounded = reference.astype(got.dtype)
        unit = np.abs(np.spacing(np.where(np.isfinite(rounded), rounded, 1)))
        distance = np.abs(got.astype(LONG) - reference) / unit.astype(LONG)
        agree = (got == rounded) | (np.isnan(got) & np.isnan(reference))
    return np.where(agree, 0, np.where(np.isnan(distance), np.inf, distance)).astype(np.float64)


def assert_close(row, points, got, reference, bound, what) -> None:
    error = ulps(got, reference)
    if row.ulp == 0:
        wrong = error > 0
    else:
        wrong = error > bound
        # A zero keeps its sign.
        wrong |= (got == 0) & (reference == 0) & (np.signbit(got) != np.signbit(reference))
    first = [*(p[wrong][:3] for p in points), got[wrong][:3], reference[wrong][:3]]
    assert not wrong.any(), f"{what} of {row.name} off by {error.max()} ulp: {first}"


def expansion(row: ScalarOp, points: list[np.ndarray]) -> np.ndarray:
    symbols = [Symbol("xyz"[k], p.dtype.name) for k, p in enumerate(points)]
    if row.name == "polygamma":
        out = np.empty_like(points[1])
        for order in ORDERS:
            at = points[0] == order
            call = row(Const(order, symbols[0].dtype), symbols[1])
            out[at] = evaluate(expand(call, frozenset()), {symbols[1]: points[1][at]})
        return out
    call = row(*symbols)
    value = evaluate(expand(call, frozenset()), dict(zip(symbols, points, strict=True)))
    assert value.dtype == call.dtype
    return np.broadcast_to(value, points[0].shape)


@pytest.mark.parametrize(("row", "sources"), CASES)
def test_numpy_meaning(row, sources):
    points = operands(row, sources)
    got = row.evaluate(*points)
    assert got.dtype == signatures(row)[sources]
    assert np.broadcast_shapes(got.shape, points[0].shape) == points[0].shape
    if row.name in EXACT or row.name in SPECIAL:
        reference = exact(row, sources)
        assert_close(row, points, got, reference, max(row.ulp, 4), "the NumPy meaning")


@pytest.mark.parametrize(("row", "sources"), EXPANDED)
def test_expansion(row, sources):
    points = operands(row, sources)
    got = expansion(row, points)
    if dtypes.is_float(got.dtype.name) and row.ulp:
        reference = exact(row, sources)
        assert_close(row, points, got, reference, row.ulp + SHORT_REFERENCE, "the expansion")
    else:
        want = np.broadcast_to(row.evaluate(*points), got.shape)
        same = (got == want) | ((got != got) & (want != want))
        if got.dtype.kind == "f":
            same &= (np.signbit(got) == np.signbit(want)) | (want != 0)
        first = [*(p[~same][:3] for p in points), got[~same][:3], want[~same][:3]]
        assert same.all(), f"{row.name}: {first}"


OF_SEVERAL = [
    case for case in EXPANDED if case.values[0].arity > 1 and case.values[0].name != "polygamma"
]


@pytest.mark.parametrize(("row", "sources"), OF_SEVERAL)
def test_expansion_by_a_constant(row, sources):
    """Expansions look at constant operands: at those values they compute the same."""
    rng = np.random.default_rng(5)
    points = operands(row, sources)
    x = points[0][rng.integers(0, len(points[0]), 300)]
    others = rng.permutation(np.unique(np.stack(points[1:], 1), axis=0))[:12]
    if row.arity == 2:
        few = np.array([-2, -1, 0, 1, 2, 3, 4, 6, 8])
        few = few[few >= 0] if sources[1] in dtypes.UNSIGNED + dtypes.BOOL else few
        others = np.concatenate([others[:, 0], few.astype(sources[1])])[:, None]
    symbol = Symbol("x", sources[0])
    for values in others:
        if not np.all(values == values):
            continue
        constants = [Const(v.item(), d) for v, d in zip(values, sources[1:], strict=True)]
        got = evaluate(expand(row(symbol, *constants), frozenset()), {symbol: x})
        want = row.evaluate(x, *(np.full(x.shape, v) for v in values))
        keep = promised(row, [x, *(np.full(x.shape, v) for v in values)])
        got = np.broadcast_to(got, x.shape)[keep]
        if got.dtype.kind == "f":
            rtol = (2 * row.ulp + 2) * np.finfo(got.dtype).eps
            np.testing.assert_allclose(got, want[keep], rtol=rtol, err_msg=f"{row.name} {values}")
        else:
            np.testing.assert_array_equal(got, want[keep], err_msg=f"{row.name} {values}")


IDENTITIES = [case for case in CASES if case.values[0].identity is not None]


@pytest.mark.parametrize(("row", "sources"), IDENTITIES)
def test_identity(row, sources):
    x = operands(row, sources)[0]
    element = row.identity
    if dtypes.is_discrete(sources[0]) and element in (math.inf, -math.inf):
        # The extremes of the dtype stand for infinities.
        info = None if sources[0] == "bool" else np.iinfo(sources[0])
        extremes = (info.min, info.max) if info else (False, True)
        element = extremes[element > 0]
    e = np.asarray(element).astype(sources[0])
    for got in (row.evaluate(x, e), row.evaluate(e, x)):
        np.testing.assert_array_equal(got, x)


COMMUTATIVE = [case for case in CASES if case.values[0].commutative]


@pytest.mark.parametrize(("row", "sources"), COMMUTATIVE)
def test_commutative(row, sources):
    x, y = operands(row, sources)
    np.testing.assert_array_equal(row.evaluate(x, y), row.evaluate(y, x))


ASSOCIATIVE = [case for case in CASES if case.values[0].associative]


@pytest.mark.parametrize(("row", "sources"), ASSOCIATIVE)
def test_associative(row, sources):
    x, y = operands(row, sources)
    if x.dtype.kind == "f":  # up to rounding, where nothing cancels or overflows
        keep = (np.abs(x) < 1e4) & (np.abs(y) < 1e4) & (np.abs(x) > 1e-4) & (np.abs(y) > 1e-4)
        x, y = np.abs(x[keep]), np.abs(y[keep])
    z = np.roll(x, 1)
    left = row.evaluate(row.evaluate(x, y), z)
    right = row.evaluate(x, row.evaluate(y, z))
    if x.dtype.kind == "f":
        np.testing.assert_allclose(left, right, rtol=1e-5)
    else:
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("float_x", dtypes.FLOAT)
def test_integers_become_the_default_float(float_x):
    """And floating point operands keep their dtype."""
    with config.change(floatX=float_x):
        for row in TABLE.values():
            if row.rule is not dtypes.floating:
                continue
            for dtype in ("bool", "int8", "int64"):
                assert row.rule((dtype,) * row.arity).result == float_x
            for dtype in dtypes.FLOAT:
                assert row.rule((dtype,) * row.arity).result == dtype
        assert TABLE["exp"](Symbol("x", "int32")).dtype == float_x
        assert TABLE["true_div"](Symbol("x"), 2).dtype == float_x


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sqrt", -1.0), ("log", -1.0), ("log2", -1.0), ("log10", -1.0), ("log1p", -1.5),
        ("xlogx", -1.0), ("arcsin", 1.5), ("arccos", -1.5), ("arccosh", 0.5), ("arctanh", 2.0),
        ("erfinv", -1.5), ("gamma", -1.0), ("tan", np.inf), ("sin", -np.inf), ("cos", np.inf),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", dtypes.FLOAT)
def test_not_a_number_outside_the_domain(name, value, dtype):
    row, x = TABLE[name], np.array(value, dtype)
    assert np.isnan(row.evaluate(x))
    symbol = Symbol("x", dtype)
    assert np.isnan(evaluate(expand(row(symbol), frozenset()), {symbol: x}))


@pytest.mark.parametrize("dtype", dtypes.FLOAT)
def test_circular_functions_end_in_not_a_number(dtype):
    """Beyond the range of their reduction the compiled functions do not pretend."""
    symbol = Symbol("x", dtype)
    for name in ("sin", "cos", "tan"):
        value = evaluate(expand(TABLE[name](symbol), frozenset()), {symbol: np.array(1e30, dtype)})
        assert np.isnan(value)


@pytest.mark.parametrize("dtype", dtypes.FLOAT)
def test_powers_at_the_edges(dtype):
    """The special cases of C's pow (ISO C, annex F.10.4.4), all of them."""
    values = np.array([0.0, 1, 0.5, 2, 3, 1.5, np.inf])
    values = np.array([*values, *-values, np.nan])
    x, y = (a.ravel().astype(dtype) for a in np.meshgrid(values, values))
    a, b = Symbol("x", dtype), Symbol("y", dtype)
    got = evaluate(expand(TABLE["pow"](a, b), frozenset()), {a: x, b: y})
    with np.errstate(all="ignore"):
        want = np.power(x, y)
    np.testing.assert_allclose(got, want, rtol=2 * np.finfo(dtype).eps)
    known = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(got)[known], np.signbit(want)[known])


def test_powers_of_two_and_ten_have_whole_logarithms():
    for dtype in dtypes.FLOAT:
        x = Symbol("x", dtype)
        n = np.arange(-20, 21).astype(dtype)
        with_log2 = evaluate(expand(TABLE["log2"](x), frozenset()), {x: np.exp2(n)})
        np.testing.assert_array_equal(with_log2, n)
        tens = np.arange(0, 9).astype(dtype)
        with_log10 = evaluate(expand(TABLE["log10"](x), frozenset()), {x: np.power(10, tens)})
        np.testing.assert_array_equal(with_log10, tens)
        whole = evaluate(expand(TABLE["exp2"](x), frozenset()), {x: n})
        np.testing.assert_array_equal(whole, np.exp2(n))


def test_fused_multiply_add_rounds_once():
    rng = np.random.default_rng(0)
    for dtype in dtypes.FLOAT:
        x, y = rng.standard_normal((2, 1000)).astype(dtype)
        product = x * y
        error = TABLE["fma"].evaluate(x, y, -product)
        # The sum of the rounded product and its error is the product itself.
        from fractions import Fraction

        for k in range(200):
            assert Fraction(x[k].item()) * Fraction(y[k].item()) == Fraction(
                product[k].item()
            ) + Fraction(error[k].item())
        z = rng.standard_normal(1000).astype(dtype) * np.float32(1e-3)
        fused = TABLE["fma"].evaluate(x, y, z)
        for k in range(200):
            exact_sum = Fraction(x[k].item()) * Fraction(y[k].item()) + Fraction(z[k].item())
            half = Fraction(np.spacing(abs(fused[k])).item()) / 2
            assert abs(Fraction(fused[k].item()) - exact_sum) <= half


def test_rows_have_names_of_their_own():
    assert all(TABLE[name].name == name for name in TABLE)
    from symnet.scalar import table

    for name, row in TABLE.items():
        assert getattr(table, name) is row
        assert row.doc.endswith(".")
        assert len(row.partials) in (0, row.arity)
        assert len(row.domain) in (0, row.arity)
        assert row.expand is not None or row.ulp == 0


def test_expansions_end_in_primitives():
    from symnet.scalar import Call, walk

    for row in TABLE.values():
        for sources in signatures(row):
            symbols = [Symbol("xyz"[k], d) for k, d in enumerate(sources)]
            if row.name == "polygamma":
                symbols[0] = Const(2, sources[0])
            for x in walk(expand(row(*symbols), frozenset())):
                assert not isinstance(x, Call) or x.op.expand is None
