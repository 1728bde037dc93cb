import numpy as np
import pytest
from scipy import special, stats

import symnet as sn
import symnet.tensor as T

X = np.array([0.2, 0.7, 1.0, 1.9, 3.4])
ONE = ["erfcinv", "erfcx", "j0", "j1", "i0", "i1"]
TWO = ["gammainc", "gammaincc", "jv", "iv"]


@pytest.mark.parametrize("name", ONE + TWO)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32"])
def test_values(run, name, dtype):
    function = getattr(T, name)
    x, a = T.TensorType(dtype, (None,))("x"), T.TensorType(dtype, ())("a")
    value = X.astype(dtype)
    order = np.asarray(2, dtype)
    given = (a, x) if name in TWO else (x,)
    arrays = (order, value) if name in TWO else (value,)
    found = run(function(*given), x=value, a=order)
    assert found.dtype == ("float64" if dtype == "float64" else "float32")
    expected = getattr(special, name)(*(v.astype(found.dtype) for v in arrays))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ONE + TWO)
def test_gradients(name):
    function = getattr(T, name)
    one = (lambda x: function(1.5, x)) if name in TWO else function
    sn.gradient.verify_grad(one, [X / 4])
    sn.gradient.verify_grad(lambda x: sn.grad(T.sqr(one(x)).sum(), x), [X / 4], n_tests=1)


def test_not_divided_and_chi_squared(run):
    k, x = T.dscalar("k"), T.dvector("x")
    lower = run(T.gammal(k, x), k=2.5, x=X)
    upper = run(T.gammau(k, x), k=2.5, x=X)
    np.testing.assert_allclose(lower, special.gammainc(2.5, X) * special.gamma(2.5))
    np.testing.assert_allclose(lower + upper, np.full(5, special.gamma(2.5)))
    np.testing.assert_allclose(run(T.chi2sf(x, k), k=3, x=X), stats.chi2.sf(X, 3))


def test_broadcasting_and_errors(run):
    v, x = T.dcol("v"), T.dvector("x")
    found = run(T.jv(v, x), v=[[0.0], [1.0]], x=X)
    np.testing.assert_allclose(found, special.jv([[0], [1]], X))
    with pytest.raises(TypeError, match="jv takes 2 operands"):
        T.jv(x)
    order = sn.grad(T.jv(v, x).sum(), v)
    assert np.isnan(order.eval({v: np.ones((1, 1)), x: X})).all()
