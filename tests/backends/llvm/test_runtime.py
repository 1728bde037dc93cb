from __future__ import annotations

import gc
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from symnet.kernel import Loop, Store
from symnet.program import Check, Copy, Guard, HostCall, Int, Launch, Program, Size
from symnet.scalar import TABLE, Symbol, cast, const
from symnet_llvm.backend import LLVMBackend
from symnet_llvm.runtime import PythonCall
from tests.backends.llvm.programs import (
    I,
    affine,
    buffer,
    elementwise,
    increment,
    kernel,
    load,
    program,
    symbolic,
)


@pytest.fixture(autouse=True)
def cache_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNET_CACHE_DIR", str(tmp_path))


@pytest.fixture(params=[True, False], ids=["native", "python"])
def backend(request: pytest.FixtureRequest) -> LLVMBackend:
    made = LLVMBackend(native=request.param)
    if request.param and made.describe()["calls"] != "native":
        pytest.skip("no native calls on this system")
    return made


def some(n: int = 10) -> np.ndarray:
    return np.arange(n, dtype="float32")


def test_runs_and_returns_fresh_arrays(backend: LLVMBackend) -> None:
    f = backend.compile(affine())
    (first,), (second,) = f(some()), f(some() + 1)
    np.testing.assert_array_equal(first, some() * 2 + 1)
    np.testing.assert_array_equal(second, some() * 2 + 3)
    assert first.flags.owndata
    assert first.flags.writeable


class Subclass(np.ndarray):
    pass


def misaligned() -> np.ndarray:
    return np.zeros(41, "uint8")[1:].view("float32")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (some(), some()),
        ([1.0] * 10,),
        (None,),
        (some().astype("float64"),),
        (some().astype("int32"),),
        (some(9),),
        (some(11),),
        (some(20)[::2],),
        (some().reshape(2, 5),),
        (np.float32(3),),
        (np.array(3, "float32"),),
        (some().astype(">f4"),),
        (misaligned(),),
        (some().view(Subclass),),
    ],
    ids=lambda a: f"{[type(x).__name__ for x in a]}",
)
def test_refuses_what_it_is_not_made_for(backend: LLVMBackend, arguments: tuple) -> None:
    assert backend.compile(affine())(*arguments) is NotImplemented


def test_takes_arrays_with_descriptors_of_their_own(backend: LLVMBackend) -> None:
    f = backend.compile(affine())
    thawed = pickle.loads(pickle.dumps(some()))
    np.testing.assert_array_equal(f(thawed)[0], some() * 2 + 1)
    tagged = some().astype(np.dtype("float32", metadata={"unit": "m"}))
    np.testing.assert_array_equal(f(tagged)[0], some() * 2 + 1)


@pytest.mark.parametrize("code", ["l", "q"])
def test_takes_both_of_c_s_long_integers(backend: LLVMBackend, code: str) -> None:
    k = elementwise(4, load("x", dtype="int64") + 1, "x", "y", x="int64", y="int64")
    p = program(
        [buffer("x", "input", 4, dtype="int64"), buffer("y", "output", 4, dtype="int64")],
        [Launch(k, ("x", "y"))],
    )
    if np.dtype(code).itemsize == 8:
        assert backend.compile(p)(np.arange(4, dtype=code))[0].tolist() == [1, 2, 3, 4]


def test_read_only_and_empty_inputs(backend: LLVMBackend) -> None:
    x = some()
    x.flags.writeable = False
    np.testing.assert_array_equal(backend.compile(affine())(x)[0], x * 2 + 1)
    assert backend.compile(symbolic())(some(0))[0].shape == (0,)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "uint64", "float64"])
def test_dtypes_go_in_and_out(backend: LLVMBackend, dtype: str) -> None:
    k = elementwise(6, load("x", dtype=dtype), "x", "y", x=dtype, y=dtype)
    p = program(
        [buffer("x", "input", 2, 3, dtype=dtype), buffer("y", "output", 2, 3, dtype=dtype)],
        [Launch(k, ("x", "y"))],
    )
    x = (np.arange(6).reshape(2, 3) % 2).astype(dtype)
    (y,) = backend.compile(p)(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(x, y)


def test_zero_dimensions(backend: LLVMBackend) -> None:
    k = kernel([Store("y", const(0), load("x", const(0)) + 1.0)], "x", "y")
    p = program([buffer("x", "input"), buffer("y", "output")], [Launch(k, ("x", "y"))])
    (y,) = backend.compile(p)(np.array(2, "float32"))
    assert y.shape == ()
    assert y == 3


def test_shared_buffers(backend: LLVMBackend) -> None:
    f = backend.compile(increment())
    with pytest.raises(RuntimeError, match="no storage bound for w"):
        f()
    w = backend.upload(some())
    f.bind({"w": w})
    assert f() == []
    assert f() == []
    np.testing.assert_array_equal(backend.download(w), some() + 2)
    other = backend.upload(np.zeros(10, "float32"))
    f.bind({"w": other})
    f()
    assert other.tolist() == [1] * 10
    assert w.tolist() == (some() + 2).tolist()
    f.bind({"w": backend.upload(np.zeros(11, "float32"))})
    assert f() is NotImplemented


@pytest.mark.parametrize(
    "storage", [some().astype("float64"), some().reshape(2, 5), some(20)[::2], list(range(10))]
)
def test_storage_that_does_not_fit(backend: LLVMBackend, storage: object) -> None:
    f = backend.compile(increment())
    with pytest.raises(ValueError, match="storage"):
        f.bind({"w": storage})


def test_any_length(backend: LLVMBackend) -> None:
    f = backend.compile(symbolic())
    for n in (5, 1000, 3, 0, 70_000, 5):
        np.testing.assert_array_equal(f(some(n))[0], (some(n) + 1) * 2)


def test_specialised_and_checked_integers(backend: LLVMBackend) -> None:
    n, half = Symbol("n"), Symbol("half")
    k = elementwise(3, load("x", I * 2), "x", "y")
    p = program(
        [buffer("x", "input", n), buffer("y", "output", 3)],
        [Launch(k, ("x", "y"))],
        sizes=[Size(n, "x", 0)],
        ints=[Int(half, n // 2, 3)],
        checks=[Check(TABLE["eq"](n % 2, const(0)), "odd")],
    )
    f = backend.compile(p)
    assert f(some(6))[0].tolist() == [0, 2, 4]
    for wrong in (7, 8, 4, 0):
        assert f(some(wrong)) is NotImplemented


def test_integers_read_from_inputs(backend: LLVMBackend) -> None:
    start = Symbol("start")
    body = [Loop(I, const(4), (Store("y", I, load("x", I + start)),))]
    k = kernel(body, "x", "y", ints=[start])
    p = program(
        [
            buffer("i", "input", dtype="int8"),
            buffer("x", "input", 100),
            buffer("y", "output", 4),
        ],
        [Launch(k, ("x", "y"), (start * 4,))],
        sizes=[Size(start, "i", None)],
        checks=[
            Check(TABLE["ge"](start, const(0)), "low"),
            Check(TABLE["lt"](start, const(25)), "high"),
        ],
    )
    f = backend.compile(p)
    for i in (0, 3, 24):
        assert f(np.array(i, "int8"), some(100))[0].tolist() == list(range(4 * i, 4 * i + 4))
    for i in (-1, 25):
        assert f(np.array(i, "int8"), some(100)) is NotImplemented


def test_integers_are_not_read_past_the_end(backend: LLVMBackend) -> None:
    n, length = Symbol("n"), Symbol("length")
    k = elementwise(n, load("x"), "x", "y", ints=[n])
    p = program(
        [
            buffer("i", "input", length, dtype="int64"),
            buffer("x", "input", n),
            buffer("y", "output", n),
        ],
        [Launch(k, ("x", "y"), (n,))],
        sizes=[Size(length, "i", 0), Size(n, "i", None, 2)],
    )
    f = backend.compile(p)
    assert f(np.array([9, 9, 5]), some(5))[0].tolist() == [0, 1, 2, 3, 4]
    assert f(np.array([9, 9, 4]), some(5)) is NotImplemented
    assert f(np.array([9, 9]), some(5)) is NotImplemented


def test_lengths_that_follow_from_others_are_compared(backend: LLVMBackend) -> None:
    n = Symbol("n")
    k = elementwise(n, load("x") + load("z", I * 2), "x z", "y", ints=[n])
    p = program(
        [buffer("x", "input", n), buffer("z", "input", n * 2), buffer("y", "output", n)],
        [Launch(k, ("x", "z", "y"), (n,))],
        sizes=[Size(n, "x", 0)],
    )
    f = backend.compile(p)
    assert f(some(3), some(6))[0].tolist() == [0, 3, 6]
    assert f(some(3), some(5)) is NotImplemented


def guarded() -> object:
    """w[i[0]] = 1, if that exists."""
    position = load("i", const(0), "int64")
    outside = TABLE["ge"](position, const(10))
    flag = kernel(
        [Store("bad", const(0), cast(outside, "int64"))], "i", "bad", i="int64", bad="int64"
    )
    write = kernel([Store("w", position, const(1.0, "float32"))], "i", "w", i="int64")
    return program(
        [
            buffer("i", "input", 1, dtype="int64"),
            buffer("bad", "temporary", dtype="int64"),
            buffer("w", "shared", 10),
        ],
        [
            Launch(flag, ("i", "bad")),
            Guard("bad", "index out of range: ä"),
            Launch(write, ("i", "w")),
        ],
    )


def test_guards(backend: LLVMBackend) -> None:
    f = backend.compile(guarded())
    w = np.zeros(10, "float32")
    f.bind({"w": w})
    f(np.array([3]))
    before = w.copy()
    for _ in range(3):
        with pytest.raises(IndexError, match="index out of range: ä"):
            f(np.array([12]))
    np.testing.assert_array_equal(w, before)
    f(np.array([4]))
    assert w.tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_copies(backend: LLVMBackend) -> None:
    n = Symbol("n")
    p = program(
        [buffer("x", "input", n, 3), buffer("y", "output", n, 3)],
        [Copy("x", "y")],
        sizes=[Size(n, "x", 0)],
    )
    f = backend.compile(p)
    for rows in (4, 0, 1000):
        x = some(rows * 3).reshape(rows, 3)
        np.testing.assert_array_equal(f(x)[0], x)


def test_constants(backend: LLVMBackend) -> None:
    from dataclasses import replace

    table = replace(buffer("c", "constant", 10), data=some() * 3)
    k = elementwise(10, load("x") + load("c"), "x c", "y")
    p = program(
        [buffer("x", "input", 10), table, buffer("y", "output", 10)], [Launch(k, ("x", "c", "y"))]
    )
    f = backend.compile(p)
    del p, table
    gc.collect()
    np.testing.assert_array_equal(f(some())[0], some() * 4)


def host_program(perform: Callable[[list[np.ndarray]], list[np.ndarray]]) -> object:
    before = elementwise(10, load("x") + 1.0, "x", "t")
    after = elementwise(10, load("u") * 2.0, "u", "y")
    return program(
        [
            buffer("x", "input", 10),
            buffer("t", "temporary", 10),
            buffer("u", "temporary", 10),
            buffer("y", "output", 10),
        ],
        [
            Launch(before, ("x", "t")),
            HostCall("sort", perform, ("t",), ("u",)),
            Launch(after, ("u", "y")),
        ],
    )


def test_host_calls(backend: LLVMBackend) -> None:
    f = backend.compile(host_program(lambda arrays: [np.sort(arrays[0])]), profile=True)
    x = some()[::-1].copy()
    for _ in range(2):
        np.testing.assert_array_equal(f(x)[0], (some() + 1) * 2)
    assert len(f.timings()) == 3
    assert all(t > 0 for t in f.timings())


def test_host_calls_that_fail(backend: LLVMBackend) -> None:
    def wrong_shape(arrays: list[np.ndarray]) -> list[np.ndarray]:
        return [arrays[0][:5]]

    def writes(arrays: list[np.ndarray]) -> list[np.ndarray]:
        arrays[0][:] = 0
        return arrays

    with pytest.raises(ValueError, match=r"sort returned an array of shape \(5,\)"):
        backend.compile(host_program(wrong_shape))(some())
    with pytest.raises(ValueError, match="read-only"):
        backend.compile(host_program(writes))(some())


def test_timings(backend: LLVMBackend) -> None:
    f = backend.compile(symbolic(), profile=True)
    assert f.timings() == [0, 0]
    f(some(100_000))
    first = f.timings()
    f(some(100_000))
    assert all(0 < a < b for a, b in zip(first, f.timings(), strict=True))


def test_outputs_given_twice_or_not_fresh(backend: LLVMBackend) -> None:
    from dataclasses import replace

    p = replace(affine(), outputs=("y", "x", "y"))
    x = some()
    a, b, c = backend.compile(p)(x)
    np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(b, x)
    assert not np.shares_memory(a, c)
    assert not np.shares_memory(b, x)


def test_the_entry_outlives_executable_and_program(backend: LLVMBackend) -> None:
    entries = [backend.compile(affine(n)).entry for n in range(1, 9)]
    for _ in range(3):
        gc.collect()
        for n, call in enumerate(entries, 1):
            np.testing.assert_array_equal(call(some(n))[0], some(n) * 2 + 1)


def test_executables_are_freed() -> None:
    import weakref

    f = LLVMBackend().compile(affine())
    f(some())
    gone = weakref.ref(f._instance)
    del f
    gc.collect()
    assert gone() is None


def test_references_are_balanced(backend: LLVMBackend) -> None:
    import sys

    f, x = backend.compile(affine()), some()
    f(x)
    before = [sys.getrefcount(o) for o in (x, x.dtype, np.ndarray, NotImplemented)]
    for _ in range(1000):
        f(x)
        f(1)
    after = [sys.getrefcount(o) for o in (x, x.dtype, np.ndarray, NotImplemented)]
    # NotImplemented does not die, but a count that fell would mean a reference given away.
    assert all(b - 5 <= a <= b + 5 for a, b in zip(after, before, strict=True)), (before, after)


def test_which_calls_are_native() -> None:
    if LLVMBackend().describe()["calls"] == "native":
        assert not isinstance(LLVMBackend(native=True).compile(affine()).entry, PythonCall)
    assert isinstance(LLVMBackend(native=False).compile(affine()).entry, PythonCall)


def test_environment_chooses_python_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNET_LLVM_NATIVE", "0")
    assert LLVMBackend().describe()["calls"] == "python"


def test_source_and_description() -> None:
    f = LLVMBackend().compile(affine())
    assert "define internal void @k0(" in f.source()
    assert "symnet_step0" in f.assembly()
    facts = LLVMBackend().describe()
    assert facts.keys() == {"cpu", "features", "vector", "threads", "llvm", "calls"}


def added(n: int = 10) -> Program:
    """w += x, v only read; w, v shared."""
    k = elementwise(n, load("w") + load("x") + load("v"), "x v", "w")
    buffers = [buffer("x", "input", n), buffer("w", "shared", n), buffer("v", "shared", n)]
    return program(buffers, [Launch(k, ("x", "v", "w"))])


def test_inputs_in_memory_that_is_written_are_refused(backend: LLVMBackend) -> None:
    f = backend.compile(added())
    memory = np.zeros(40, "float32")
    w, v = memory[10:20], memory[20:30]
    f.bind({"w": w, "v": v})
    for start in (1, 9, 10, 11, 19):
        assert f(memory[start : start + 10]) is NotImplemented
        assert not w.any()
    w[:] = 1
    for start in (0, 20, 24, 30):
        assert f(memory[start : start + 10]) == []
    np.testing.assert_array_equal(w, 1)


def test_empty_inputs_share_no_memory(backend: LLVMBackend) -> None:
    f = backend.compile(added(0))
    memory = np.zeros(10, "float32")
    f.bind({"w": memory[2:2], "v": memory[3:3]})
    assert f(memory[2:2]) == []


def test_written_storage_is_bound_once(backend: LLVMBackend) -> None:
    f = backend.compile(added())
    w = some()
    with pytest.raises(ValueError, match="v and w share memory"):
        f.bind({"w": w, "v": w})
    with pytest.raises(RuntimeError):
        f(some())
    f.bind({"w": w, "v": some()})
    assert f(some()) == []


def test_upload_keeps_what_code_can_work_on() -> None:
    b = LLVMBackend()
    for value in (some(), np.zeros((), "bool"), np.zeros((0, 3))):
        assert b.upload(value) is value
        np.testing.assert_array_equal(b.download(value), value)
    frozen = some()
    frozen.flags.writeable = False
    for value in (frozen, np.ones((3, 4)).T, some().astype(">f4")):
        stored = b.upload(value)
        assert stored.ctypes.data % 64 == 0
        assert not np.shares_memory(stored, value)
        assert stored.dtype.isnative
        np.testing.assert_array_equal(stored, value)
        np.testing.assert_array_equal(b.download(stored), value)


def test_self_check_notices_another_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    from symnet_llvm import entry

    assert entry.addresses() is not None
    for name in ("_DATA", "_FLAGS", "_TYPE_NUMBER", "_ABI"):
        with monkeypatch.context() as m:
            m.setattr(entry, name, getattr(entry, name) + 8)
            assert entry.addresses() is None, name
