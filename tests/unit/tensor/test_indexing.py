import numpy as np
import pytest

import symnet.tensor as T
from symnet.ops import PickRows, Subtensor
from symnet.scalar import TABLE

X = np.arange(60, dtype="float32").reshape(3, 4, 5)

INDICES = [
    np.s_[0],
    np.s_[-1],
    np.s_[1:],
    np.s_[:-1],
    np.s_[::2],
    np.s_[::-1],
    np.s_[:, 1:3],
    np.s_[1, :, 2],
    np.s_[..., 0],
    np.s_[0, ..., ::2],
    np.s_[None, 1:, None, 0],
    np.s_[:, None],
    np.s_[...],
    np.s_[:],
    np.s_[5:, 1],
    np.s_[1:2, -3:-1, 4:0:-2],
    np.s_[np.int64(1), np.array(2)],
    (),
]


@pytest.fixture
def x():
    return T.tensor3("x")


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_as_numpy(run, x, index):
    found = run(x[index], x=X)
    assert found.shape == X[index].shape
    np.testing.assert_array_equal(found, X[index])


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_changed_as_numpy(run, x, index):
    part = X[index]
    y = np.random.RandomState(0).randn(*part.shape).astype("float32")
    value = T.TensorType("float32", (None,) * part.ndim)("y")
    replaced, added = X.copy(), X.copy()
    replaced[index] = y
    added[index] += y
    np.testing.assert_array_equal(run(T.set_subtensor(x[index], value), x=X, y=y), replaced)
    np.testing.assert_array_equal(run(T.inc_subtensor(x[index], value), x=X, y=y), added)
    zeroed = X.copy()
    zeroed[index] = 0
    np.testing.assert_array_equal(run(T.set_subtensor(x[index], 0), x=X), zeroed)


def test_symbolic_bounds(run, x):
    i, b = T.lscalar("i"), 2
    np.testing.assert_array_equal(run(x[i * b : (i + 1) * b], x=X, i=1), X[2:4])
    np.testing.assert_array_equal(run(x[i], x=X, i=-1), X[-1])
    np.testing.assert_array_equal(run(x[:, i, i:], x=X, i=2), X[:, 2, 2:])
    np.testing.assert_array_equal(run(x[: x.shape[0] - 1], x=X), X[:-1])
    assert x[i].type.shape == (None, None)
    with pytest.raises(IndexError, match="out of range"):
        run(x[i], x=X, i=3)


def test_known_lengths_stay_known():
    x = T.tensor3(shape=(3, 4, None))
    assert x[0].type.shape == (4, None)
    assert x[1:, ::3].type.shape == (2, 2, None)
    with pytest.raises(IndexError, match="index 3 is out of range"):
        x[3]


def test_wrong_indices(x):
    with pytest.raises(IndexError, match=r"4 indices for x of type .* 3 dimensions"):
        x[0, 0, 0, 0]
    with pytest.raises(IndexError, match="only once"):
        x[..., ...]
    with pytest.raises(IndexError, match=r"1.5 is no index"):
        x[1.5]
    with pytest.raises(IndexError, match="'a' is no index"):
        x["a"]
    with pytest.raises(IndexError, match=r"holds integers, got float32"):
        x[T.vector()]
    with pytest.raises(TypeError, match="an index is an integer of no dimensions"):
        x[1.5:]


def test_rows_picked(run):
    p, y = T.matrix("p"), T.ivector("y")
    values = np.arange(12, dtype="float32").reshape(4, 3)
    labels = [2, 0, -1, 1]
    expected = values[np.arange(4), labels]
    logs = T.log(T.nnet.softmax(T.dot(p, T.matrix("W")) + T.vector("b")))
    for picked in (
        p[T.arange(y.shape[0]), y],
        p[T.arange(p.shape[0]), y],
        p[T.arange(4), y],
        T.tanh(p)[T.arange(p.shape[0]), y],
        logs[T.arange(p.shape[0]), y],
    ):
        assert isinstance(picked.owner.op, PickRows)
    np.testing.assert_array_equal(run(p[T.arange(y.shape[0]), y], p=values, y=labels), expected)
    np.testing.assert_array_equal(run(p[T.arange(4), y], p=values, y=labels), expected)
    assert logs[T.arange(p.shape[0]), y].owner.inputs[0] is logs
    with pytest.raises(IndexError, match=r"out of (range|bounds)"):
        run(p[T.arange(y.shape[0]), y], p=values, y=[0, 1, 2, 3])


def test_as_many_rows_as_asked_for(run):
    p, y, n = T.matrix("p"), T.ivector("y"), T.iscalar("n")
    values = np.arange(12, dtype="float32").reshape(4, 3)
    picked = p[T.arange(n), y]
    np.testing.assert_array_equal(run(picked, p=values, y=[1, 2], n=2), [1, 5])
    changed = run(T.set_subtensor(picked, -1), p=values, y=[1, 2], n=2)
    values[[0, 1], [1, 2]] = -1
    np.testing.assert_array_equal(changed, values)
    with pytest.raises(ValueError, match="as many indices as rows"):
        run(picked, p=values, y=[1, 2], n=3)


def test_rows_changed(run):
    p, y, v = T.matrix("p"), T.ivector("y"), T.vector("v")
    values = np.ones((2, 3), "float32")
    part = p[T.arange(y.shape[0]), y]
    added = run(T.inc_subtensor(part, v), p=values, y=[2, -3], v=[5, 7])
    np.testing.assert_array_equal(added, [[1, 1, 6], [8, 1, 1]])
    replaced = run(T.set_subtensor(part, v), p=values, y=[2, -3], v=[0, 7])
    np.testing.assert_array_equal(replaced, [[1, 1, 0], [7, 1, 1]])
    replaced = run(T.set_subtensor(part, 4), p=values, y=[0, 0])
    np.testing.assert_array_equal(replaced, [[4, 1, 1], [4, 1, 1]])


ARRAYS = [
    np.s_[[2, 0, 2]],
    np.s_[:, [1, -1]],
    np.s_[..., [0, 3]],
    np.s_[1:, [1, 0], ::2],
    np.s_[0, [1, 2]],
    np.s_[:, [3, 3], 2],
    np.s_[None, [1]],
    np.s_[[[0, 1], [2, 0]]],
    np.s_[:, [[0, 1], [2, 0]], None],
    np.s_[[0, 2], [1, -1]],
    np.s_[[0, 2], :, [1, -1]],
    np.s_[0, :, [1, -1]],
    np.s_[[1, 1], 1:, 3],
    np.s_[:, [[0], [1]], [0, 2, 2]],
    np.s_[[0, 2], None, [1, -1]],
    np.s_[None, [0, 2], ..., None, [1, -1]],
    np.s_[::-1, [1, -1], None, ::-2],
    np.s_[[0, 1], [1], [4, 4]],
    np.s_[[]],
    np.s_[[], 1:],
    np.s_[:, np.array([1, 2], "uint8"), np.int8(-1)],
    np.s_[(0, 2),],
]


@pytest.mark.parametrize("index", ARRAYS, ids=str)
def test_arrays_as_numpy(run, x, index):
    expected = X[index]
    found = run(x[index], x=X)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)
    replaced = X.copy()
    replaced[index] = -1
    np.testing.assert_array_equal(run(T.set_subtensor(x[index], -1), x=X), replaced)
    added = X.copy()
    np.add.at(added, index, 1)
    np.testing.assert_array_equal(run(T.inc_subtensor(x[index], 1), x=X), added)


def test_symbolic_arrays(run, x):
    i, m = T.ivector("i"), T.imatrix("m")
    np.testing.assert_array_equal(run(x[i], x=X, i=[2, 2]), X[[2, 2]])
    np.testing.assert_array_equal(run(x[m], x=X, m=[[0, 2]]), X[[[0, 2]]])
    np.testing.assert_array_equal(run(x.take(i, axis=1), x=X, i=[3]), X.take([3], 1))
    np.testing.assert_array_equal(run(T.take(x, i), x=X, i=[59, 0]), X.take([59, 0]))
    np.testing.assert_array_equal(run(T.take(x, 1, axis=-1), x=X), X.take(1, -1))


def test_symbolic_arrays_together(run, x):
    i, m, k = T.lvector("i"), T.imatrix("m"), T.iscalar("k")
    given = {"x": X, "i": [0, 2], "m": [[0, 3], [1, -1]], "k": 1}
    n = {name: np.array(value) for name, value in given.items()}
    np.testing.assert_array_equal(run(x[i, m], **given), X[n["i"], n["m"]])
    np.testing.assert_array_equal(run(x[i, :, k], **given), X[n["i"], :, n["k"]])
    np.testing.assert_array_equal(run(x[k, :, m], **given), X[n["k"], :, n["m"]])
    np.testing.assert_array_equal(
        run(x[m[:, [0]] // 2, k:, i], **given), X[n["m"][:, [0]] // 2, 1:, n["i"]]
    )
    np.testing.assert_array_equal(run(x[[k, 0]], **given), X[[1, 0]])
    assert x[i, m].type.shape == (None, None, None)
    assert x[[0, 1], :, [[0], [1]]].type.shape == (2, 2, None)


def test_arrays_that_do_not_fit(run, x):
    i, j = T.lvector("i"), T.lvector("j")
    with pytest.raises(IndexError, match="do not broadcast together"):
        x[[0, 1], [0, 1, 2]]
    with pytest.raises(ValueError, match="arrays of indices have different lengths"):
        run(x[i, j], x=X, i=[0, 1], j=[0])
    with pytest.raises(IndexError, match="out of"):
        run(x[i, 0, j], x=X, i=[0, 3], j=[0, 1])
    with pytest.raises(IndexError, match="index 7 is out of range in dimension 1"):
        T.tensor3(shape=(None, 5, None))[:, [0, 7]]


def test_what_cannot_be_changed(x):
    for function in (T.set_subtensor, T.inc_subtensor):
        with pytest.raises(TypeError, match=r"is not a part of a tensor.* written x\[index\]"):
            function(x + 1, 0)
        with pytest.raises(TypeError, match=r"float64 does not fit .*T.cast\(..., 'float32'\)"):
            function(x[0], T.dmatrix("y"))
        with pytest.raises(TypeError, match="3 dimensions, more than the part"):
            function(x[0], x)
        with pytest.raises(TypeError, match="does not fit a tensor of int32"):
            function(T.ivector("i")[0], 1.5)
    assert T.set_subtensor(x[0], T.ivector("i").astype("int8")).dtype == "float32"


def test_changed_by_broadcasting(run, x):
    row = T.vector("v")
    expected = X.copy()
    expected[1:] = np.arange(5)
    np.testing.assert_array_equal(run(T.set_subtensor(x[1:], row), x=X, v=np.arange(5)), expected)
    assert T.set_subtensor(x[1:], row, inplace=True).ndim == 3
    assert T.set_subtensor(x[1:], row, tolerate_inplace_aliasing=True).ndim == 3
    set_by_flag = T.inc_subtensor(x[1:], row, set_instead_of_inc=True)
    np.testing.assert_array_equal(run(set_by_flag, x=X, v=np.arange(5)), expected)


def test_a_part_of_a_part_is_changed_for_itself(run, x):
    found = run(T.set_subtensor(x[1:][:, 0], 0), x=X)
    expected = X[1:].copy()
    expected[:, 0] = 0
    np.testing.assert_array_equal(found, expected)


def test_iteration(run, x):
    static = T.tensor3("x", shape=(3, None, None))
    parts = list(static)
    assert len(parts) == 3
    np.testing.assert_array_equal(run(parts[2], x=X), X[2])
    with pytest.raises(TypeError, match=r"cannot be iterated over: how many entries .*T.sum"):
        list(x)
    with pytest.raises(TypeError, match="no dimensions to iterate over"):
        iter(T.scalar("s"))
    with pytest.raises(TypeError, match="cannot be iterated over"):
        sum(x)


def test_indices_are_remembered(x):
    part = x[1:]
    assert isinstance(part.owner.op, Subtensor)
    assert part.owner.inputs[0] is x
    assert isinstance(x[:].owner.op, Subtensor)


def test_index_by_a_comparison_of_integers(run):
    i = T.iscalar("i")
    chosen = TABLE["switch"](i > 0, 1, 2)
    np.testing.assert_array_equal(run(T.vector("v")[chosen], v=[5, 6, 7], i=1), 6)


def test_a_part_in_another_shape_is_changed(run, x):
    y = T.vector("y")
    part = x[[0, 2], :, [1, 1]]
    expected = X.copy()
    expected[[0, 2], :, 1] = np.arange(8).reshape(2, 4)
    found = run(T.set_subtensor(part.flatten(), y), x=X, y=np.arange(8))
    np.testing.assert_array_equal(found, expected)
    found = run(T.set_subtensor(part.T, y.reshape((2, 4)).T), x=X, y=np.arange(8))
    np.testing.assert_array_equal(found, expected)
