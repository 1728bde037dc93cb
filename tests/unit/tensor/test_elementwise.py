import numpy as np
import pytest

import symnet.tensor as T
from symnet.scalar import TABLE


@pytest.mark.parametrize(
    ("expression", "meaning"),
    [
        (lambda x, y: x + y, np.add),
        (lambda x, y: x - y, np.subtract),
        (lambda x, y: x * y, np.multiply),
        (lambda x, y: x / y, np.true_divide),
        (lambda x, y: x // y, np.floor_divide),
        (lambda x, y: x % y, np.mod),
        (lambda x, y: x**y, np.power),
        (lambda x, y: x < y, np.less),
        (lambda x, y: x >= y, np.greater_equal),
        (lambda x, y: divmod(x, y)[1], np.mod),
        (T.eq, np.equal),
        (T.neq, np.not_equal),
        (T.maximum, np.maximum),
        (T.arctan2, np.arctan2),
        (T.logaddexp, np.logaddexp),
    ],
)
def test_binary(run, expression, meaning):
    x, y = np.array([1, 2, 3.5], "float32"), np.array([2, 2, 0.5], "float32")
    found = run(expression(T.vector("x"), T.vector("y")), x=x, y=y)
    np.testing.assert_allclose(found, meaning(x, y), rtol=1e-6)
    found = run(expression(T.vector("x"), y), x=x)
    np.testing.assert_allclose(found, meaning(x, y), rtol=1e-6)
    np.testing.assert_allclose(run(expression(T.vector("x"), 2), x=x), meaning(x, 2), rtol=1e-6)


def test_reflected_operators(run):
    x = T.vector("x")
    np.testing.assert_array_equal(run(1 - x, x=[1, 3]), [0, -2])
    np.testing.assert_array_equal(run(np.ones(2, "float32") / x, x=[1, 2]), [1, 0.5])
    np.testing.assert_array_equal(run(2**x, x=[1, 3]), [2, 8])
    np.testing.assert_array_equal(run([10, 20] - x, x=[1, 3]), [9, 17])
    assert (np.float32(2) * x).dtype == "float32"


def test_unary_operators(run):
    x, i = T.vector("x"), T.ivector("i")
    np.testing.assert_array_equal(run(-x, x=[1, -2]), [-1, 2])
    np.testing.assert_array_equal(run(abs(x), x=[1, -2]), [1, 2])
    np.testing.assert_array_equal(run(~i, i=[0, 1]), [-1, -2])
    np.testing.assert_array_equal(run((i & 1) | (i ^ 2) << 1, i=[1, 2]), [7, 0])
    assert +x is x


def test_dtypes():
    x, i, d = T.vector("x"), T.ivector("i"), T.dvector("d")
    assert (x + 1.5).dtype == "float32"
    assert (x + d).dtype == "float64"
    assert (i + 1).dtype == "int32"
    assert (i * 0.5).dtype == "float32"
    assert (i / 2).dtype == "float32"
    assert T.exp(i).dtype == "float32"
    assert (x < 1).dtype == "bool"
    assert (x + np.float64(1)).dtype == "float64"
    assert T.pow(2, 7).dtype == "int64"


def test_table_is_exposed_whole():
    for name, row in TABLE.items():
        if "(internal)" in row.doc or name.startswith("cast_"):
            assert not hasattr(T, name), name
        else:
            assert getattr(T, name) is not None


def test_other_names(run):
    x = T.vector("x")
    for name, meaning in [
        ("abs_", np.abs),
        ("inv", np.reciprocal),
        ("square", np.square),
        ("sgn", np.sign),
    ]:
        expected = meaning(np.array([-2, 4], "float32"))
        np.testing.assert_array_equal(run(getattr(T, name)(x), x=[-2, 4]), expected)
    assert T.abs_.__name__ == "abs_"
    assert T.exp.__doc__ == TABLE["exp"].doc


def test_any_number_of_operands(run):
    x, y, z = T.vectors("x", "y", "z")
    np.testing.assert_array_equal(run(T.add(x, y, z, 1), x=[1], y=[2], z=[3]), [7])
    np.testing.assert_array_equal(run(T.maximum(x, y, z), x=[1], y=[5], z=[3]), [5])
    for wrong in [(x,), ()]:
        with pytest.raises(TypeError, match="add takes 2 operands"):
            T.add(*wrong)
    with pytest.raises(TypeError, match="sub takes 2 operands, got 3"):
        T.sub(x, y, z)
    with pytest.raises(TypeError, match="exp takes 1 operands, got 2"):
        T.exp(x, y)


def test_functions_of_numbers_are_symbolic(run):
    assert run(T.exp(0)) == 1
    assert run(T.sqrt([4.0, 9.0])).tolist() == [2, 3]
    assert run(T.maximum(np.array([1, 5]), 3)).tolist() == [3, 5]


def test_choice(run):
    x = T.vector("x")
    np.testing.assert_array_equal(run(T.switch(x > 0, x, 0), x=[-1, 2]), [0, 2])
    np.testing.assert_array_equal(run(T.where(x > 0, 1, x), x=[-1, 2]), [-1, 1])
    np.testing.assert_array_equal(run(T.clip(x, -1, 1), x=[-3, 0.5]), [-1, 0.5])
    np.testing.assert_array_equal(run(x.clip(0, T.scalar("top")), x=[-3, 5], top=4), [0, 4])


def test_cast(run):
    x = T.vector("x")
    assert T.cast(x, "float32") is x
    assert T.cast(T.ivector(), "floatX").dtype == "float32"
    assert x.astype(np.int8).dtype == "int8"
    np.testing.assert_array_equal(run(T.cast(x, "int32"), x=[-1.7, 1.7]), [-1, 1])
    with pytest.raises(TypeError, match="no dtype complex128"):
        T.cast(x, "complex128")
    with pytest.raises(TypeError, match="'flaot32' is not a dtype"):
        T.cast(x, "flaot32")


def test_round(run):
    x = T.vector("x")
    values = [0.5, 1.5, -2.5, 2.3]
    np.testing.assert_array_equal(run(T.round(x), x=values), [0, 2, -2, 2])
    away = T.round(x, mode="half_away_from_zero")
    np.testing.assert_array_equal(run(away, x=values), [1, 2, -3, 2])
    found = run(T.iround(x), x=values)
    assert found.dtype == "int64"
    with pytest.raises(ValueError, match="mode is one of 'half_to_even', 'half_away"):
        T.round(x, "up")


def test_isclose(run):
    x, y = T.dvectors("x", "y")
    a = [1, 1, np.inf, np.inf, np.nan, 0, np.inf]
    b = [1 + 1e-6, 1.1, np.inf, -np.inf, np.nan, 0, 1]
    for equal_nan in (False, True):
        found = run(T.isclose(x, y, equal_nan=equal_nan), x=a, y=b)
        np.testing.assert_array_equal(found, np.isclose(a, b, equal_nan=equal_nan))


def test_methods(run):
    x = T.vector("x")
    v = np.array([0.25, 0.5], "float32")
    for name in ("exp", "sqrt", "tanh", "arcsin", "log1p", "deg2rad", "floor", "exp2"):
        np.testing.assert_allclose(run(getattr(x, name)(), x=v), getattr(np, name)(v), rtol=1e-6)
    assert x.tanh.__doc__ == "Return `T.tanh` of this."
    copied = x.copy("twin")
    assert copied is not x
    assert copied.name == "twin"
    np.testing.assert_array_equal(run(x.round(), x=v), [0, 0])


def test_xlogx(run):
    x, y = T.vectors("x", "y")
    found = run(T.xlogx.xlogy0(x, y), x=[0, 0, 2], y=[0, 3, 1])
    np.testing.assert_array_equal(found, [0, 0, 0])
    np.testing.assert_array_equal(run(T.xlogx.xlogx(x), x=[0, 1]), [0, 0])


def test_operands_that_are_no_numbers():
    x = T.vector("x")
    for wrong in (None, "a", {}, object()):
        with pytest.raises(TypeError, match="cannot make a tensor of"):
            x + wrong
    with pytest.raises(TypeError, match="bit operations need integers"):
        x & 1
    with pytest.raises(OverflowError, match="300 does not fit int8"):
        T.bvector() + 300


def test_lengths_that_cannot_broadcast():
    with pytest.raises(TypeError, match="lengths of dimension 0 differ"):
        T.vector(shape=(2,)) + T.vector(shape=(3,))


def test_closeness_of_all(run):
    x = T.dvector("x")
    value = np.array([1.0, np.inf, np.nan])
    for other, expected in ((value, False), (value[:2] * (1 + 1e-7), True), (value[:2] + 1, False)):
        given = value[: len(other)]
        found = run(T.allclose(x, other), x=given)
        assert found.dtype == "bool"
        assert found.shape == ()
        assert bool(found) is expected
    assert run(T.allclose(x, value, equal_nan=True), x=value)


def test_infinities_by_sign(run):
    x = T.dvector("x")
    value = np.array([1.0, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(run(T.isposinf(x), x=value), np.isposinf(value))
    np.testing.assert_array_equal(run(T.isneginf(x), x=value), np.isneginf(value))


def test_division_of_integers(run):
    i, j = T.ivector("i"), T.ivector("j")
    a, b = np.array([7, -7, 6, 0]), np.array([2, 2, 3, 5])
    found = run(T.ceil_intdiv(i, j), i=a, j=b)
    assert found.dtype == "int32"
    np.testing.assert_array_equal(found, -(-a // b))
    for f, e in zip(run(T.divmod(i, j), i=a, j=b), divmod(a, b), strict=True):
        np.testing.assert_array_equal(f, e)
    np.testing.assert_array_equal(run(T.mod_check(i, j), i=a, j=b), a % b)
    np.testing.assert_array_equal(run(T.floor_div(i, j), i=a, j=b), a // b)
    with pytest.raises(TypeError, match="divides integers"):
        T.ceil_intdiv(i, 2.0)


def test_real_numbers_as_complex_ones(run):
    x = T.dvector("x")
    value = np.array([-1.5, 0.0, 2.0])
    for name in ("real", "imag", "conj", "angle"):
        found = run(getattr(T, name)(x), x=value)
        np.testing.assert_array_equal(found, getattr(np, name)(value))
    assert x.real is x.conj() is x.transfer("cuda") is x
    np.testing.assert_array_equal(run(x.imag, x=value), np.zeros(3))


def test_greatest_and_least(run):
    x, y, z = T.dvectors("x", "y", "z")
    found = run([T.largest(x, y, z), T.smallest(x, y)], x=[1, 5], y=[2, 3], z=[0, 9])
    np.testing.assert_array_equal(found[0], [2, 9])
    np.testing.assert_array_equal(found[1], [1, 3])
