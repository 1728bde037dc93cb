import copy
import os
import pickle
import threading

import numpy as np
import pytest

import symnet.tensor as T
from symnet.config import config
from symnet.interpreter import evaluate
from symnet.shared import SharedVariable, shared
from symnet.storage import ALIGNMENT, LOCK, Storage, aligned_copy, aligned_empty


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, "int64"),
        (1.0, "float32"),
        (True, "bool"),
        ([1.0, 2.0], "float32"),
        (np.float64(1), "float64"),
        (np.zeros((2, 3)), "float64"),
        (np.zeros(2, ">i4"), "int32"),
    ],
)
def test_dtypes(value, dtype):
    s = shared(value, name="s")
    assert s.dtype == s.get_value().dtype == dtype
    assert s.name == "s"
    np.testing.assert_array_equal(s.get_value(), value)
    assert s.get_value().dtype.isnative


def test_a_float_is_of_the_default_dtype():
    with config.change(floatX="float64"):
        assert shared(0.5).dtype == "float64"


def test_types():
    s = shared(np.zeros((1, 3)))
    assert s.broadcastable == (False, False)
    assert s.type.shape == (None, None)
    assert shared(np.zeros((1, 3)), broadcastable=(True, False)).type.shape == (1, None)
    assert isinstance(s, T.TensorVariable)
    assert bool(s)
    assert shared(np.zeros(3)).sum().ndim == 0


def test_what_cannot_be_shared():
    x = T.vector("x")
    with pytest.raises(TypeError, match="needs a value, but x is an expression"):
        shared(x)
    for value in (1j, "text", object(), np.float16(1), None):
        with pytest.raises(TypeError, match="no dtype"):
            shared(value)
    with pytest.raises(TypeError, match="takes an array, not a list"):
        shared([1, 2], strict=True)
    with pytest.raises(ValueError, match="for 1 dimensions, the value has 2"):
        shared(np.zeros((2, 2)), broadcastable=(True,))
    with pytest.raises(ValueError, match="dimension 0 must have length 1"):
        shared(np.zeros((2, 2)), broadcastable=(True, False))


def test_values_are_copies():
    array = np.zeros(3, "float32")
    s = shared(array)
    array[:] = 1
    assert s.get_value().sum() == 0
    s.get_value()[:] = 2
    assert s.get_value().sum() == 0
    s.set_value(array)
    array[:] = 5
    assert s.get_value().sum() == 3


def test_borrowed_values_are_the_memory():
    s = shared(np.zeros(3, "float32"))
    s.get_value(borrow=True)[:] = 2
    assert s.get_value().tolist() == [2, 2, 2]
    suitable = aligned_copy(np.ones(3, "float32"))
    s = shared(suitable, borrow=True)
    assert s.get_value(borrow=True) is suitable
    other = aligned_copy(np.ones(3, "float32"))
    s.set_value(other, borrow=True)
    assert s.get_value(borrow=True) is other
    # What compiled code cannot work on is copied.
    shifted = aligned_empty((4,), "float32")[1:]
    assert shared(shifted, borrow=True).get_value(borrow=True) is not shifted


def test_set_value():
    s = shared(np.zeros((2, 3), "float32"), name="s")
    s.set_value(np.ones((4, 5), "float32"))
    assert s.get_value().shape == (4, 5)
    s.set_value([[1, 2.5]])
    assert s.get_value().tolist() == [[1, 2.5]]
    s.zero()
    assert s.get_value().tolist() == [[0, 0]]
    s.set_value(np.ones((1, 2), "int8"))
    n = shared(3)
    n.set_value(4)
    assert n.get_value() == 4


def test_wrong_values():
    s = shared(np.zeros((1, 3), "float32"), name="s", broadcastable=(True, False))
    before = s.get_value()
    for wrong, error, message in [
        (np.zeros((1, 3)), TypeError, r"dtype is float32, .* float64 .*astype\('float32'\)"),
        (np.zeros(3, "float32"), TypeError, r"has 2 dimensions, the value has 1"),
        (np.zeros((2, 3), "float32"), ValueError, "dimension 0 must have length 1"),
        (T.matrix("x"), TypeError, "x is an expression"),
        ("text", TypeError, "dtype is float32"),
    ]:
        with pytest.raises(error, match=message):
            s.set_value(wrong)
    np.testing.assert_array_equal(s.get_value(), before)
    with pytest.raises(TypeError, match="dtype is int64, and a value of float64"):
        shared(3).set_value(1.5)


def test_copies_have_their_own_value():
    s = shared(np.zeros(2, "float32"), name="s", broadcastable=(False,))
    s.default_update = s + 1
    s.tag.note = "kept"
    for twin in (copy.copy(s), copy.deepcopy(s), pickle.loads(pickle.dumps(s)), s.clone()):
        assert isinstance(twin, SharedVariable)
        assert (twin.name, twin.type, twin.tag.note) == (s.name, s.type, "kept")
        twin.set_value([5, 5])
        assert s.get_value().sum() == 0
    again = pickle.loads(pickle.dumps(s))
    assert again.default_update.owner.inputs[0] is again


def test_in_expressions():
    w = shared(np.array([1, 2], "float32"))
    assert evaluate([(w * 2).sum()], {w: w.get_value()})[0] == 6


class _Device:
    """A backend whose memory is not the host's."""

    name = "device"

    def upload(self, value):
        return {"held": value.copy()}

    def download(self, storage):
        return storage["held"].copy()


class _Host:
    name = "host"

    def upload(self, value):
        return value

    def download(self, storage):
        return storage.copy()


class _Watcher:
    def __init__(self):
        self.count = 0

    def storage_replaced(self):
        self.count += 1


def test_storage_in_the_hosts_memory():
    storage, backend, watcher = Storage(np.zeros(3, "float32")), _Host(), _Watcher()
    storage.watch(watcher)
    handle = storage.on(backend)
    assert handle is storage.host()
    assert handle.ctypes.data % ALIGNMENT == 0
    storage.set(np.ones(3, "float32"))
    assert storage.on(backend) is handle
    assert handle.sum() == 3
    assert (storage.generation, watcher.count) == (0, 0)
    storage.set(np.ones(4, "float32"))
    assert storage.on(backend) is not handle
    assert (storage.generation, watcher.count, storage.shape) == (1, 1, (4,))


def test_storage_on_a_device():
    storage, backend = Storage(np.zeros(3, "float32")), _Device()
    first = storage.on(backend)
    assert storage.on(backend) is first
    first["held"][:] = 7
    assert storage.host().tolist() == [7, 7, 7]
    generation = storage.generation
    storage.set(np.ones(3, "float32"))
    assert storage.generation > generation
    assert storage.on(backend)["held"].tolist() == [1, 1, 1]
    host = storage.on(_Host())
    assert host.tolist() == [1, 1, 1]
    assert copy.deepcopy(storage).host().tolist() == [1, 1, 1]
    assert "float32[3] on host" in repr(storage)


def test_storage_keeps_its_dtype():
    storage = Storage(np.zeros(3, "float32"))
    with pytest.raises(TypeError, match="storage of float32 cannot hold float64"):
        storage.replace(np.zeros(3))
    storage.value = [1, 2, 3]
    assert storage.value.tolist() == [1, 2, 3]


def test_one_lock_for_all():
    s = shared(0)
    found = []
    reader = threading.Thread(target=lambda: found.append(s.get_value()))
    with LOCK:
        reader.start()
        reader.join(0.05)
        assert not found
        s.set_value(1)
    reader.join(5)
    assert found == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_fork_leaves_the_lock_free():
    s = shared(1)
    held, release = threading.Event(), threading.Event()

    def hold():
        with LOCK:
            held.set()
            release.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    threading.Timer(0.05, release.set).start()
    child = os.fork()  # waits for the holder
    if child == 0:
        free = []
        reader = threading.Thread(target=lambda: free.append(int(s.get_value())))
        reader.start()
        reader.join(5)
        os._exit(0 if free == [1] else 1)
    _, status = os.waitpid(child, 0)
    holder.join()
    assert os.waitstatus_to_exitcode(status) == 0
