"""Sparse matrices in compiled functions: training on sparse rows, sizes that change, updates."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import symnet as sn
import symnet.tensor as T
from symnet import sparse

pytestmark = pytest.mark.usefixtures("device")
rng = np.random.default_rng(0)


def rows_of_words(count, words=50, dtype="float32"):
    return sp.random(count, words, 0.1, "csr", dtype, rng)


@pytest.mark.parametrize("format", ["csr", "csc"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logistic_regression_on_sparse_rows(format, dtype):
    x, y = sparse.matrix(format, "x", dtype), T.lvector("y")
    w = sn.shared(np.zeros((50, 3), dtype), name="w")
    b = sn.shared(np.zeros(3, dtype), name="b")
    p = T.nnet.softmax(sparse.dot(x, w) + b)
    cost = -T.log(p)[T.arange(y.shape[0]), y].mean()
    gw, gb = sn.grad(cost, [w, b])
    step = sn.function([x, y], cost, updates=[(w, w - gw), (b, b - gb)])
    dense = T.matrix("dense", dtype=dtype)
    v, c = sn.shared(w.get_value()), sn.shared(b.get_value())
    given = {x: sparse.convert(sparse.csr_from_dense(dense), format), w: v, b: c}
    again = sn.function(
        [dense, y], cost, updates=[(v, v - gw), (c, c - gb)], givens=given, mode="reference"
    )
    for count in (4, 7, 4, 1, 0, 12):
        rows = rows_of_words(count, dtype=dtype)
        labels = rng.integers(0, 3, count)
        if count:
            costs = step(rows.asformat(format), labels), again(rows.toarray(), labels)
            np.testing.assert_allclose(*costs, rtol=1e-5)
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-4, atol=1e-6)
    assert abs(w.get_value()).max() > 0


@pytest.mark.parametrize("format", ["csr", "csc"])
def test_all_as_interpreted(format):
    x, d, v = sparse.matrix(format, "x"), T.matrix("d"), T.vector("v")
    cost = T.sqr(sparse.dot(sparse.tanh(x), d)).sum() + sparse.sp_sum(sparse.col_scale(x, v))
    outputs = [
        cost, *sn.grad(cost, [x, d, v]), x + x.T.T, x * d.T.T[:, :1].sum(), x.toarray(),
        sparse.sp_sum(x, 0), sparse.sp_sum(x, 1), sparse.remove0(x), sparse.csr_from_dense(d),
        sparse.row_scale(x, T.arange(x.shape[0]).astype("float32")), x.shape,
        sparse.sampling_dot(T.ones((x.shape[0], 2)), d[:, :2], x),
        sn.grad(sn.grad(cost, d).sum(), d),
    ]  # fmt: skip
    compiled = sn.function([x, d, v], outputs)
    interpreted = sn.function([x, d, v], outputs, mode="reference")
    for count in (3, 5, 1, 4):
        given = rows_of_words(count, 8).asformat(format), rng.random((8, 3)), rng.random(8)
        given = [a.astype("float32") for a in given]
        for found, want in zip(compiled(*given), interpreted(*given), strict=True):
            assert found.shape == want.shape
            assert found.dtype == want.dtype
            if sp.issparse(found):
                assert found.format == want.format
                found, want = found.toarray(), want.toarray()
            np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6)


def test_minibatches_and_updates_of_shared_matrices():
    data = sn.shared(rows_of_words(12), name="data")
    x, k = sparse.csr_matrix("x"), T.lscalar("k")
    batch = sn.function([k], sparse.sp_sum(x, 1), givens={x: data[3 * k : 3 * k + 3]})
    whole = data.get_value().toarray().sum(1)
    for number in (0, 3, 1, 2):
        found = batch(number)
        np.testing.assert_allclose(found, whole[3 * number : 3 * number + 3], rtol=1e-6)
    before = data.get_value()
    double = sn.function([], updates=[(data, data + data.T.T * 0.5)])
    double()
    np.testing.assert_allclose(data.get_value().toarray(), before.toarray() * 1.5, rtol=1e-6)
    data.set_value(rows_of_words(3))
    assert batch(0).shape == (3,)


def test_places_that_are_none_change_nothing():
    i, v = T.ivector("i"), T.vector("v")
    w = sn.shared(np.zeros(2, "float32"), name="w")
    x = sparse.CSR(T.ones_like(i, "float32"), i, [0, 1, 2], (2, 3))
    step = sn.function([i, v], updates=[(w, sparse.dot(x, v))])
    with pytest.raises(IndexError, match="compresseddot: an index is out of range"):
        step([0, 3], [1, 1, 1])
    assert w.get_value().tolist() == [0, 0]
    step([0, 2], [1, 1, 2])
    assert w.get_value().tolist() == [1, 2]


def test_debug_mode_and_profile():
    x, v = sparse.csr_matrix("x"), T.vector("v")
    w = sn.shared(rows_of_words(3, 5), name="w")
    updates = [(w, sparse.mul(w, 2))]
    f = sn.function([x, v], sparse.dot(x, v), updates=updates, mode="debug", profile=True)
    before = w.get_value()
    value = rows_of_words(4, 5)
    np.testing.assert_allclose(f(value, np.ones(5, "float32")), value @ np.ones(5), rtol=1e-6)
    np.testing.assert_array_equal(w.get_value().toarray(), 2 * before.toarray())
    assert "compresseddot" in str(f.profile)
