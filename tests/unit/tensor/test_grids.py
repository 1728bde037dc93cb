import numpy as np
import pytest

import symnet.tensor as T


@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize("num", [0, 1, 2, 7])
def test_spaces(run, num, endpoint):
    n, a, b = T.lscalar("n"), T.dscalar("a"), T.dscalar("b")
    for name in ("linspace", "logspace", "geomspace"):
        expected = getattr(np, name)(1.0, 3.5, num, endpoint)
        spaced = getattr(T, name)
        for found in (spaced(a, b, num, endpoint), spaced(a, b, n, endpoint)):
            assert found.dtype == "float64"
            np.testing.assert_allclose(run(found, a=1, b=3.5, n=num), expected, rtol=1e-12)


def test_dtypes_and_ends(run):
    assert T.linspace(0, 1, 5).dtype == "float32"
    assert T.linspace(T.lscalar(), 1, 5).dtype == "float32"
    whole = T.linspace(0, 10, 5, dtype="int32")
    np.testing.assert_array_equal(run(whole), np.linspace(0, 10, 5, dtype="int32"))
    found = run(T.linspace(T.dscalar("a"), 0.7, 11), a=0.1)
    assert found[-1] == 0.7
    v = T.dvector("v")
    expected = np.linspace([1.0, 2.0], 5.0, 4)
    np.testing.assert_allclose(run(T.linspace(v, 5.0, 4), v=[1, 2]), expected, rtol=1e-15)
    negative = run(T.geomspace(T.dscalar("a"), -1.0, 4), a=-8)
    np.testing.assert_allclose(negative, np.geomspace(-8, -1, 4), rtol=1e-12)
    with pytest.raises(ValueError, match="num cannot be negative"):
        T.linspace(0, 1, -1)


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("sparse", [True, False])
def test_meshgrid(run, indexing, sparse):
    values = {"a": np.arange(2.0), "b": np.arange(3), "c": np.arange(4, dtype="int8")}
    inputs = [T.TensorType(v.dtype, (None,))(name) for name, v in values.items()]
    for count in (1, 2, 3):
        found = run(T.meshgrid(*inputs[:count], indexing=indexing, sparse=sparse), **values)
        given = list(values.values())[:count]
        for f, e in zip(found, np.meshgrid(*given, indexing=indexing, sparse=sparse), strict=True):
            assert f.dtype == e.dtype
            np.testing.assert_array_equal(f, e)
    with pytest.raises(ValueError, match="'xy' or 'ij'"):
        T.meshgrid(*inputs, indexing="ji")


def test_grids_from_brackets(run):
    n = T.lscalar("n")
    for symbolic, plain in ((T.mgrid, np.mgrid), (T.ogrid, np.ogrid)):
        found = run(symbolic[1:n:2, 0:3], n=6)
        for f, e in zip(found, plain[1:6:2, 0:3], strict=True):
            np.testing.assert_array_equal(f, e)
        np.testing.assert_array_equal(run(symbolic[:n], n=4), plain[:4])
        np.testing.assert_allclose(run(symbolic[0.0:1.0:5j]), plain[0.0:1.0:5j])
    with pytest.raises(ValueError, match="where each slice stops"):
        T.mgrid[1:]
