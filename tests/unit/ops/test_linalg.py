"""Linear algebra: shapes, values and, to second order, gradients against NumPy and SciPy."""

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.gradient import NullTypeGradError
from symnet.ops.linalg import QR, SVD, Cholesky, Eigh, MatrixInverse, SLogDet, Solve
from symnet.tensor import nlinalg, slinalg
from tests.unit.ops.elements import check, check_gradients

rng = np.random.default_rng(0)
SQUARE = rng.normal(size=(4, 4))
WIDE, TALL = rng.normal(size=(3, 5)), rng.normal(size=(5, 3))
VECTOR, RIGHT = rng.normal(size=4), rng.normal(size=(4, 2))
POSITIVE = SQUARE @ SQUARE.T + 4 * np.eye(4)
SYMMETRIC = SQUARE + SQUARE.T
SEVERAL = rng.normal(size=(2, 3, 3))
GRID = rng.normal(size=(2, 1, 2, 2)) + 3 * np.eye(2)
SEVERAL_POSITIVE = SEVERAL @ SEVERAL.swapaxes(1, 2) + 3 * np.eye(3)
NEARLY_SYMMETRIC = POSITIVE + 0.3 * np.triu(SQUARE)


def _svd(k):
    return lambda x: SVD(full_matrices=False)(x)[k] ** 2


def _qr(k):
    return lambda x: QR()(x)[k]


def _product_of_svd(x):
    u, s, v = SVD(full_matrices=False)(x)
    return T.dot(u**2, s[:, None] * v**3)


def _lstsq(k):
    return lambda a, b: nlinalg.lstsq(a, b)[k]


FUNCTIONS = {
    "inverse": (MatrixInverse(), SQUARE),
    "inverses": (MatrixInverse(), SEVERAL),
    "inverses in two dimensions": (MatrixInverse(), GRID),
    "pinv of a wide matrix": (nlinalg.pinv, WIDE),
    "pinv of a tall matrix": (nlinalg.pinv, TALL),
    "det": (nlinalg.det, SQUARE),
    "dets": (nlinalg.det, SEVERAL),
    "logabsdet": (nlinalg.logabsdet, SQUARE),
    "eigenvalues": (lambda x: nlinalg.eig(x)[0], NEARLY_SYMMETRIC),
    "eigenvectors": (lambda x: nlinalg.eig(x)[1] ** 2, NEARLY_SYMMETRIC),
    "eigh values": (lambda x: Eigh()(x)[0], SYMMETRIC),
    "eigh values, upper": (lambda x: Eigh("U")(x)[0], SYMMETRIC),
    "eigh vectors": (lambda x: Eigh()(x)[1] ** 2, SYMMETRIC),
    "eigh vectors, upper": (lambda x: Eigh("U")(x)[1] ** 2, SYMMETRIC),
    "eigh vectors, several": (lambda x: Eigh()(x)[1] ** 2, SEVERAL_POSITIVE),
    "eigh both": (lambda x: Eigh()(x)[0] * Eigh()(x)[1] ** 2, SYMMETRIC),
    "singular values": (SVD(compute_uv=False), WIDE),
    "singular values of all": (lambda x: SVD()(x)[1], TALL),
    "svd u, wide": (_svd(0), WIDE),
    "svd v, wide": (_svd(2), WIDE),
    "svd u, tall": (_svd(0), TALL),
    "svd v, tall": (_svd(2), TALL),
    "svd u, several": (_svd(0), SEVERAL),
    "svd whole": (_product_of_svd, TALL),
    "svd square": (lambda x: SVD()(T.specify_shape(x, (4, 4)))[0] ** 2, SQUARE),
    "qr q, wide": (_qr(0), WIDE),
    "qr r, wide": (_qr(1), WIDE),
    "qr q, tall": (_qr(0), TALL),
    "qr r, tall": (_qr(1), TALL),
    "qr r alone": (QR("r"), TALL),
    "qr r, complete": (lambda x: QR("complete")(x)[1], TALL),
    "qr both": (lambda x: QR()(x)[0] * QR()(x)[1], SQUARE),
    "qr both, several": (lambda x: QR()(x)[0] * QR()(x)[1], SEVERAL),
    "cholesky": (Cholesky(), POSITIVE),
    "cholesky, upper": (Cholesky(lower=False), POSITIVE),
    "cholesky, several": (Cholesky(), SEVERAL_POSITIVE),
    "solve vector": (Solve(), SQUARE, VECTOR),
    "solve matrix": (Solve(), SQUARE, RIGHT),
    "solve several": (Solve(), SEVERAL, SEVERAL[:, :, :2]),
    "solve lower": (slinalg.solve_lower_triangular, POSITIVE, VECTOR),
    "solve upper": (slinalg.solve_upper_triangular, POSITIVE, RIGHT),
    "solve lower, several": (slinalg.solve_lower_triangular, SEVERAL_POSITIVE, SEVERAL),
    "solve unit": (Solve("lower_triangular", True, True), SQUARE, RIGHT),
    "solve unit, upper": (Solve("upper_triangular", False, True), SQUARE, VECTOR),
    "lstsq vector": (_lstsq(0), TALL, rng.normal(size=5)),
    "lstsq matrix": (_lstsq(0), WIDE, rng.normal(size=(3, 2))),
    "lstsq residuals": (_lstsq(1), TALL, rng.normal(size=(5, 2))),
    "lstsq values": (lambda a, b: nlinalg.lstsq(a, b)[3].sum() * b, TALL, rng.normal(size=5)),
    "expm": (slinalg.expm, SQUARE),
    "expm, several": (slinalg.expm, SEVERAL),
    "kron": (slinalg.kron, WIDE, RIGHT),
    "eigvalsh": (slinalg.eigvalsh, SYMMETRIC),
    "eigvalsh, generalised": (slinalg.eigvalsh, SYMMETRIC, POSITIVE),
    "eigvalsh, upper": (lambda a, b: slinalg.eigvalsh(a, b, False), SYMMETRIC, POSITIVE),
    "third power": (lambda x: nlinalg.matrix_power(x, 3), SQUARE),
    "power of the inverse": (lambda x: nlinalg.matrix_power(x, -2), POSITIVE),
    "trace": (nlinalg.trace, SQUARE),
    "trace of a product": (lambda x: nlinalg.trace(T.dot(x, x)), SQUARE),
    "nuclear norm": (lambda x: nlinalg.norm(x, "nuc"), WIDE),
    "spectral norm": (lambda x: nlinalg.norm(x, 2), WIDE),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name):
    fun, *values = FUNCTIONS[name]
    check_gradients(fun, *values)


EMPTY_OR_ONE = {
    "inverse": MatrixInverse(),
    "pinv": nlinalg.pinv,
    "det": nlinalg.det,
    "logabsdet": nlinalg.logabsdet,
    "eig": lambda x: nlinalg.eig(x)[1],
    "eigh": lambda x: Eigh()(x)[1],
    "svd": lambda x: SVD(full_matrices=False)(x)[0],
    "qr": lambda x: QR()(x)[0] * QR()(x)[1],
    "cholesky": Cholesky(),
    "solve": lambda x: Solve()(x, x),
    "solve vector": lambda x: Solve("lower_triangular")(x, x.flatten()),
    "lstsq": lambda x: nlinalg.lstsq(x, x)[0],
    "expm": slinalg.expm,
    "kron": lambda x: slinalg.kron(x, x),
    "trace": nlinalg.trace,
}


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EMPTY_OR_ONE)
def test_empty_and_single(name, dtype, size):
    value = np.full((size, size), 2, dtype)

    def with_gradient(x):
        out = EMPTY_OR_ONE[name](x)
        assert out.dtype == dtype
        return sn.grad(out.sum(), x) + out.sum()

    assert check(with_gradient, value).shape == (size, size)


def test_repeated_values_have_finite_gradients():
    x = T.dmatrix("x")
    for cost in (Eigh()(x)[0].sum(), SVD(compute_uv=False)(x).sum(), Eigh()(x)[1].sum()):
        assert np.isfinite(sn.grad(cost, x).eval({x: np.eye(3)})).all()


def test_triangle_that_is_not_read():
    marked = POSITIVE.copy()
    marked[np.triu_indices(4, 1)] = np.nan
    x = T.dmatrix("x")
    factor = Cholesky()(x)
    solution = slinalg.solve_lower_triangular(x, VECTOR)
    values = Eigh()(x)[0]
    for out in (factor, solution, values):
        found, slope = (v.eval({x: marked}) for v in (out, sn.grad(out.sum(), x)))
        np.testing.assert_allclose(found, out.eval({x: POSITIVE}))
        assert not np.triu(slope, 1).any()


def test_what_is_not_determined():
    x = T.dmatrix("x")
    for out, word in [
        (SVD()(x)[0], "full_matrices=False"),
        (QR("complete")(x)[0], "mode 'reduced'"),
        (QR("raw")(x)[0], "mode 'reduced'"),
    ]:
        with pytest.raises(NullTypeGradError, match=word):
            sn.grad(out.sum(), x)
    sign, _ = SLogDet()(x)
    assert not sn.grad(sign, x).eval({x: SQUARE}).any()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MatrixInverse()(T.fvector()), "takes a matrix"),
        (lambda: MatrixInverse()(T.imatrix()), "floating point"),
        (lambda: MatrixInverse()(T.fmatrix(shape=(2, 3))), "square"),
        (lambda: Solve()(T.fmatrix(), T.dmatrix()), "one dtype"),
        (lambda: Solve()(T.fmatrix(), T.ftensor3()), "on the right"),
        (lambda: Solve()(T.fmatrix(shape=(2, 2)), T.fvector(shape=(3,))), "2 rows"),
        (lambda: Solve("banded")(T.fmatrix(), T.fvector()), "banded"),
        (lambda: Eigh("X")(T.fmatrix()), "UPLO"),
        (lambda: QR("half")(T.fmatrix()), "half"),
        (lambda: Cholesky(on_error="zero")(T.fmatrix()), "zero"),
    ],
)
def test_refused(build, message):
    with pytest.raises((TypeError, ValueError), match=message):
        build()


def test_static_shapes():
    x = T.fmatrix(shape=(3, 5))
    assert [v.type.shape for v in SVD()(x)] == [(3, 3), (3,), (5, 5)]
    assert [v.type.shape for v in QR()(x)] == [(3, 3), (3, 5)]
    assert nlinalg.pinv(x).type.shape == (5, 3)


def test_log_of_a_determinant_that_overflows():
    x = T.fmatrix("x")
    for cost in (T.log(nlinalg.det(x)), T.log(abs(nlinalg.det(x)))):
        f = sn.function([x], [cost, sn.grad(cost, x)])
        value, slope = f(np.float32(1e3) * np.eye(100, dtype="float32"))
        np.testing.assert_allclose(value, 100 * np.log(1e3), rtol=1e-6)
        np.testing.assert_allclose(slope, np.eye(100) / 1e3)
    logs = sn.function([x], [T.log(nlinalg.det(x)), T.log(abs(nlinalg.det(x)))])
    for diagonal, expected in [([2, -3], [np.nan, np.log(6)]), ([1, 0], [-np.inf, -np.inf])]:
        np.testing.assert_allclose(logs(np.diag(diagonal).astype("float32")), expected, rtol=1e-6)


def test_no_inverse_where_a_solution_will_do():
    x, y = T.dmatrix("x"), T.dvector("y")
    cost = T.dot(y, T.dot(nlinalg.inv(x), y))
    f = sn.function([x, y], [cost, sn.grad(cost, x)])
    value, slope = f(SQUARE, VECTOR)
    inverse = np.linalg.inv(SQUARE)
    np.testing.assert_allclose(value, VECTOR @ inverse @ VECTOR)
    np.testing.assert_allclose(slope, -np.outer(inverse.T @ VECTOR, inverse @ VECTOR))
    assert "matrixinverse" not in str(f.programs[0])
