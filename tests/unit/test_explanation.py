"""`explain` says what was rewritten, fused, placed and left to Python; `source` shows the code."""

import numpy as np
import pytest
import scipy.linalg

import symnet as sn
import symnet.tensor as T
from symnet.printing import explain, source


def step():
    """A training step of a small network, called once."""
    x, y = T.matrix("x"), T.ivector("y")
    W = sn.shared(np.ones((4, 3), "float32"), name="W")
    b = sn.shared(np.zeros(3, "float32"), name="b")
    scores = T.dot(x, W) + b
    scores.name = "scores"
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax(scores), y).mean()
    gW, gb = sn.grad(cost, [W, b])
    f = sn.function([x, y], cost, updates=[(W, W - gW), (b, b - gb)], name="train")
    f(np.ones((5, 4), "float32"), np.zeros(5, "int32"))
    return f


def test_rules_and_how_many_operations_each_pass_leaves():
    found = explain(step())
    assert found.written > found.passes[-1].operations
    assert found.passes[0].rules["log_softmax"] == 1
    assert sum(found.passes[0].rules.values()) > 5


def test_steps_name_the_user_s_variables_and_lines():
    (part,) = explain(step()).parts
    products = [s for s in part.steps if s.kind == "contraction"]
    assert len(products) == 2
    forward, update = products
    assert forward.reads == ("x", "W")
    assert update.overwrites == ("W",)
    assert "dot" in forward.summary
    assert {n.op for n in update.nodes if str(n.op) == "dot"}
    lines = [str(line) for s in part.steps for line in s.lines]
    assert any(__file__ in line and "in step" in line for line in lines)
    assert any("differentiated" in line for line in lines)
    assert part.in_place == ["W", "b"]
    assert part.copied == []
    assert any("scores" in s.names for s in part.steps)


def test_each_operation_is_in_some_step():
    f = step()
    (part,) = explain(f).parts
    seen = {n for s in part.steps for n in s.nodes}
    wanted = {n for n in f.maker.fgraph.toposort() if str(n.op) in ("dot", "exp", "log")}
    assert wanted
    assert wanted <= seen


def test_what_a_step_reads_from_memory_is_not_its_work():
    x = T.matrix("x")
    W = sn.shared(np.ones((4, 4), "float32"), name="W")
    h = T.tanh(T.dot(x, W))
    f = sn.function([x], T.dot(h.reshape((-1, 4)), W))
    f(np.ones((2, 4), "float32"))
    steps = explain(f).parts[0].steps
    done = [str(n.op) for s in steps for n in s.nodes]
    assert done.count("tanh") == 1
    assert done.count("dot") == 2


def test_the_text():
    text = str(explain(step()))
    assert "log_softmax" in text
    assert "in place: W, b" in text
    assert "gradient of test_explanation.py:" in text
    assert "Compiled in" in text
    assert "x[5, 4]" in text


def test_before_the_first_call_there_are_no_steps():
    x = T.vector("x")
    assert "none yet" in str(explain(sn.function([x], x + 1)))


def test_host_calls_and_why():
    x = T.dmatrix("x")
    f = sn.function([x], T.slinalg.expm(x))
    f(np.eye(2))
    (call,) = explain(f).parts[0].hosted
    assert "no native code" in call[1]
    assert "host call, step" in str(explain(f))
    np.testing.assert_allclose(f(np.eye(2)), scipy.linalg.expm(np.eye(2)))


def test_a_loop_that_calls_python():
    x = T.dmatrix("x")
    last = sn.scan(lambda a: T.slinalg.expm(a), outputs_info=x, n_steps=2)[0][-1]
    f = sn.function([x], last)
    f(np.zeros((2, 2)))
    ((_, reason),) = explain(f).parts[0].hosted
    assert reason.startswith("the loop's steps call")


def test_loops_and_what_is_in_them():
    x = T.vector("x")
    W = sn.shared(np.ones((3, 3), "float32"), name="W")
    last = sn.scan(lambda h: T.tanh(T.dot(h, W)), outputs_info=x, n_steps=4)[0][-1]
    f = sn.function([x], last)
    f(np.ones(3, "float32"))
    steps = explain(f).parts[0].steps
    (repeat,) = [s for s in steps if s.kind == "repeat"]
    inside = [s for s in steps if s.inside == (repeat.number,)]
    assert "tanh" in " ".join(s.summary for s in inside)


def test_stages_are_told():
    x = T.vector("x")
    f = sn.function([x], T.nonzero_values(x).sum())
    f(np.ones(3, "float32"))
    assert "host flatnonzero" in str(explain(f))


def test_an_update_that_cannot_be_in_place_is_copied():
    a = sn.shared(np.ones((2, 2), "float32"), name="a")
    b = sn.shared(np.ones((2, 2), "float32"), name="b")
    f = sn.function([], updates=[(a, a.T + 1), (b, b + 1)])
    f()
    (part,) = explain(f).parts
    assert (part.in_place, part.copied) == (["b"], ["a"])


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("program", "contraction("),
        ("llvm", "define internal void @k0("),
        ("assembly", "symnet_step0"),
        ("cuda", "__global__"),
    ],
)
def test_source(kind, says):
    assert says in source(step(), kind)


def test_what_has_no_source():
    x = T.vector("x")
    f = sn.function([x], x + 1)
    with pytest.raises(ValueError, match="has not been compiled yet"):
        source(f)
    with pytest.raises(ValueError, match="kind is one of 'program', "):
        source(step(), "fortran")


def test_memory_and_places_in_the_arena():
    x = T.matrix("x")
    hidden = T.tanh(T.dot(x, x))
    f = sn.function([x], T.dot(hidden, T.dot(hidden.T, x)))
    f(np.ones((40, 40), "float32"))
    (part,) = explain(f).parts
    assert part.footprint.arena >= 40 * 40 * 4
    temporaries = [b.name for b in part.version.program.buffers if b.kind == "temporary"]
    assert temporaries
    assert set(temporaries) == set(part.footprint.offsets)
    assert f"{temporaries[0]} at " in str(explain(f))


def test_lines_know_who_called_them():
    def build(x):
        return T.exp(x)

    line = build(T.vector("x")).owner.line
    assert (line.function, line.caller.function) == ("build", "test_lines_know_who_called_them")
