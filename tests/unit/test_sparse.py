"""Sparse matrices against SciPy's, and the examples of Theano's tutorial."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp

import symnet as sn
import symnet.tensor as T
from symnet import sparse, typed_list
from symnet.gradient import verify_grad

rng = np.random.default_rng(0)
FORMATS = ("csr", "csc")
by_format = pytest.mark.parametrize("format", FORMATS)


def example(format="csr", dtype="float64", shape=(4, 5)):
    dense = rng.integers(-4, 5, shape) * (rng.random(shape) < 0.5)
    return sp.csr_matrix(dense.astype(dtype)).asformat(format)


def reference(inputs, outputs):
    return sn.function(inputs, outputs, mode="reference")


def check_structured(fun, value, *others):
    """Check gradients to second order with respect to the stored elements and to dense factors."""

    def of_data(data, *dense):
        made = sparse.as_sparse_variable(value).with_data(data)
        out = fun(made, *dense)
        return out.data if isinstance(out, sparse.SparseVariable) else out

    def gradient_of(k):
        def first(*inputs):
            return sn.grad(T.sqr(of_data(*inputs)).sum(), inputs[k], disconnected_inputs="ignore")

        return first

    points = [value.data, *others]
    verify_grad(of_data, points, n_tests=1)
    for k in range(len(points)):
        verify_grad(gradient_of(k), points, n_tests=1)


def same(found, expected):
    assert found.format == expected.format
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found.toarray(), expected.toarray())


# ----------------------------------------------------------------- Theano's tutorial on sparse


def test_tutorial_dtypes():
    assert {"int8", "uint64", "float32", "float64"} <= sparse.all_dtypes


def test_tutorial_conversion():
    x = sparse.csc_matrix(name="x", dtype="float32")
    y = sparse.dense_from_sparse(x)
    z = sparse.csc_from_dense(y)
    value = example("csc", "float32")
    dense, back = reference([x], [y, z])(value)
    np.testing.assert_array_equal(dense, value.toarray())
    same(back, value)


def test_tutorial_properties():
    x = sparse.csc_matrix(name="x", dtype="int64")
    data, indices, indptr, shape = sparse.csm_properties(x)
    y = sparse.CSR(data, indices, indptr, shape)
    f = reference([x], y)
    a = sp.csc_matrix(np.asarray([[0, 1, 1], [0, 0, 0], [1, 0, 0]]))
    assert f(a).toarray().tolist() == [[0, 0, 1], [1, 0, 0], [1, 0, 0]]


def test_tutorial_structured():
    x = sparse.csc_matrix(name="x", dtype="float32")
    y = sparse.structured_add(x, 2)
    f = reference([x], y)
    a = sp.csc_matrix(np.asarray([[0, 0, -1], [0, -2, 1], [3, 0, 0]], dtype="float32"))
    assert f(a).toarray().tolist() == [[0, 0, 1], [0, 0, 3], [5, 0, 0]]


def test_tutorial_gradient():
    x = sparse.csc_matrix(name="x", dtype="float32")
    cost = sparse.sp_sum(sparse.sqr(sparse.structured_add(x, 2)))
    f = reference([x], sn.grad(cost, x))
    a = sp.csc_matrix(np.asarray([[0, 0, -1], [0, -2, 1], [3, 0, 0]], dtype="float32"))
    assert f(a).toarray().tolist() == [[0, 0, 2], [0, 0, 6], [10, 0, 0]]


# -------------------------------------------------------------------------------- functions


@by_format
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_elementwise(format, dtype):
    x = sparse.matrix(format, "x", dtype)
    value = example(format, dtype)
    for made, expected in [
        (-x, -value),
        (sparse.neg(x), -value),
        (sparse.sqr(x), value.multiply(value)),
        (sparse.sgn(x), value.sign()),
        (x * 2, value * 2),
        (sparse.cast(x, "float64"), value.astype("float64")),
        (x.astype("int8"), value.astype("int8")),
        (x.T, value.T),
        (x.transpose(), value.T),
        (sparse.structured_maximum(x, 1), value.maximum(sp.csr_matrix(value != 0))),
        (sparse.convert(x, "csr"), value.tocsr()),
        (sparse.convert(x, "csc"), value.tocsc()),
        (sparse.remove0(x), value),
        (sparse.clean(x), value),
    ]:
        same(reference([x], made)(value), expected.asformat(made.format))
    for name in ("sin", "tanh", "expm1", "rad2deg", "arctan", "floor"):
        found = reference([x], getattr(sparse, name)(x))(value).toarray()
        np.testing.assert_allclose(found, getattr(np, name)(value.toarray()), rtol=1e-6)


@by_format
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_with_dense(format, dtype):
    x, d = sparse.matrix(format, "x", dtype), T.matrix("d", dtype=dtype)
    v, w = T.vector("v", dtype=dtype), T.vector("w", dtype=dtype)
    value = example(format, dtype)
    dense = rng.integers(-3, 4, value.shape).astype(dtype)
    row, column = dense[0], dense[:, 0]
    array = value.toarray()
    f = reference(
        [x, d, v, w],
        [
            x * d, d.T.dot(d) * 0 + (x + d).T.dot(d), x + d, x - d, d + 0 * x.toarray(),
            sparse.mul(d, x), x * v, sparse.col_scale(x, v), sparse.row_scale(x, w),
            sparse.mul(x, w[:, None]), sparse.mul(x, v[None, :]), sparse.sub(d, x),
        ],
    )  # fmt: skip
    expected = [
        array * dense, (array + dense).T @ dense, array + dense, array - dense, dense,
        array * dense, array * row, array * row, array * column[:, None],
        array * column[:, None], array * row, dense - array,
    ]  # fmt: skip
    for found, want in zip(f(value, dense, row, column), expected, strict=True):
        assert found.dtype == dtype
        found = found if isinstance(found, np.ndarray) else found.toarray()
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("formats", [(a, b) for a in FORMATS for b in FORMATS])
def test_two_sparse(formats):
    x, y = (sparse.matrix(f, name, "float64") for f, name in zip(formats, "xy", strict=True))
    a, b = (example(f) for f in formats)
    added, less, product, below, beside = reference(
        [x, y], [x + y, x - y, sparse.dot(x, y.T), sparse.vstack([x, y]), sparse.hstack([x, y])]
    )(a, b)
    np.testing.assert_array_equal(added.toarray(), (a + b).toarray())
    np.testing.assert_array_equal(less.toarray(), (a - b).toarray())
    np.testing.assert_array_equal(product, (a @ b.T).toarray())
    assert added.format == below.format == beside.format == formats[0]
    np.testing.assert_array_equal(below.toarray(), sp.vstack([a, b]).toarray())
    np.testing.assert_array_equal(beside.toarray(), sp.hstack([a, b]).toarray())
    with pytest.raises(ValueError, match=r"length|shape"):
        reference([x, y], x + y)(a, example(formats[1], shape=(3, 5)))


@by_format
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_products(format, dtype):
    x, d, v = sparse.matrix(format, "x", dtype), T.matrix("d", dtype), T.vector("v", dtype)
    value = example(format, dtype)
    dense = rng.integers(-3, 4, (5, 3)).astype(dtype)
    a = value.toarray()
    f = reference(
        [x, d, v],
        [
            sparse.dot(x, d), sparse.structured_dot(x, d), sparse.true_dot(d.T, x.T), T.dot(x, d),
            sn.dot(d.T, x.T), x @ v, sparse.dot(v, x.T), sparse.usmm(2, x, d, 1),
        ],
    )  # fmt: skip
    product, vector = a @ dense, a @ dense[:, 0]
    expected = [
        product, product, product.T, product, product.T, vector, vector, 2 * product + 1,
    ]  # fmt: skip
    for found, want in zip(f(value, dense, dense[:, 0]), expected, strict=True):
        np.testing.assert_array_equal(found, want)


@by_format
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_sums(format, axis):
    for dtype, total in [("float32", "float32"), ("int8", "int64")]:
        x = sparse.matrix(format, "x", dtype)
        value = example(format, dtype)
        found = reference([x], sparse.sp_sum(x, axis))(value)
        assert found.dtype == total
        np.testing.assert_array_equal(found, value.toarray().sum(axis))


@by_format
def test_diagonals(format):
    x, v = sparse.matrix(format, "x", "float32"), T.vector("v")
    value = example(format, "float32", (4, 4))
    found, made = reference([x, v], [sparse.diag(x), sparse.square_diagonal(v)])(value, [1, 2])
    np.testing.assert_array_equal(found, value.diagonal())
    np.testing.assert_array_equal(made.toarray(), np.diag([1, 2]))


@by_format
def test_parts(format):
    x, i, j = sparse.matrix(format, "x"), T.iscalar("i"), T.iscalar("j")
    value = example(format, "float32")
    f = reference([x, i, j], x[i, j])
    for place in [(0, 0), (1, 2), (-1, -2), (3, 4)]:
        assert f(value, *place) == value[place]
    turned = format == "csc"
    lines = x[:, i:j] if turned else x[i:j]
    g = reference([x, i, j], lines)
    for a, b in [(0, 2), (1, 4), (2, 2), (3, 1), (-3, -1), (-9, 9)]:
        expected = value[:, a:b] if turned else value[a:b]
        same(g(value, a, b), expected)
    same(
        reference([x], x[:, 2:] if turned else x[2:])(value), value[:, 2:] if turned else value[2:]
    )
    assert x[:, :] is x
    for index in (0, (slice(None), 0), slice(None, None, 2), [0, 1]):
        with pytest.raises(NotImplementedError, match="dense_from_sparse"):
            x[index]


def test_sampling_dot():
    p, a, b = sparse.csr_matrix("p", "float64"), T.dmatrix("a"), T.dmatrix("b")
    value = example()
    left, right = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    found = reference([p, a, b], sparse.sampling_dot(a, b, p))(value, left, right)
    np.testing.assert_allclose(found.toarray(), value.toarray() * (left @ right.T))


def test_coordinates_add_up():
    data, rows, columns = [1.0, 2.0, 4.0, 8.0], [1, 0, 1, 1], [2, 1, 2, 0]
    for format in FORMATS:
        made = sparse.from_coordinates(data, rows, columns, (2, 3), format)
        found = reference([], made)()
        assert found.has_sorted_indices
        assert found.toarray().tolist() == [[0, 2, 0], [8, 0, 5]]
    x = sparse.csr_matrix("x")
    stored = sp.csr_matrix((np.float32([1, 2, 3]), [2, 0, 2], [0, 2, 3]), (2, 3))
    assert reference([x], sparse.ensure_sorted_indices(x))(stored).has_sorted_indices


@by_format
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (1, 1), (3, 3)])
def test_empty(format, shape):
    x, v = sparse.matrix(format, "x", "float64"), T.dvector("v")
    value = sp.csr_matrix(shape).asformat(format)
    outputs = [
        sparse.dot(x, v), sparse.dense_from_sparse(x), sparse.sp_sum(x, 0), sparse.sp_sum(x),
        sparse.add(x, x), sparse.csr_from_dense(x.toarray()), sparse.clean(x), x.shape,
        sparse.dot(x, T.zeros((x.shape[1], 2), "float64")),
    ]  # fmt: skip
    found = reference([x, v], outputs)(value, np.zeros(shape[1]))
    shapes = [a.shape for a in found]
    m, n = shape
    assert shapes == [(m,), shape, (n,), (), shape, shape, shape, (2,), (m, 2)]
    assert found[7].tolist() == [m, n]


# ---------------------------------------------------------------------------------- gradients


@by_format
def test_gradients(format):
    value = example(format)
    value.data += 0.25
    dense, vector = rng.normal(size=(5, 2)), rng.normal(size=5)
    check_structured(lambda x, y: sparse.dot(x, y), value, dense)
    check_structured(lambda x, y: sparse.dot(x, y), value, vector)
    check_structured(lambda x, y: sparse.dot(y.T, x.T), value, dense)
    check_structured(lambda x: sparse.dense_from_sparse(x), value)
    check_structured(lambda x, y: sparse.add(x, y), value, rng.normal(size=(4, 5)))
    check_structured(lambda x, y: sparse.mul(x, y), value, rng.normal(size=(4, 5)))
    check_structured(lambda x, y: sparse.col_scale(x, y), value, vector)
    check_structured(lambda x, y: sparse.row_scale(x, y), value, rng.normal(size=4))
    check_structured(lambda x: sparse.sp_sum(x, axis=0), value)
    check_structured(lambda x: sparse.add(x, x.T.T), value)
    check_structured(lambda x: x[1:3] if format == "csr" else x[:, 1:3], value)
    check_structured(lambda x: sparse.tanh(x), value)
    check_structured(
        lambda p, a, b: sparse.sampling_dot(a, b, p), value, rng.normal(size=(4, 2)), dense
    )


def test_gradient_of_what_is_sparse():
    x, w = sparse.csr_matrix("x"), T.matrix("w")
    cost = T.sqr(sparse.dot(x, w)).sum()
    cost.name = "cost"
    gx, gw = sn.grad(cost, [x, w])
    assert gx.type == x.type
    value, dense = example("csr", "float32"), np.float32(rng.normal(size=(5, 2)))
    found = reference([x, w], [gx, gw])(value, dense)
    product = 2 * value @ dense
    np.testing.assert_allclose(found[1], value.T @ product, rtol=1e-4, atol=1e-5)
    kept = value.toarray() != 0
    np.testing.assert_allclose(found[0].toarray(), (product @ dense.T) * kept, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="does not depend"):
        sn.grad(T.sum(w), x)
    assert sn.grad(T.sum(w), x, return_disconnected="None", disconnected_inputs="ignore") is None


def test_gradient_of_a_conversion():
    d = T.dmatrix("d")
    value = example().toarray()
    cost = sparse.sp_sum(sparse.sqr(sparse.csc_from_dense(d)))
    np.testing.assert_array_equal(reference([d], sn.grad(cost, d))(value), 2 * value)


# ------------------------------------------------------------------- functions and shared ones


def test_arguments():
    x, y = sparse.csr_matrix("x"), T.vector("y")
    value, vector = example("csr", "float32"), np.ones(5, "float32")
    f = reference([x, sn.In(y, value=vector)], {"product": sparse.dot(x, y), "x": x})
    for found in (f(value), f(x=value), f(value, y=vector), f(value.tocoo(), vector)):
        np.testing.assert_array_equal(found["product"], value @ vector)
        same(found["x"], value)
    np.testing.assert_array_equal(f(value.toarray())["product"], value @ vector)
    held = reference([sn.In(x, value=value), y], sparse.dot(x, y))
    np.testing.assert_array_equal(held(y=vector), value @ vector)
    assert repr(f) == "<Function step(x, y)>"
    for call, message in [
        (lambda: f(), "misses the input x"),
        (lambda: f(value, vector, 1), "takes 2 arguments, got 3"),
        (lambda: f(value, z=1), "no input 'z'"),
        (lambda: f(value, np.ones(5)), r"input y \(number 1\) needs float32"),
        (lambda: f(value, x=value), "'x' twice"),
        (lambda: f(vector), "scipy.sparse matrix"),
        (lambda: f(value.astype("float64") + 1e-9 * value), "float64"),
        (lambda: f(x), "needs a value"),
        (lambda: f("x"), "scipy.sparse matrix"),
    ]:
        with pytest.raises(TypeError, match=message):
            call()


def test_unused_input():
    x, y = sparse.csr_matrix("x"), T.vector("y")
    with pytest.raises(sn.UnusedInputError, match="the input x;"):
        sn.function([x, y], y)
    sn.function([x], x.data)


def test_shared():
    value = example("csc", "float32")
    w = sn.shared(value, name="w")
    assert isinstance(w, sparse.SparseSharedVariable)
    same(w.get_value(), value)
    x = T.vector("x")
    step = (
        reference([x], None)
        if False
        else sn.function([x], sparse.dot(w, x), updates=[(w, sparse.mul(w, 2))], mode="reference")
    )
    np.testing.assert_array_equal(step([1] * 5), value @ np.ones(5))
    same(w.get_value(), value * 2)
    other = example("csc", "float32", (2, 3))
    w.set_value(other)
    np.testing.assert_array_equal(step([1, 1, 1]), other @ np.ones(3))
    with pytest.raises(TypeError, match="float64"):
        w.set_value(example("csc", "float64") * 0.1)
    with pytest.raises(TypeError, match="csr"):
        sn.function([], updates=[(w, sparse.convert(w, "csr"))])
    with pytest.raises(TypeError, match="takes a scipy"):
        sparse.shared(np.ones(3))


def test_givens_and_slices_of_shared_data():
    data = sn.shared(example("csr", "float32", (6, 4)), name="data")
    x, k = sparse.csr_matrix("x"), T.lscalar("k")
    batch = sn.function(
        [k], sparse.sp_sum(x, 1), givens={x: data[2 * k : 2 * k + 2]}, mode="reference"
    )
    whole = data.get_value().toarray().sum(1)
    for number in range(3):
        np.testing.assert_array_equal(batch(number), whole[2 * number : 2 * number + 2])


def test_constants_and_copies():
    value = example("csr", "float32")
    x = T.vector("x")
    f = reference([x], [sparse.dot(value, x), sparse.as_sparse_variable(value)])
    for made in (f, pickle.loads(pickle.dumps(f)), copy.deepcopy(f), f.copy()):
        product, constant = made(np.ones(5, "float32"))
        np.testing.assert_array_equal(product, value @ np.ones(5))
        same(constant, value)
    np.testing.assert_array_equal(
        sparse.dot(value, np.ones(5, "float32")).eval(), value @ np.ones(5)
    )


def test_types():
    x = sparse.csr_matrix("x")
    assert (x.ndim, x.dtype, x.format, str(x.type)) == (2, "float32", "csr", "csr[float32]")
    assert x.type == sparse.SparseType("csr", "float32")
    assert x.T.T.type == x.type
    assert sparse.is_sparse_variable(x)
    assert not sparse.is_sparse_variable(T.matrix())
    assert sparse.as_sparse_or_tensor_variable([1.0]).ndim == 1
    for wrong, message in [
        (lambda: sparse.SparseType("coo", "float32"), "'csr' or 'csc'"),
        (lambda: sparse.as_sparse_variable(T.matrix()), "csr_from_dense"),
        (lambda: sparse.csr_from_dense(x), "sparse already"),
        (lambda: sparse.csr_from_dense(T.vector()), "takes a matrix"),
        (lambda: sparse.CSR(T.vector(), T.vector(), T.ivector(), (1, 1)), "indices"),
        (lambda: sparse.CSR(T.matrix(), T.ivector(), T.ivector(), (1, 1)), "data is a vector"),
        (lambda: sparse.dot(T.matrix(), T.matrix()), "T.dot"),
        (lambda: sparse.dot(x, T.tensor3()), "matrix or a vector"),
        (lambda: sparse.add(T.matrix(), T.matrix()), "T.add"),
        (lambda: sparse.mul(T.matrix(), T.matrix()), "T.mul"),
        (lambda: sparse.mul(x, T.tensor3()), "two dimensions"),
        (lambda: sparse.col_scale(x, T.matrix()), "vector of factors"),
        (lambda: sparse.structured_add(x, T.vector()), "is a number"),
        (lambda: sparse.structured_add(x), "2 operands"),
        (lambda: sparse.sp_sum(x, 2), "axis is"),
        (lambda: sparse.vstack([]), "at least one"),
        (lambda: sparse.sampling_dot(T.vector(), T.vector(), x), "two matrices"),
        (lambda: np.asarray(x), "symbolic"),
        (lambda: sn.function([sn.In(x, value=example(), update=x)], x), "hidden state"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            wrong()


def test_what_to_use_instead():
    x = sparse.csr_matrix("x")
    for wrong, message in [
        (lambda: sparse.mul(x, x), r"dense_from_sparse\(y\)"),
        (lambda: sparse.true_dot(x, x), "sparse.dot gives"),
        (lambda: sparse.structured_dot(x, x), "sparse.dot gives"),
        (lambda: x + 1, "structured_add"),
        (lambda: sparse.eq(x, x), "T.eq of"),
        (lambda: typed_list.append([], x), "Python list"),
        (lambda: typed_list.TypedListType(x), "T.stack"),
    ]:
        with pytest.raises(NotImplementedError, match=message):
            wrong()
    for module, name, near in [
        (sparse, "csr_matri", "csr_matrix"),
        (typed_list, "appen", "append"),
    ]:
        with pytest.raises(AttributeError, match=f"did you mean '{near}'"):
            getattr(module, name)


def test_places_that_are_none():
    x, v = T.vector("x"), T.vector("v")
    i, p = T.ivector("i"), T.ivector("p")
    f = reference([x, i, p, v], sparse.dot(sparse.CSR(x, i, p, (2, 3)), v))
    good = [1.0, 2.0], [0, 2], [0, 1, 2], [1.0, 1.0, 1.0]
    assert f(*good).tolist() == [1, 2]
    for k, bad, error, message in [
        (1, [0, 3], IndexError, "index is out of range"),
        (1, [-1, 2], IndexError, "index is out of range"),
        (2, [0, 3, 2], ValueError, "never decrease"),
        (2, [0, 1, 1], ValueError, "end with 2"),
        (2, [0, 2], ValueError, "length"),
        (0, [1.0], ValueError, "has an index"),
        (3, [1.0], ValueError, "do not match"),
    ]:
        with pytest.raises(error, match=message):
            f(*good[:k], bad, *good[k + 1 :])


@by_format
def test_operators_with_tensors_on_the_left(format):
    x, d, v = sparse.matrix(format, "x", "float64"), T.dmatrix("d"), T.dvector("v")
    s = T.dscalar("s")
    value, dense = example(format), rng.normal(size=(4, 5))
    array = value.toarray()
    cases = [
        (d * x, dense * array), (d + x, dense + array), (d - x, dense - array),
        (d.T @ x, dense.T @ array), (v @ x.T, dense[0] @ array.T), (s * x, 1.5 * array),
        (x / 2, array / 2), (x / s, array / 1.5), (dense @ x.T, dense @ array.T),
    ]  # fmt: skip
    f = reference([x, d, v, s], [made for made, _ in cases])
    for found, (_, want) in zip(f(value, dense, dense[0], 1.5), cases, strict=True):
        found = found if isinstance(found, np.ndarray) else found.toarray()
        np.testing.assert_allclose(found, want)
    for wrong in (lambda: T.exp(x), lambda: T.mul(d, x), lambda: T.as_tensor_variable(value)):
        with pytest.raises(TypeError, match="toarray"):
            wrong()


@by_format
def test_matrices_like_another(format):
    x = sparse.matrix(format, "x")
    value = example(format, "float32")
    some, none = reference([x], [sparse.sp_ones_like(x), sparse.sp_zeros_like(x)])(value)
    same(some, (value != 0).astype("float32").asformat(format))
    assert none.shape == value.shape
    assert none.nnz == 0


def test_swapped_and_constant():
    one, other = example("csr", "float32"), example("csr", "float32", (2, 5))
    w, v = sn.shared(one), sn.shared(other)
    x = T.vector("x")
    f = sn.function([x], [sparse.dot(w, x), w], mode="reference")
    product, kept = f.copy(swap={w: v})(np.ones(5, "float32"))
    np.testing.assert_array_equal(product, other @ np.ones(5))
    same(kept, other)
    cost = T.sqr(sparse.dot(w, x)).sum() + sparse.sp_sum(sparse.sqr(w))
    flat = sn.grad(cost, x, consider_constant=[w])
    assert reference([x], flat)(np.ones(5, "float32")).shape == (5,)
    fixed = sparse.sqr(w)
    cost = sparse.sp_sum(sparse.sqr(fixed)) + 3 * sparse.sp_sum(w)
    slope = reference([], sn.grad(cost, w, consider_constant=[fixed]))()
    same(slope, (one != 0).astype("float32").asformat("csr") * 3)


def test_transpose_by_its_name() -> None:
    x = sparse.csr_matrix("x", dtype="float64")
    f = sn.function([x], sparse.transpose(x))
    given = sp.csr_matrix(np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]]))
    found = f(given)
    assert found.format == "csc"
    np.testing.assert_array_equal(found.toarray(), given.toarray().T)
