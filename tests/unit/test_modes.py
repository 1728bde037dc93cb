"""Modes that look at values, and what functions let old code look at."""

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.decisions import recording
from symnet.modes import LEVELS, Mode, MonitorMode, NanGuardMode, get_mode
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


def test_a_guard_says_what_the_operands_are():
    x = T.dvector("x")
    f = sn.function([x], T.log(x).sum(), mode="nan_guard")
    with pytest.raises(AssertionError) as caught:
        f([1.0, -2.0, 0.5, -1.0])
    first, second, third = str(caught.value).splitlines()
    assert first.startswith("output 0 of log has NaN, built at File")
    assert "test_a_guard_says_what_the_operands_are" in first
    assert second == "2 of 4 elements, the first at (1,); the operands are"
    assert third == "  x: float64 (4,), from -2 to 1"


def test_a_guard_may_warn_and_go_on():
    x = T.dvector("x")
    f = sn.function([x], T.log(x) * 2, mode=NanGuardMode(action="warn"))
    with pytest.warns(UserWarning, match="output 0 of log has NaN"):  # and once only
        assert np.isnan(f([-1.0])[0])
    with pytest.raises(ValueError, match="'raise', 'warn' or 'pdb', not 'cry'"):
        NanGuardMode(action="cry")


def test_a_guard_looks_into_loops():
    x = T.dvector("x")
    states, _ = sn.scan(lambda a, s: T.log(s - a), x, T.constant(3.0))
    f = sn.function([x], states[-1], mode="nan_guard")
    assert f([1.0, 0.5]) == pytest.approx(np.log(np.log(2.0) - 0.5))
    with pytest.raises(AssertionError, match="output 0 of log has NaN") as caught:
        f([1.0, 0.5, 5.0])
    assert "in scan of" in caught.value.__notes__[0]


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


# -- what is left out ------------------------------------------------------------------------


def kinds(mode, **settings):
    """Kinds of decisions taken for a step of training."""
    x, s = T.dvector("x"), sn.shared(np.ones(3), name="s")
    with recording() as ledger, sn.config.change(**settings):
        f = sn.function([x], T.log(1 + x).sum(), updates=[(s, s * 2 + x)], mode=mode)
        assert f([1.0, 2.0, 3.0]) == pytest.approx(np.log(24))
        np.testing.assert_allclose(s.get_value(), [3, 4, 5])
    return {d.kind for d in ledger.taken}


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("fast_run", {"rewrite", "fusion", "in place"}),
        ("o3", {"rewrite", "fusion"}),
        ("o2", {"fusion", "in place"}),
        ("fast_compile", {"in place"}),
        ("None", set()),
    ],
)
def test_levels(level, expected):
    assert kinds(None, optimizer=level) == expected


def test_what_to_leave_out_and_what_not():
    assert kinds(Mode().excluding("fusion:inplace")) == {"rewrite"}
    assert kinds(Mode().excluding("log1p", "inplace")) == {"fusion"}
    assert kinds(None, optimizer_excluding="stabilize:fusion") == {"in place"}
    assert kinds(None, optimizer="None", optimizer_including="fusion") == {"fusion"}
    assert kinds(None, optimizer_including="fusion", optimizer_excluding="fusion:log1p") == {
        "in place"
    }


def test_levels_are_none_too():
    with sn.config.change(optimizer=None):
        assert get_mode().exclude == LEVELS["None"]
        assert get_mode("FAST_RUN").exclude == frozenset()
    with pytest.raises(ValueError, match=r"config\.optimizer is one of fast_run"):
        sn.config.optimizer = "slow_run"


def test_names_that_are_none():
    with pytest.raises(ValueError, match=r"'stabilise' of the compiler; did you mean 'stabilize'"):
        Mode().excluding("stabilise")
    with pytest.raises(ValueError, match="did you mean 'log1p'"):
        Mode().including("log_1p")
    with pytest.warns(UserWarning, match="symnet has none of that name"):
        assert Mode().excluding("local_subtensor_merge").exclude == frozenset()
    assert Mode().excluding("cudnn", "local_elemwise_fusion").exclude == {"fusion"}
    with pytest.raises(ValueError, match=r"no mode 'debg'; did you mean 'debug'\? Modes are"):
        get_mode("debg")
    with pytest.raises(TypeError, match="a mode is a Mode or the name of one, got 3"):
        get_mode(3)


def test_decisions_are_limited():
    x = T.dvector("x")
    with recording() as everything:
        sn.function([x], T.log(1 + T.sqr(x)))(np.ones(2))
    for limit in range(len(everything.taken) + 1):
        with recording(limit) as some:
            sn.function([x], T.log(1 + T.sqr(x)))(np.ones(2))
        names = [(d.kind, d.name) for d in some.taken]
        assert names == [(d.kind, d.name) for d in everything.taken][:limit]


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
