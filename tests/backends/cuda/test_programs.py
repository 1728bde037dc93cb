"""Whole programs on the emulator: memory, integers, guards, host calls, recording."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from symnet.kernel import Loop, Store
from symnet.program import Check, Copy, Guard, HostCall, Int, Launch, Program, Size
from symnet.scalar import TABLE, Symbol, cast, const
from symnet_cuda.emulator import EmulatedBackend, EmulationError
from tests.backends.llvm.programs import (
    I,
    affine,
    buffer,
    chain,
    elementwise,
    increment,
    kernel,
    load,
    program,
    symbolic,
)


def some(n: int = 10) -> np.ndarray:
    return np.arange(n, dtype="float32")


def test_outputs_are_fresh_call_after_call(emulated: EmulatedBackend) -> None:
    f = emulated.compile(affine())
    results = [f(some() + k)[0] for k in range(4)]  # run, recorded, replayed, replayed
    for k, y in enumerate(results):
        np.testing.assert_array_equal(y, (some() + k) * 2 + 1)
        assert y.flags.owndata
        assert y.flags.writeable


def _misaligned() -> np.ndarray:
    return np.zeros(41, "uint8")[1:].view("float32")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (some(), some()),
        (None,),
        (some().astype("float64"),),
        (some(9),),
        (some(20)[::2],),
        (some().reshape(2, 5),),
        (some().astype(">f4"),),
        (_misaligned(),),
    ],
    ids=["none", "two", "None", "dtype", "length", "strides", "ndim", "byte order", "alignment"],
)
def test_refuses_what_it_is_not_made_for(emulated: EmulatedBackend, arguments: tuple) -> None:
    assert emulated.compile(affine())(*arguments) is NotImplemented


def test_any_length(emulated: EmulatedBackend) -> None:
    f = emulated.compile(symbolic())
    for n in (5, 1000, 3, 0, 5, 70_000, 5, 5):
        np.testing.assert_array_equal(f(some(n))[0], (some(n) + 1) * 2)
    for n in range(20):  # more layouts than are kept
        np.testing.assert_array_equal(f(some(n))[0], (some(n) + 1) * 2)


def test_dependent_steps_share_an_arena(emulated: EmulatedBackend) -> None:
    x = np.linspace(-1, 1, 640, dtype="float32")
    w = emulated.upload(np.zeros(8, "float32"))
    f = emulated.compile(chain(640, 3))
    f.bind({"w": w})
    last, sums = x, np.zeros(8, "float32")
    for _ in range(3):
        last = np.exp(last[::-1] * np.float32(-0.25)) + last * np.float32(0.5)
        sums = last.reshape(64, 10).sum(0)[:8] + sums * 2
        sums = last[:8] + sums * 2
    want = np.exp(last[::-1] * np.float32(-0.25)) + last * np.float32(0.5)
    np.testing.assert_allclose(f(x)[0], want, rtol=1e-5)
    np.testing.assert_allclose(emulated.download(w), sums, rtol=1e-5)


def test_shared_buffers(emulated: EmulatedBackend) -> None:
    f = emulated.compile(increment())
    with pytest.raises(RuntimeError, match="no storage bound for w"):
        f()
    w = emulated.upload(some())
    f.bind({"w": w})
    for _ in range(3):
        assert f() == []
    np.testing.assert_array_equal(emulated.download(w), some() + 3)
    other = emulated.upload(np.zeros(10, "float32"))
    f.bind({"w": other})
    f()
    assert emulated.download(other).tolist() == [1] * 10
    assert emulated.download(w).tolist() == (some() + 3).tolist()
    f.bind({"w": emulated.upload(np.zeros(11, "float32"))})
    assert f() is NotImplemented
    with pytest.raises(ValueError, match="storage"):
        f.bind({"w": emulated.upload(np.zeros(10))})


def test_specialised_and_checked_integers(emulated: EmulatedBackend) -> None:
    n, half = Symbol("n"), Symbol("half")
    p = program(
        [buffer("x", "input", n), buffer("y", "output", 3)],
        [Launch(elementwise(3, load("x", I * 2), "x", "y"), ("x", "y"))],
        sizes=[Size(n, "x", 0)],
        ints=[Int(half, n // 2, 3)],
        checks=[Check(TABLE["eq"](n % 2, const(0)), "odd")],
    )
    f = emulated.compile(p)
    assert f(some(6))[0].tolist() == [0, 2, 4]
    for wrong in (7, 8, 4, 0):
        assert f(some(wrong)) is NotImplemented


def minibatch() -> Program:
    """y = x[4 * i : 4 * i + 4], of which the last may be shorter."""
    start, stop, n = Symbol("start"), Symbol("stop"), Symbol("n")
    body = [Loop(I, stop - start, (Store("y", I, load("x", I + start)),))]
    work = kernel(body, "x", "y", ints=[start, stop])
    i = Symbol("i")
    return program(
        [
            buffer("i", "input", dtype="int8"),
            buffer("x", "input", n),
            buffer("y", "output", stop - start),
        ],
        [Launch(work, ("x", "y"), (start, stop))],
        sizes=[Size(i, "i", None), Size(n, "x", 0)],
        ints=[Int(start, i * 4), Int(stop, TABLE["minimum"](i * 4 + 4, n))],
        checks=[Check(TABLE["ge"](i, const(0)), "low")],
    )


def test_the_index_of_a_minibatch_needs_no_new_layout(emulated: EmulatedBackend) -> None:
    f = emulated.compile(minibatch())
    x = some(22)
    for _ in range(3):
        for i in range(6):
            assert f(np.array(i, "int8"), x)[0].tolist() == x[4 * i : 4 * i + 4].tolist()
    assert len(f._layouts) == 2
    assert "ints[0]" in f.source()
    assert f(np.array(-1, "int8"), x) is NotImplemented


def test_integers_are_not_read_past_the_end(emulated: EmulatedBackend) -> None:
    n, length = Symbol("n"), Symbol("length")
    p = program(
        [
            buffer("i", "input", length, dtype="int64"),
            buffer("x", "input", n),
            buffer("y", "output", n),
        ],
        [Launch(elementwise(n, load("x"), "x", "y", ints=[n]), ("x", "y"), (n,))],
        sizes=[Size(length, "i", 0), Size(n, "i", None, 2)],
    )
    f = emulated.compile(p)
    assert f(np.array([9, 9, 5]), some(5))[0].tolist() == [0, 1, 2, 3, 4]
    assert f(np.array([9, 9, 4]), some(5)) is NotImplemented
    assert f(np.array([9, 9]), some(5)) is NotImplemented


def guarded() -> Program:
    """w[i[0]] = 1, if that exists."""
    position = load("i", const(0), "int64")
    bad = cast(TABLE["ge"](position, const(10)), "int64")
    flag = kernel([Store("bad", const(0), bad)], "i", "bad", i="int64", bad="int64")
    write = kernel([Store("w", position, const(1.0, "float32"))], "i", "w", i="int64")
    return program(
        [
            buffer("i", "input", 1, dtype="int64"),
            buffer("bad", "temporary", dtype="int64"),
            buffer("w", "shared", 10),
        ],
        [Launch(flag, ("i", "bad")), Guard("bad", "out of range"), Launch(write, ("i", "w"))],
    )


def test_guards_stop_a_call_before_it_writes(emulated: EmulatedBackend) -> None:
    f = emulated.compile(guarded())
    w = emulated.upload(np.zeros(10, "float32"))
    f.bind({"w": w})
    f(np.array([3]))
    for _ in range(3):
        with pytest.raises(IndexError, match="out of range"):
            f(np.array([12]))
    f(np.array([4]))
    assert emulated.download(w).tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_copies(emulated: EmulatedBackend) -> None:
    n = Symbol("n")
    p = program(
        [buffer("x", "input", n, 3), buffer("y", "output", n, 3)],
        [Copy("x", "y")],
        sizes=[Size(n, "x", 0)],
    )
    f = emulated.compile(p)
    for rows in (4, 0, 1000):
        x = some(rows * 3).reshape(rows, 3)
        np.testing.assert_array_equal(f(x)[0], x)


def test_constants(emulated: EmulatedBackend) -> None:
    table = replace(buffer("c", "constant", 10), data=some() * 3)
    work = elementwise(10, load("x") + load("c"), "x c", "y")
    f = emulated.compile(
        program(
            [buffer("x", "input", 10), table, buffer("y", "output", 10)],
            [Launch(work, ("x", "c", "y"))],
        )
    )
    np.testing.assert_array_equal(f(some())[0], some() * 4)


def hosted(perform: Callable[[list[np.ndarray]], list[np.ndarray]]) -> Program:
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


@pytest.mark.parametrize("profile", [False, True])
def test_host_calls(emulated: EmulatedBackend, profile: bool) -> None:
    f = emulated.compile(hosted(lambda arrays: [np.sort(arrays[0])]), profile)
    for k in range(4):
        x = np.roll(some()[::-1], k)
        np.testing.assert_array_equal(f(x)[0], (some() + 1) * 2)
    timings = f.timings()
    assert len(timings) == (3 if profile else 0)
    assert all(t > 0 for t in timings)


def test_host_calls_that_fail(emulated: EmulatedBackend) -> None:
    with pytest.raises(ValueError, match=r"sort returned an array of shape \(5,\)"):
        emulated.compile(hosted(lambda arrays: [arrays[0][:5]]))(some())


def test_outputs_given_twice_or_not_fresh(emulated: EmulatedBackend) -> None:
    f = emulated.compile(replace(affine(), outputs=("y", "x", "y")))
    for k in range(3):
        x = some() + k
        a, b, c = f(x)
        np.testing.assert_array_equal(a, x * 2 + 1)
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, x)
        assert not np.shares_memory(a, c)
        assert not np.shares_memory(b, x)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "uint64", "float64"])
def test_dtypes_go_in_and_out(emulated: EmulatedBackend, dtype: str) -> None:
    p = program(
        [buffer("x", "input", 2, 3, dtype=dtype), buffer("y", "output", 2, 3, dtype=dtype)],
        [Launch(elementwise(6, load("x", dtype=dtype), "x", "y", x=dtype, y=dtype), ("x", "y"))],
    )
    x = (np.arange(6).reshape(2, 3) % 2).astype(dtype)
    (y,) = emulated.compile(p)(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(x, y)


def test_zero_dimensions(emulated: EmulatedBackend) -> None:
    work = kernel([Store("y", const(0), load("x", const(0)) + 1.0)], "x", "y")
    f = emulated.compile(
        program([buffer("x", "input"), buffer("y", "output")], [Launch(work, ("x", "y"))])
    )
    (y,) = f(np.array(2, "float32"))
    assert y.shape == ()
    assert y == 3


def test_upload_copies(emulated: EmulatedBackend) -> None:
    for value in (some(), np.zeros((), "bool"), np.zeros((0, 3)), some(20).reshape(4, 5).T):
        stored = emulated.upload(value)
        assert stored.shape == value.shape
        np.testing.assert_array_equal(emulated.download(stored), value)


def test_threads_take_turns(emulated: EmulatedBackend) -> None:
    f = emulated.compile(symbolic())
    wrong = []

    def work(n: int) -> None:
        for _ in range(20):
            if not np.array_equal(f(some(n))[0], (some(n) + 1) * 2):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in (5, 40, 5, 300)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_executables_are_freed(emulated: EmulatedBackend) -> None:
    f = emulated.compile(affine())
    f(some())
    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None


def test_host_calls_are_no_part_of_a_recording(emulated: EmulatedBackend) -> None:
    """Waiting for the device while it records would end a recording on a GPU."""
    with pytest.raises(EmulationError, match="while recording"):
        emulated.device.record(emulated.device.synchronize)
