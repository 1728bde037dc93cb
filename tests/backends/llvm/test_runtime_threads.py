from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from symnet.config import config
from symnet.program import Guard, HostCall, Launch, Program
from symnet.scalar import TABLE, cast, const
from symnet_llvm import assembly, placement
from symnet_llvm.backend import LLVMBackend
from symnet_llvm.runtime import Executable
from symnet_llvm.state import Slot
from symnet_llvm.support import support
from tests.backends.llvm.programs import (
    buffer,
    chain,
    elementwise,
    load,
    program,
)

N = 64 * 128
Compile = Callable[..., Executable]


@pytest.fixture(params=[True, False], ids=["native", "python"])
def compiled(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Compile:
    """Compiles for exactly so many threads, however little there is to do."""
    monkeypatch.setenv("SYMNET_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(placement, "WORTH_A_THREAD_NS", 1)
    monkeypatch.setattr(placement, "WORTH_SPLITTING_NS", 500)
    backend = LLVMBackend(native=request.param)

    def get(p: Program, threads: int, profile: bool = False) -> Executable:
        with config.change(num_threads=threads):
            f = backend.compile(p, profile)
        assert f._instance.facts.parts == threads
        # However busy this machine is, do not fall back on one thread.
        f._instance.words[Slot.TRUSTED_UNTIL] = 2**62
        return f

    return get


def run(f: Executable, calls: int = 3) -> list[np.ndarray]:
    x = np.random.default_rng(0).normal(size=N).astype("float32")
    w = np.zeros(8, "float32")
    f.bind({"w": w})
    found = [f(x)[0] for _ in range(calls)]
    return [*found, w]


@pytest.mark.parametrize("profile", [False, True])
def test_results_do_not_depend_on_threads(compiled: Compile, profile: bool) -> None:
    p = chain(N, stages=4)
    expected = run(compiled(p, 1))
    assert np.isfinite(expected[0]).all()
    assert len(set(expected[-1])) > 1
    for threads in (2, 3, 4):
        f = compiled(p, threads, profile)
        found = run(f)
        for a, b in zip(expected, found, strict=True):
            assert a.tobytes() == b.tobytes(), threads
        if profile:
            assert all(t > 0 for t in f.timings())


def test_long_programs_are_conducted_by_a_module_of_its_own(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = chain(N, stages=4)
    expected = run(compiled(p, 3))  # a number not asked for below, where the cache would know it
    monkeypatch.setattr(assembly, "_LONG", len(p.steps) - 1)
    for threads, profile in ((1, False), (2, False), (2, True)):
        f = compiled(p, threads, profile)
        assert "declare void @symnet_k0(ptr" in f.source()
        for a, b in zip(expected, run(f), strict=True):
            assert a.tobytes() == b.tobytes()


def test_many_short_calls_from_several_executables(compiled: Compile) -> None:
    p = chain(N, stages=1)
    wanted = run(compiled(p, 1), 1)[0]
    x = np.random.default_rng(0).normal(size=N).astype("float32")
    both = [compiled(p, threads) for threads in (2, 3)]
    for f in both:
        f.bind({"w": np.zeros(8, "float32")})
    for _ in range(100):
        for f in both:
            assert f(x)[0].tobytes() == wanted.tobytes()


def test_calls_at_once_from_python_threads(compiled: Compile) -> None:
    """Of different executables: a pool that is busy makes the second caller run alone."""
    p = chain(N, stages=3)
    wanted = run(compiled(p, 1))
    failures: list[object] = []

    def work(f: Executable) -> None:
        for _ in range(20):
            found = run(f)
            if any(a.tobytes() != b.tobytes() for a, b in zip(found, wanted, strict=True)):
                failures.append(found)

    team = [threading.Thread(target=work, args=(compiled(p, 2),)) for _ in range(3)]
    for t in team:
        t.start()
    for t in team:
        t.join()
    assert not failures


def test_guards_end_all_threads(compiled: Compile) -> None:
    position = load("i", const(0), "int64")
    outside = cast(TABLE["ge"](position, const(10)), "int64")
    flag = elementwise(1, outside, "i", "bad", i="int64", bad="int64")
    square = elementwise(N, load("x") * load("x"), "x", "y")
    p = program(
        [
            buffer("i", "input", 1, dtype="int64"),
            buffer("x", "input", N),
            buffer("bad", "temporary", dtype="int64"),
            buffer("t", "temporary", N),
            buffer("w", "shared", N),
        ],
        [
            Launch(square, ("x", "t")),
            Launch(flag, ("i", "bad")),
            Guard("bad", "too far"),
            Launch(square, ("t", "w")),
        ],
    )
    for threads in (2, 4):
        f = compiled(p, threads)
        w = np.zeros(N, "float32")
        f.bind({"w": w})
        x = np.full(N, 2, "float32")
        for _ in range(20):
            with pytest.raises(IndexError, match="too far"):
                f(np.array([11]), x)
            assert not w.any()
            f(np.array([1]), x)
            assert (w == 16).all()
            w[:] = 0


def test_host_calls_between_regions(compiled: Compile) -> None:
    square = elementwise(N, load("x") * load("x"), "x", "y")
    p = program(
        [
            buffer("x", "input", N),
            buffer("t", "temporary", N),
            buffer("u", "temporary", N),
            buffer("y", "output", N),
        ],
        [
            Launch(square, ("x", "t")),
            HostCall("negate", lambda arrays: [-arrays[0]], ("t",), ("u",)),
            Launch(square, ("u", "y")),
        ],
    )
    x = np.arange(N, dtype="float32") / N
    for threads in (1, 2, 3):
        np.testing.assert_allclose(compiled(p, threads)(x)[0], x**4, rtol=1e-6)


def test_fork(compiled: Compile) -> None:
    p = chain(N, stages=2)
    f = compiled(p, 2)
    wanted = [a.tobytes() for a in run(f)]
    for _ in range(3):
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            good = [a.tobytes() for a in run(f)] == wanted
            pool = support().pool
            os._exit(0 if good and pool is not None and pool._workers == 1 else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert [a.tobytes() for a in run(f)] == wanted


def test_no_threads_to_be_had(compiled: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    p = chain(N, stages=2)
    wanted = run(compiled(p, 1))
    f = compiled(p, 2)
    pool = support().pool
    assert pool is not None
    monkeypatch.setattr(type(pool), "grow", lambda self, parts: False)
    assert [a.tobytes() for a in run(f)] == [a.tobytes() for a in wanted]


def test_threads_asleep(compiled: Compile) -> None:
    p = chain(N, stages=1)
    wanted = run(compiled(p, 1), 1)[0]
    f = compiled(p, 2)
    for _ in range(10):
        time.sleep(0.002)
        assert run(f, 1)[0].tobytes() == wanted.tobytes()


SCRIPT = """
import os, signal, sys, threading, time
import numpy as np
from symnet.config import config
from symnet_llvm import placement
from symnet_llvm.backend import LLVMBackend
sys.path.insert(0, {root!r})
from tests.backends.llvm.programs import *
placement.WORTH_A_THREAD_NS = 1
config.num_threads = 2
n = 1 << 20
step = elementwise(n, load("w") + 1.0, "", "w")
f = LLVMBackend().compile(program([buffer("w", "shared", n)], [Launch(step, ("w",))] * 200))
w = np.zeros(n, "float32")
f.bind({{"w": w}})
f()
calls = 1
interrupted = 0
threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
while not interrupted:
    try:
        f()
        calls += 1
    except KeyboardInterrupt:
        interrupted += 1
        # A call that was under way has run to its end, whether its return was seen or not.
        calls = int(w[0]) // 200
assert (w == calls * 200).all(), (w, calls)
f()
assert (w == (calls + 1) * 200).all()
print("fine")
"""


def test_interrupt(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(root=root)],
        env=os.environ | {"SYMNET_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout == "fine\n", done.stderr


def test_exit_while_workers_sleep_or_spin(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[3])
    script = SCRIPT.format(root=root).split("calls = 1")[0]
    for pause in ("", "import time; time.sleep(0.01)"):
        done = subprocess.run(
            [sys.executable, "-c", script + pause],
            env=os.environ | {"SYMNET_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr


def test_workers_leave_signals_to_python() -> None:
    pool = support().pool
    assert pool is not None
    assert pool.grow(2)
    blocked = []
    for task in Path("/proc/self/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        blocked += [int(s.split()[1], 16) for s in lines if s.startswith("SigBlk")]
    assert any(b >> (signal.SIGINT - 1) & 1 for b in blocked)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
