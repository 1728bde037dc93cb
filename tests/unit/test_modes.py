"""Modes that look at values, and what functions let old code look at."""

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.modes import MonitorMode, NanGuardMode
from symnet.ops import Elemwise
from symnet.printing import debugprint


def test_monitor_sees_every_operation(capsys):
    def inspect_inputs(i, node, fn):
        print(i, node, "input(s) value(s):", [x[0] for x in fn.inputs], end=" ")
        assert fn.outputs == [[]]

    def inspect_outputs(i, node, fn):
        print("output(s) value(s):", [output[0] for output in fn.outputs])

    x = T.dscalar("x")
    mode = MonitorMode(pre_func=inspect_inputs, post_func=inspect_outputs)
    f = sn.function([x], [5 * x], mode=mode.excluding("local_elemwise_fusion", "inplace"))
    assert f(3) == [15.0]
    assert capsys.readouterr().out == (
        "0 mul(5.0, x) input(s) value(s): [array(5.), array(3.)] output(s) value(s): [array(15.)]\n"
    )


def test_detect_nan_as_the_tutorial_does(capsys):
    def detect_nan(i, node, fn):
        for output in fn.outputs:
            if np.isnan(output[0]).any():
                print("*** NaN detected ***")
                debugprint(node)
                print(f"Inputs : {[x[0] for x in fn.inputs]}")
                break

    x = T.dscalar("x")
    f = sn.function([x], [T.log(x) * x], mode=MonitorMode(post_func=detect_nan))
    assert np.isnan(f(-1.0)[0])
    text = capsys.readouterr().out
    assert text.startswith("*** NaN detected ***\nElemwise{log} [id A] ''\n |x [id B]\n")


def test_nan_guard():
    x, y = T.dvectors("x", "y")
    f = sn.function([x, y], T.exp(x) / y, mode=NanGuardMode())
    np.testing.assert_allclose(f([0, 1], [1, 2]), [1, np.e / 2])
    with pytest.raises(AssertionError, match="output 0 of true_div has an infinity, built at"):
        f([0, 1], [0, 1])
    with pytest.raises(AssertionError, match="the input x of exp has NaN"):
        f([np.nan, 1], [1, 1])
    with pytest.raises(AssertionError, match=r"output 0 of exp has a number beyond 1e\+10"):
        f([0, 30], [1, 1])
    lenient = NanGuardMode(nan_is_error=False, inf_is_error=False, big_is_error=False)
    g = sn.function([x, y], T.exp(x) / y, mode=lenient)
    assert np.isinf(g([0, 30], [0, 1])[0])


def test_guards_look_at_the_rewritten_graph():
    x = T.dmatrix("x")
    cost = -T.log(T.nnet.softmax(x))[0, 0]
    f = sn.function([x], cost, mode=NanGuardMode(big_is_error=False))
    assert f([[-1000.0, 1000.0]]) == 2000


def test_updates_in_a_watched_mode():
    s = sn.shared(1.0, name="s")
    f = sn.function([], s * 2, updates=[(s, s / (s - 2))], mode=NanGuardMode())
    assert f() == 2
    assert s.get_value() == -1
    s.set_value(2.0)
    with pytest.raises(AssertionError, match="an infinity"):
        f()
    assert s.get_value() == 2


# -- looking at functions --------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["default", "reference", NanGuardMode()])
def test_fgraph(mode):
    x, s = T.dvector("x"), sn.shared(np.ones(3), name="s")
    f = sn.function([x], T.exp(x + s), updates=[(s, s * 2)], mode=mode)
    graph = f.maker.fgraph
    assert [str(n.op) for n in graph.toposort()] == ["add", "exp", "mul"]
    assert all(isinstance(n.op, Elemwise) for n in graph.apply_nodes)
    assert graph.inputs == [x, s]
    assert len(graph.outputs) == 2
    assert {x, s} < graph.variables
    assert f.maker.inputs[0].variable is x
    assert f.maker.mode.kind in ("default", "reference", "rewritten")


def test_containers():
    x, y = T.dscalars("x", "y")
    f = sn.function([x, sn.In(y, value=2.0)], x * y)
    assert f(3) == 6
    assert f.container[y].value == 2
    f.container["y"].value = 5
    assert f(3) == 15
    assert f.container[y].data == 5
    with pytest.raises(TypeError, match="no input 'z'"):
        f.container["z"]
