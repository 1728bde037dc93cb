import itertools

import numpy as np
import pytest

import symnet.tensor as T

A = np.arange(24, dtype="float32").reshape(2, 3, 4)


def _input(a, name="x"):
    return T.TensorType(a.dtype, (None,) * a.ndim)(name)


def test_flip(run):
    x = _input(A)
    for axis in (None, 0, -1, (0, 2)):
        np.testing.assert_array_equal(run(T.flip(x, axis), x=A), np.flip(A, axis))
    np.testing.assert_array_equal(run(T.flipud(x), x=A), np.flipud(A))
    np.testing.assert_array_equal(run(T.fliplr(x), x=A), np.fliplr(A))
    with pytest.raises(ValueError, match="fliplr: axis 1 is out of range"):
        T.fliplr(T.vector())


@pytest.mark.parametrize("axes", [(0, 1), (2, 0), (1, 2)])
@pytest.mark.parametrize("k", range(-2, 5))
def test_rot90(run, k, axes):
    np.testing.assert_array_equal(run(T.rot90(_input(A), k, axes), x=A), np.rot90(A, k, axes))


def test_rot90_in_no_plane():
    with pytest.raises(ValueError, match="one dimension twice"):
        T.rot90(T.matrix(), axes=(0, 0))


@pytest.mark.parametrize(
    ("shift", "axis"), [(s, a) for s in (0, 1, -1, 5, -9) for a in (None, 0, 2)]
)
def test_roll(run, shift, axis):
    x, by = _input(A), T.lscalar("by")
    expected = np.roll(A, shift, axis)
    np.testing.assert_array_equal(run(T.roll(x, shift, axis), x=A), expected)
    np.testing.assert_array_equal(run(T.roll(x, by, axis), x=A, by=shift), expected)
    static = T.TensorType("float32", A.shape)("x")
    rolled = T.roll(static, shift, axis)
    assert rolled.type.shape == A.shape
    np.testing.assert_array_equal(run(rolled, x=A), expected)
    from_data = T.lvector("by")[0]
    np.testing.assert_array_equal(run(T.roll(x, from_data, axis), x=A, by=[shift]), expected)


def test_roll_of_several_dimensions(run):
    x = _input(A)
    expected = np.roll(A, (1, -2), (0, 2))
    np.testing.assert_array_equal(run(T.roll(x, (1, -2), (0, 2)), x=A), expected)
    assert run(T.roll(x, 3, 0), x=A[:0]).shape == (0, 3, 4)
    with pytest.raises(ValueError, match="2 shifts for 1 axes"):
        T.roll(x, (1, 2), 0)
    with pytest.raises(TypeError, match="a shift must be an integer"):
        T.roll(x, 1.5, 0)


@pytest.mark.parametrize(
    "reps", [2, 0, 1, (2,), (1, 2), (2, 1, 3), (2, 1, 1, 2), [1, 1, 1], np.array([3, 2])]
)
def test_tile(run, reps):
    x = _input(A)
    np.testing.assert_array_equal(run(T.tile(x, reps), x=A), np.tile(A, reps))
    a, b = T.lscalars("a", "b")
    np.testing.assert_array_equal(run(T.tile(x, (a, 1, b)), x=A, a=2, b=3), np.tile(A, (2, 1, 3)))


def test_tile_to_more_dimensions(run):
    x, reps = _input(A[0]), T.lvector("reps")
    assert run(T.tile(x, 2, ndim=3), x=A[0]).shape == (1, 3, 8)
    found = run(T.tile(x, reps, ndim=2), x=A[0], reps=[2, 3])
    np.testing.assert_array_equal(found, np.tile(A[0], (2, 3)))
    with pytest.raises(ValueError, match="ndim=1, but x has 2"):
        T.tile(x, 2, ndim=1)
    with pytest.raises(ValueError, match="cannot be negative"):
        T.tile(x, -1)
    with pytest.raises(ValueError, match="say ndim="):
        T.tile(x, reps)


MODES = ["constant", "edge", "reflect", "symmetric", "wrap"]
WIDTHS = [1, 0, (2, 1), ((1, 0), (0, 2)), 5, ((7, 4), (9, 1))]


@pytest.mark.parametrize(("mode", "width"), list(itertools.product(MODES, WIDTHS)))
def test_pad(run, mode, width):
    for a in (A[0], A[0, :1], A[0, :, :1], A[0, :2, :2].astype("int32")):
        x = _input(a)
        np.testing.assert_array_equal(run(T.pad(x, width, mode), x=a), np.pad(a, width, mode))
        static = T.TensorType(a.dtype, a.shape)("x")
        padded = T.pad(static, width, mode)
        expected = np.pad(a, width, mode)
        assert padded.type.shape == expected.shape
        np.testing.assert_array_equal(run(padded, x=a), expected)


@pytest.mark.parametrize("values", [3, (1, 2), ((1, 2), (3, 4))])
def test_pad_with_values(run, values):
    x, n = _input(A[0]), T.lscalar("n")
    expected = np.pad(A[0], 2, constant_values=values)
    np.testing.assert_array_equal(run(T.pad(x, 2, constant_values=values), x=A[0]), expected)
    symbolic = run(T.pad(x, n, constant_values=values), x=A[0], n=2)
    np.testing.assert_array_equal(symbolic, expected)


def test_what_cannot_be_padded():
    x = T.matrix()
    with pytest.raises(ValueError, match="mode is one of 'constant', 'edge'"):
        T.pad(x, 1, "mean")
    with pytest.raises(ValueError, match="a pair for each of 2 dimensions"):
        T.pad(x, ((1, 1), (1, 1), (1, 1)))
    with pytest.raises(ValueError, match="cannot be negative"):
        T.pad(x, -1)
