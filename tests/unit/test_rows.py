import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.gradient import verify_grad

rng = np.random.default_rng(5)
A = rng.standard_normal((5, 3))


def test_vectorize_a_model():
    x, w = T.dvector("x"), T.dmatrix("w")
    many = T.dmatrix("many")
    y = T.nnet.softmax(T.dot(x, w)).flatten()
    made = sn.vectorize([y, y.sum(), w.sum()], {x: many})
    W = rng.standard_normal((3, 4))
    p, ones, same = sn.function([many, w], made)(A, W)
    want = np.exp(A @ W)
    np.testing.assert_allclose(p, want / want.sum(1, keepdims=True))
    np.testing.assert_allclose(ones, np.ones(5))
    np.testing.assert_allclose(same, np.full(5, W.sum()))


def test_gradients_pass():
    def norms(m):
        row = T.dvector()
        return sn.vectorize(T.sqrt((row**2).sum()) * row[0], {row: m})

    verify_grad(norms, [A])


def test_what_does_not_fit():
    x, many = T.dvector("x"), T.dmatrix("many")
    with pytest.raises(TypeError, match="no rows of the type of x"):
        sn.vectorize(x * 2, {x: T.dvector()})
    with pytest.raises(TypeError, match="no rows of the type of x"):
        sn.vectorize(x * 2, {x: T.fmatrix()})
    with pytest.raises(TypeError, match="nothing is said"):
        sn.vectorize(x * 2, {})
    n = T.lscalar("n")
    lengths = T.lvector("lengths")
    with pytest.raises(TypeError, match="differs from row to row"):
        sn.function([x, lengths], sn.vectorize(T.arange(n), {n: lengths}), on_unused_input="ignore")
    assert sn.vectorize((x,), {x: many})[0] is many


def test_rows_of_different_count():
    x, y, a, b = T.dvector(), T.dvector(), T.dmatrix(), T.dmatrix()
    f = sn.function([a, b], sn.vectorize(x * y, {x: a, y: b}))
    with pytest.raises(ValueError, match="lengths of dimension 0 differ"):
        f(A, A[:2])


def test_vmap_axes():
    a, b, c = T.dmatrix("a"), T.dmatrix("b"), T.dscalar("c")
    f = sn.vmap(lambda x, y, z: (T.dot(x, y) * z, x), in_axes=(0, 1, None))
    B = rng.standard_normal((3, 5))
    dots, rows = sn.function([a, b, c], f(a, b, c))(A, B, 2.0)
    np.testing.assert_allclose(dots, 2 * (A * B.T).sum(1))
    np.testing.assert_array_equal(rows, A)
    assert sn.vmap(lambda x: x, in_axes=-1)(a).eval({a: A}).shape == (3, 5)
    with pytest.raises(TypeError, match="in_axes names 2"):
        sn.vmap(lambda x: x, in_axes=(0, 0))(a)
    with pytest.raises(TypeError, match="has no dimension 2"):
        sn.vmap(lambda x: x, in_axes=2)(a)


def test_positions_that_differ_from_row_to_row():
    x, i = T.dvector("x"), T.lscalar("i")
    many, places = T.dmatrix("many"), T.lvector("places")
    picked = sn.function([many, places], sn.vectorize(x[i], {x: many, i: places}))
    np.testing.assert_array_equal(picked(A, [0, 1, 2, -1, 0]), A[range(5), [0, 1, 2, -1, 0]])
    with pytest.raises(IndexError, match="out of range"):
        picked(A, [0, 1, 2, 3, 0])
    shared = sn.function([x, places], sn.vectorize(x[i], {i: places}))
    np.testing.assert_array_equal(shared(A[0], [2, 2, 1]), A[0][[2, 2, 1]])


def test_of_a_row_of_no_rows():
    x, many = T.dvector("x"), T.dmatrix("many")
    cumulated = T.join(0, x, x[::-1])
    f = sn.function([many], sn.vectorize(cumulated, {x: many}))
    assert f(A[:0]).shape == (0, 6)
    assert f(A[:1]).shape == (1, 6)
