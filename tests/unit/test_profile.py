"""What was measured of each step stands beside what it takes at best."""

import io

import numpy as np

import symnet as sn
import symnet.tensor as T
from symnet.backend import Machine
from symnet.printing import explain
from symnet.profile import Profile, Timed, profile_of

MACHINE = Machine(1e9, 1e9, 1e9, 0)


def profiled(build, *values, times=3):
    inputs = [T.matrix(f"x{k}") for k in range(len(values))]
    f = sn.function(inputs, build(*inputs), profile=True, name="f")
    for _ in range(times):
        f(*values)
    return f


def test_each_step_has_its_time_and_what_it_takes_at_best():
    f = profiled(lambda x: T.dot(x, x).sum(), np.ones((200, 200), "float32"))
    found = profile_of("f", f.versions, [], MACHINE)
    assert found.calls == 3
    assert [s.measured for s in found.steps] == sorted(s.measured for s in found.steps)[::-1]
    product = next(s for s in found.steps if s.kind == "contraction")
    assert product.cost.operations >= 2 * 200**3
    assert product.at_best == product.cost.operations / 1e9
    assert product.share == product.at_best / product.measured
    assert 0 < product.measured < 1
    assert sum(s.measured * s.calls for s in found.steps) <= sum(v.seconds for v in f.versions)


def test_the_text_says_how_it_was_measured_and_what_the_machine_can_do():
    text = profile_of("f", profiled(T.exp, np.ones((2, 2), "float32")).versions, [], MACHINE)
    assert "all threads wait for each other" in text
    assert "1 Gflop/s" in text
    assert "host calls: none" in text
    assert "loops: exp -> out0" in text


def test_host_calls_are_seen_and_have_no_roofline():
    f = profiled(T.slinalg.expm, np.eye(3, dtype="float32"))
    found = profile_of("f", f.versions, [(0.5, 2, "host between")], MACHINE)
    assert "host calls: 2" in found
    (between,) = [s for s in found.steps if s.text == "host between"]
    assert (between.measured, between.share) == (0.25, None)
    assert {s.at_best for s in found.steps if s.kind == "host call"} == {None}


def test_steps_of_loops_have_their_time():
    x = T.vector("x")
    W = sn.shared(np.ones((30, 30), "float32"), name="W")
    last = sn.scan(lambda h: T.tanh(T.dot(h, W)), outputs_info=x, n_steps=50)[0][-1]
    f = sn.function([x], last, profile=True)
    f(np.ones(30, "float32"))
    steps = profile_of("f", f.versions, [], MACHINE).steps
    assert max(steps, key=lambda s: s.cost.operations).cost.operations >= 50 * 2 * 30 * 30
    assert all(s.kind != "repeat" for s in steps)


def test_nothing_measured():
    x = T.matrix("x")
    f = sn.function([x], x + 1)
    f(np.ones((2, 2), "float32"))
    assert f.profile.startswith("nothing was measured")
    assert f.profile.steps == []


def test_summary_prints_the_slowest_steps():
    steps = [Timed(name, "loops", 1, t) for name, t in (("quick", 0.1), ("slow", 2.0))]
    stream = io.StringIO()
    Profile(steps, 1, "head").summary(stream, n_ops_to_print=1)
    assert "slow" in stream.getvalue()
    assert "quick" not in stream.getvalue()
    assert "head" in stream.getvalue()


def test_calls_of_a_profiled_function_are_counted_by_the_program_that_ran():
    f = profiled(T.exp, np.ones((2, 2), "float32"))
    f(np.ones((3, 3), "float32"))
    assert [v.calls for v in f.versions] == [3, 1]
    assert [v.sizes["x0_.0"] for v in f.versions] == [2, 3]


def test_explain_tells_bytes_operations_and_time():
    f = profiled(T.exp, np.ones((100, 100), "float32"))
    (part,) = explain(f).parts
    assert part.costs[0].moved == 80000
    assert part.at_best[0] > 0
    assert "takes 80 kB moved, " in str(explain(f))
