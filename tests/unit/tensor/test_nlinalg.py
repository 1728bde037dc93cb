import itertools

import numpy as np
import pytest
import scipy.linalg

import symnet.tensor as T
from symnet.tensor import nlinalg, slinalg

rng = np.random.default_rng(1)
SQUARE = rng.normal(size=(4, 4))
POSITIVE = SQUARE @ SQUARE.T + np.eye(4)
ROUNDED = POSITIVE.astype("float32")
RIGHT = [1.0, 2.0, 3.0, 4.0]
WIDE = rng.normal(size=(3, 5))
FUNCTIONS = [
    (nlinalg.matrix_inverse, np.linalg.inv, SQUARE),
    (nlinalg.pinv, np.linalg.pinv, WIDE),
    (nlinalg.det, np.linalg.det, SQUARE),
    (nlinalg.slogdet, np.linalg.slogdet, SQUARE),
    (nlinalg.trace, np.trace, SQUARE),
    (nlinalg.eig, np.linalg.eig, POSITIVE),
    (nlinalg.eigh, np.linalg.eigh, POSITIVE),
    (lambda x: nlinalg.eigh(x, "U"), lambda x: np.linalg.eigh(x, "U"), SQUARE),
    (nlinalg.svd, np.linalg.svd, WIDE),
    (lambda x: nlinalg.svd(x, 0), lambda x: np.linalg.svd(x, False), WIDE),
    (lambda x: nlinalg.svd(x, 1, 0), lambda x: np.linalg.svd(x, compute_uv=False), WIDE),
    *(
        (lambda x, m=m: nlinalg.qr(x, m), lambda x, m=m: np.linalg.qr(x, m), WIDE)
        for m in ("reduced", "complete", "r", "raw")
    ),
    *(
        (lambda x, n=n: nlinalg.matrix_power(x, n), lambda x, n=n: np.linalg.matrix_power(x, n),
         SQUARE)
        for n in (-3, -1, 0, 1, 2, 5, 6)
    ),
    (slinalg.expm, scipy.linalg.expm, SQUARE),
    (slinalg.cholesky, np.linalg.cholesky, POSITIVE),
    (lambda x: slinalg.cholesky(x, lower=False), scipy.linalg.cholesky, POSITIVE),
    (slinalg.eigvalsh, scipy.linalg.eigvalsh, POSITIVE),
    (lambda x: slinalg.eigvalsh(x + x.T, ROUNDED),
     lambda x: scipy.linalg.eigvalsh(x + x.T, ROUNDED), SQUARE),
    (lambda x: slinalg.solve(x, RIGHT), lambda x: np.linalg.solve(x, RIGHT), SQUARE),
    (lambda x: slinalg.solve_symmetric(x, RIGHT),
     lambda x: np.linalg.solve(x, RIGHT), POSITIVE),
    (lambda x: nlinalg.tensorinv(x.reshape((2, 2, 4))),
     lambda x: np.linalg.tensorinv(x.reshape(2, 2, 4)), SQUARE),
    (lambda x: nlinalg.tensorsolve(x.reshape((4, 2, 2)), RIGHT),
     lambda x: np.linalg.tensorsolve(x.reshape(4, 2, 2), RIGHT), SQUARE),
    (lambda x: nlinalg.tensorsolve(x.reshape((2, 4, 2)), RIGHT, [0, 2]),
     lambda x: np.linalg.tensorsolve(x.reshape(2, 4, 2), RIGHT, (0, 2)), SQUARE),
    (nlinalg.diag, np.diag, SQUARE),
    (lambda x: nlinalg.diag(x[0]), lambda x: np.diag(x[0]), SQUARE),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(FUNCTIONS)))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_as_numpy(run, case, dtype):
    fun, reference, value = FUNCTIONS[case]
    x = T.matrix("x", dtype=dtype)
    made = fun(x)
    expected = reference(value.astype(dtype))
    found = run(made, x=value)
    several = isinstance(made, (list, tuple))
    pairs = zip(found, expected, strict=True) if several else [(found, expected)]
    for got, want in pairs:
        assert got.dtype == dtype
        rough = 2e-3 if dtype == "float32" else 1e-9
        np.testing.assert_allclose(got, want, rtol=rough, atol=rough)


@pytest.mark.parametrize("trans", [0, 1])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("unit", [False, True])
def test_solve_triangular(run, trans, lower, unit):
    x, y = T.dmatrix("x"), T.dvector("y")
    right = np.arange(4.0)
    found = run(slinalg.solve_triangular(x, y, trans, lower, unit), x=SQUARE, y=right)
    expected = scipy.linalg.solve_triangular(SQUARE, right, trans, lower, unit)
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("shapes", list(itertools.product([(2,), (2, 3), (2, 1, 3)], repeat=2)))
def test_kron(run, shapes):
    a, b = (rng.integers(-4, 5, shape) for shape in shapes)
    found = run(slinalg.kron(T.constant(a), T.constant(b)))
    np.testing.assert_array_equal(found, np.kron(a, b))


@pytest.mark.parametrize("value", [rng.normal(size=4), WIDE, rng.normal(size=(2, 3, 4))])
def test_norm(run, value):
    x = T.TensorType("float64", (None,) * value.ndim)("x")
    cases = [(None, None), *itertools.product([0, 1, 3, np.inf, -np.inf], range(value.ndim))]
    if value.ndim > 1:
        pairs = [(0, 1), (-1, 0)]
        cases += itertools.product(["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf], pairs)
    for ord, axis in cases:
        for keepdims in (False, True):
            found = run(nlinalg.norm(x, ord, axis, keepdims), x=value)
            expected = np.linalg.norm(value, ord, axis, keepdims)
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, err_msg=f"{ord} {axis}")


def test_norm_refuses():
    with pytest.raises(ValueError, match="of matrices, not of vectors"):
        nlinalg.norm(T.vector(), "fro")
    with pytest.raises(ValueError, match="axis says which"):
        nlinalg.norm(T.tensor3(), 2)
    with pytest.raises(ValueError, match="ord is 'fro'"):
        nlinalg.norm(T.matrix(), 3)


@pytest.mark.parametrize("columns", [None, 2])
@pytest.mark.parametrize("shape", [(6, 3), (3, 6)])
def test_lstsq(run, shape, columns):
    a = rng.normal(size=shape)
    b = rng.normal(size=shape[:1] if columns is None else (shape[0], columns))
    solution, residuals, rank, values = run(nlinalg.lstsq(T.constant(a), T.constant(b)))
    expected = np.linalg.lstsq(a, b)
    np.testing.assert_allclose(solution, expected[0])
    if shape[0] > shape[1]:
        np.testing.assert_allclose(residuals, expected[1])
    else:
        np.testing.assert_allclose(residuals, 0, atol=1e-9)
    assert rank == expected[2]
    np.testing.assert_allclose(values, expected[3])


def test_matrix_dot(run):
    x, y = T.dmatrix("x"), T.dvector("y")
    found = run(nlinalg.matrix_dot(x, x, y), x=SQUARE, y=SQUARE[0])
    np.testing.assert_allclose(found, SQUARE @ SQUARE @ SQUARE[0])
    with pytest.raises(TypeError, match="at least one"):
        nlinalg.matrix_dot()


def test_integers(run):
    x = T.lmatrix("x")
    value = [[2, 1], [1, 3]]
    for out in (nlinalg.det(x), nlinalg.inv(x), slinalg.solve(x, T.constant([1, 2]))):
        assert out.dtype == "float32"
    assert nlinalg.trace(x).dtype == "int64"
    np.testing.assert_allclose(run(nlinalg.det(x), x=value), 5, rtol=1e-6)


def test_names_of_classes(run):
    x = T.dmatrix("x")
    for made, function in [
        (nlinalg.MatrixInverse(), nlinalg.matrix_inverse),
        (nlinalg.Det(), nlinalg.det),
        (nlinalg.MatrixPinv(), nlinalg.pinv),
        (nlinalg.ExtractDiag(), np.diag),
        (nlinalg.TensorInv(1), nlinalg.matrix_inverse),
        (slinalg.Cholesky(lower=True), slinalg.cholesky),
        (slinalg.Expm(), slinalg.expm),
        (slinalg.Eigvalsh(lower=True), slinalg.eigvalsh),
        (lambda a: slinalg.Solve("symmetric")(a, a), lambda a: np.eye(4)),
        (lambda a: nlinalg.AllocDiag()(a[0]), lambda a: np.diag(np.asarray(a)[0])),
        (lambda a: nlinalg.TensorSolve()(a, a[0]), lambda a: slinalg.solve(a, a[0])),
    ]:
        expected = function(x if function.__module__.startswith("symnet") else POSITIVE)
        if not isinstance(expected, np.ndarray):
            expected = run(expected, x=POSITIVE)
        np.testing.assert_allclose(run(made(x), x=POSITIVE), expected, atol=1e-12)


def test_cholesky_of_what_is_not_positive(run):
    x = T.dmatrix("x")
    with pytest.raises(np.linalg.LinAlgError, match=r"cholesky: .*not positive definite"):
        run(slinalg.cholesky(x), x=-np.eye(2))
    assert np.isnan(run(slinalg.cholesky(x, on_error="nan"), x=-np.eye(2))).all()
    several = np.stack([np.eye(2), -np.eye(2)])
    found = run(slinalg.cholesky(T.dtensor3("x"), on_error="nan"), x=several)
    np.testing.assert_array_equal(np.isnan(found).all((1, 2)), [False, True])


def test_complex_eigenvalues(run):
    with pytest.raises(np.linalg.LinAlgError, match="no complex numbers"):
        run(nlinalg.eig(T.matrix("x")), x=[[0, 1], [-1, 0]])


def test_powers_that_are_none():
    with pytest.raises(TypeError, match="known beforehand"):
        nlinalg.matrix_power(T.matrix(), T.iscalar())
    with pytest.raises(TypeError, match="square matrix"):
        nlinalg.matrix_power(T.vector(), 2)
    with pytest.raises(ValueError, match="ind is at least 1"):
        nlinalg.tensorinv(T.matrix(), 0)
    with pytest.raises(ValueError, match="trans is"):
        slinalg.solve_triangular(T.matrix(), T.vector(), trans=3)


def test_unknown_names():
    with pytest.raises(AttributeError, match="did you mean 'cholesky'"):
        _ = slinalg.cholseky
    with pytest.raises(AttributeError, match="did you mean 'trace'"):
        _ = nlinalg.trce
