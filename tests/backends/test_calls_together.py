"""Threads, signals, forks: no crash, no lost update."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.op import Op

forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    # Python warns of threads in a process that forks: that they do no harm is tested here.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


@pytest.fixture
def on_host(device):
    """Forking and a GPU do not go together."""
    if device == "cuda":
        pytest.skip("a GPU's context does not survive a fork")


def counter(size=3):
    s = sn.shared(np.zeros(size, "float64"), name="s")
    x = T.scalar("x", dtype="float64")
    return s, sn.function([x], [s.sum(), s.max()], updates=[(s, s + x)])


def heavy(n=256, rounds=40):
    """A step long enough to be interrupted, whose updates show whether all of them were made."""
    w = sn.shared(np.eye(n, dtype="float32"), name="w")
    count = sn.shared(0, name="count")
    total = sn.shared(np.zeros(n, "float32"), name="total")
    value = w
    for _ in range(rounds):
        value = T.dot(value, w)
    updates = [(w, value), (count, count + 1), (total, total + value.sum(0))]
    return sn.function([], value.sum(), updates=updates), w, count, total


@pytest.mark.usefixtures("device")
class TestThreads:
    def test_one_function(self):
        s, f = counter()
        calls = 300

        def work(_):
            for _ in range(calls):
                total, most = f(1.0)
                assert total == 3 * most

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert s.get_value().tolist() == [8 * calls] * 3

    def test_first_calls_at_once(self):
        s, f = counter(100_000)
        start = threading.Barrier(6)

        def work(_):
            start.wait()
            f(1.0)

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(6)))
        assert (s.get_value() == 6).all()
        assert len(f.programs) == 1

    def test_several_functions_of_one_variable(self):
        s = sn.shared(np.zeros(50_000), name="s")
        x = T.vector("x", dtype="float64")
        functions = [sn.function([x], s.min(), updates=[(s, s + k * x)]) for k in (1, 10, 100)]
        one = np.ones(50_000)

        def work(f):
            for _ in range(40):
                f(one)

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(work, functions * 2))
        assert (s.get_value() == 80 * 111).all()

    def test_different_sizes(self):
        x = T.vector("x")
        calls = sn.shared(0, name="calls")
        f = sn.function([x], [x.sum(), x * 2], updates=[(calls, calls + 1)])

        def work(n):
            data = np.ones(n, "float32")
            for _ in range(60):
                total, double = f(data)
                assert total == n
                assert double.shape == (n,)
                assert (double == 2).all()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(work, (1, 3, 10, 10_000, 100, 5, 7, 100_000)))
        assert calls.get_value() == 8 * 60

    def test_while_values_are_read_and_set(self):
        s = sn.shared(np.zeros(20_000), name="s")
        f = sn.function([], updates=[(s, s + 1)])
        stop = threading.Event()
        mixed = []

        def look():
            while not stop.is_set():
                value = s.get_value()
                if (value != value[0]).any():
                    mixed.append(value)

        def put():
            while not stop.is_set():
                s.set_value(np.full(20_000, 5.0))
                s.set_value(np.full(10_000, 7.0))
                s.set_value(np.full(20_000, 9.0))

        others = [threading.Thread(target=t) for t in (look, put)]
        for t in others:
            t.start()
        for _ in range(200):
            f()
        stop.set()
        for t in others:
            t.join()
        assert not mixed

    def test_long_calls_let_other_threads_run(self):
        f, *_ = heavy(256, 20)
        f()
        ticks = []
        stop = threading.Event()

        def tick():
            while not stop.is_set():
                ticks.append(time.perf_counter())
                time.sleep(0.0005)

        thread = threading.Thread(target=tick)
        thread.start()
        start = time.perf_counter()
        for _ in range(20):
            f()
        end = time.perf_counter()
        stop.set()
        thread.join()
        inside = [t for t in ticks if start < t < end]
        assert len(inside) > 5


def call_until_interrupted(f, *args, delay):
    """Call again and again, and press Ctrl-C after so many seconds."""
    for _ in range(3):
        # Python runs the handler in the main thread, whichever thread the signal came to.
        timer = threading.Timer(delay, signal.raise_signal, (signal.SIGINT,))
        deadline = time.monotonic() + delay + 2
        try:
            timer.start()
            while time.monotonic() < deadline:
                f(*args)
        except KeyboardInterrupt:
            return
        finally:
            timer.join()
        # A destructor may have been interrupted: Python drops what is raised there.
    pytest.fail("nobody noticed the signal")


class Pressing(Op):
    """Python code of the user's during which, for values below zero, Ctrl-C is pressed."""

    def infer_types(self, types, operands):
        return [types[0]]

    def infer_shape(self, node, context):
        return [context.shape(0)]

    def perform(self, inputs):
        if (inputs[0] < 0).any():
            signal.raise_signal(signal.SIGINT)
        return [inputs[0].copy()]


@pytest.mark.usefixtures("device")
# An interrupt may come in a destructor, or between opening a file and seeing to its being closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestSignals:
    def test_updates_are_whole(self):
        f, w, count, total = heavy()
        f()
        for k in range(1, 6):
            before = count.get_value()
            call_until_interrupted(f, delay=0.002 * k)
            done = count.get_value()
            assert done >= before
            assert (total.get_value() == done).all()
            assert np.array_equal(w.get_value(), np.eye(256))
            f()
            assert count.get_value() == done + 1

    @pytest.mark.parametrize("mode", ["reference", "debug", None])
    def test_updates_that_take_several_steps(self, mode):
        x = T.vector("x")
        logs = [sn.shared(np.zeros(0, "float32"), name=f"log{k}") for k in range(6)]
        f = sn.function([x], updates=[(s, T.concatenate([s, x])) for s in logs], mode=mode)
        one = np.ones(1, "float32")
        f(one)
        for k in range(20):
            call_until_interrupted(f, one, delay=0.0003 * k)
            assert len({len(s.get_value()) for s in logs}) == 1
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            for s in logs:
                s.set_value(one)
        f(one)
        assert {len(s.get_value()) for s in logs} == {2}

    def test_in_python_code_that_is_part_of_it(self):
        x = T.vector("x")
        a, b = (sn.shared(np.zeros(3, "float32"), name=n) for n in "ab")
        y = Pressing()(x + a)
        f = sn.function([x], y.sum(), updates=[(a, a + 1), (b, y * 2)])
        one = np.ones(3, "float32")
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                f(-9 * one)
            assert a.get_value().tolist() == b.get_value().tolist() == [0, 0, 0]
        assert f(one) == 3
        assert (a.get_value().tolist(), b.get_value().tolist()) == ([1, 1, 1], [2, 2, 2])

    def test_the_lock_is_free_afterwards(self):
        s, f = counter()
        f(1.0)
        for k in range(20):
            call_until_interrupted(f, 1.0, delay=0.0003 * k)
            value = s.get_value()
            assert (value == value[0]).all()
        found = []
        thread = threading.Thread(target=lambda: found.append(f(0.0)))
        thread.start()
        thread.join(20)
        assert found

    def test_while_it_compiles(self):
        x = T.matrix("x")
        s = sn.shared(np.float32(0), name="s")
        data = np.ones((3, 3), "float32")
        for k in range(8):
            f = sn.function([x], T.tanh(T.dot(x, x) + k).sum(), updates=[(s, s + 1)])
            call_until_interrupted(f, data, delay=0.002 * k)
            done = s.get_value()
            assert abs(f(data) - 9 * np.tanh(3 + k)) < 1e-4
            assert s.get_value() == done + 1
            assert len(f.programs) == 1

    def test_a_handler_may_call_functions(self):
        f, _, count, total = heavy(128, 20)
        old = signal.signal(signal.SIGTERM, lambda number, frame: f())
        try:
            f()
            timer = threading.Timer(0.001, signal.raise_signal, (signal.SIGTERM,))
            timer.start()
            for _ in range(20):
                f()
            timer.join()
        finally:
            signal.signal(signal.SIGTERM, old)
        assert count.get_value() == 22
        assert (total.get_value() == 22).all()


def in_child(work):
    """Run in a forked child; whether it went well."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def work_of_a_child(rank):
    x = T.matrix("x")
    w = sn.shared(np.full((64, 64), rank, "float32"))
    f = sn.function([x], T.dot(x, w).sum())
    return float(f(np.ones((64, 64), "float32")))


@pytest.mark.usefixtures("on_host")
class TestForks:
    pytestmark = forks

    def test_children_call_and_compile(self):
        f, w, count, total = heavy(128, 10)

        def work():
            f()
            f()
            assert (total.get_value() == count.get_value()).all()
            assert work_of_a_child(2) == 2 * 64**3
            w.set_value(np.zeros((128, 128), "float32"))
            assert f() == 0

        assert in_child(work)  # before the first call
        f()
        f()
        assert in_child(work)
        assert in_child(lambda: in_child(work) or os._exit(3))
        f()
        assert count.get_value() == 3
        assert (total.get_value() == 3).all()

    def test_a_fork_beside_a_running_call(self):
        f, _, count, total = heavy(256, 10)
        f()
        stop = threading.Event()

        def calls():
            while not stop.is_set():
                f()

        thread = threading.Thread(target=calls)
        thread.start()
        try:

            def work():
                assert (total.get_value() == count.get_value()).all()
                f()
                assert (total.get_value() == count.get_value()).all()

            assert all(in_child(work) for _ in range(5))
        finally:
            stop.set()
            thread.join()
        assert (total.get_value() == count.get_value()).all()

    def test_a_pool_of_processes(self):
        work_of_a_child(1)
        with multiprocessing.get_context("fork").Pool(3) as pool:
            found = pool.map(work_of_a_child, range(6))
        assert found == [rank * 64.0**3 for rank in range(6)]


@pytest.mark.usefixtures("device")
def test_a_function_sent_to_a_new_process():
    s, f = counter()
    f(2.0)
    script = "import pickle, sys; f = pickle.load(sys.stdin.buffer); print(f(1.0)[0], f(1.0)[0])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        input=pickle.dumps(f),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == [b"6.0", b"9.0"], done.stderr.decode()
    assert s.get_value().tolist() == [2, 2, 2]


@pytest.mark.usefixtures("on_host")
def test_a_pool_of_new_processes(tmp_path):
    script = tmp_path / "work.py"
    script.write_text(WORKERS)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, timeout=120, check=False
    )
    assert done.stdout.split() == [b"0.0", b"262144.0"], done.stderr.decode()


WORKERS = """
import multiprocessing
import numpy as np
import symnet as sn, symnet.tensor as T

def work(rank):
    x = T.matrix("x")
    w = sn.shared(np.full((64, 64), rank, "float32"))
    return float(sn.function([x], T.dot(x, w).sum())(np.ones((64, 64), "float32")))

if __name__ == "__main__":
    work(5)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(*pool.map(work, range(2)))
"""
