"""What `function` makes of what it is given; calls are interpreted, so no backend is needed."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.config import config


@pytest.fixture(autouse=True)
def interpreted():
    with config.change(mode="reference"):
        yield


def floats(*values):
    return np.array(values, "float32")


# -- inputs ------------------------------------------------------------------------------------


def test_names_and_order():
    x, y = T.scalars("x", "y")
    f = sn.function([x, y], 10 * x + y)
    assert f(1, 2) == f(y=2, x=1) == f(1, y=2) == 12


def test_a_name_of_its_own():
    x = T.scalar("x")
    f = sn.function([sn.In(x, name="other")], x)
    assert f(other=3) == 3
    with pytest.raises(TypeError, match="no input 'x'; it has other"):
        f(x=3)


def test_missing_unknown_twice_too_many():
    x, y = T.scalars("x", "y")
    f = sn.function([x, y], x + y, name="sum")
    with pytest.raises(TypeError, match=r"sum\(\) misses the input y \(number 1\)"):
        f(1)
    with pytest.raises(TypeError, match="no input 'z'; it has x, y"):
        f(1, z=2)
    with pytest.raises(TypeError, match="got the input 'x' twice"):
        f(1, x=2)
    with pytest.raises(TypeError, match="takes 2 arguments, got 3"):
        f(1, 2, 3)
    with pytest.raises(TypeError, match="takes 0 arguments, got 1"):
        sn.function([], T.constant(1.0))(1)


def test_two_inputs_of_one_name():
    a, b = T.scalar("x"), T.scalar("x")
    f = sn.function([a, b], a - b)
    assert f(3, 1) == 2
    with pytest.raises(TypeError, match="2 inputs called 'x'"):
        f(3, x=1)


def test_a_variable_is_an_input_once():
    x = T.scalar("x")
    with pytest.raises(ValueError, match="x is an input twice"):
        sn.function([x, x], x)


def test_inputs_are_a_list_of_variables():
    x = T.scalar("x")
    with pytest.raises(TypeError, match=r"function\(\[x\]"):
        sn.function(x, x)
    with pytest.raises(TypeError, match="symbolic variables"):
        sn.function([1.0], x)
    with pytest.raises(TypeError, match="symbolic variable"):
        sn.In(1.0)


def test_an_input_the_graph_needs_and_has_not():
    x, y = T.scalars("x", "y")
    with pytest.raises(sn.MissingInputError, match="depend on y"):
        sn.function([x], x + y)
    s = sn.shared(floats(0), name="s")
    with pytest.raises(sn.MissingInputError, match="depend on y"):
        sn.function([], updates=[(s, s + y)])


def test_unused_input():
    x, y = T.scalars("x", "y")
    with pytest.raises(sn.UnusedInputError, match=r"input y; .*on_unused_input='ignore'"):
        sn.function([x, y], x)
    with pytest.warns(UserWarning, match="depends on the input y") as caught:
        f = sn.function([x, y], x, on_unused_input="warn")
    assert caught[0].filename == __file__
    assert f(1, 2) == 1
    assert sn.function([x, y], x, on_unused_input="ignore")(1, 2) == 1
    with pytest.raises(ValueError, match="not 'maybe'"):
        sn.function([x, y], x, on_unused_input="maybe")
    with config.change(on_unused_input="ignore"):
        assert sn.function([x, y], x)(1, 2) == 1


def test_an_intermediate_variable_as_input():
    x = T.vector("x")
    y = x * 2
    f = sn.function([y], y + 1)
    assert f([1, 2]).tolist() == [2, 3]
    g = sn.function([x, y], x + y)
    assert g([1], [5]).tolist() == [6]


def test_defaults():
    x, y, z = T.scalars("x", "y", "z")
    f = sn.function([x, sn.In(y, value=1), sn.In(z, value=2.0, name="w")], x + 10 * y + 100 * z)
    assert f(1) == 211
    assert f(1, 2) == 221
    assert f(1, w=3) == 311
    f["y"] = 5
    assert f(1) == 251
    assert f[z] == 2
    with pytest.raises(TypeError, match="misses the input x"):
        f()
    with pytest.raises(TypeError, match="no input 'a'"):
        f["a"]


def test_a_default_that_does_not_fit_is_found_at_once():
    x = T.ivector("x")
    with pytest.raises(TypeError, match="needs 1 dimensions"):
        sn.function([sn.In(x, value=1)], x)
    with pytest.raises(TypeError, match="needs int32"):
        sn.function([sn.In(x, value=[0.5])], x)


def test_a_shared_default_stands_for_its_value_at_the_call():
    x = T.vector("x")
    w = sn.shared(floats(1, 2), name="w")
    f = sn.function([sn.In(x, value=w)], x * 2, updates=[(w, w + 1)])
    assert f().tolist() == [2, 4]
    assert f().tolist() == [4, 6]
    assert f([0, 1]).tolist() == [0, 2]
    assert w.get_value().tolist() == [4, 5]


def test_hidden_state():
    x, total = T.scalar("x"), T.scalar("total")
    f = sn.function([x, sn.In(total, value=0.0, update=total + x)], total)
    assert [float(f(n)) for n in (1, 2, 3)] == [0, 1, 3]
    assert f["total"] == 6
    f[total] = 10
    assert f(1) == 10
    assert f(1, 100) == 100
    assert f(1, total=5) == 5
    assert f(0) == 6


def test_hidden_state_that_comes_first():
    x, total = T.scalar("x"), T.scalar("total")
    f = sn.function([sn.In(total, value=0.0, update=total + x), x], total)
    assert f(x=2) == 0
    assert f(x=2) == 2
    assert f(7, 1) == 7
    with pytest.raises(TypeError, match="misses the input x"):
        f(7)
    assert f[0] == 8


def test_hidden_state_keeps_its_value_when_a_call_raises():
    x, state = T.vector("x"), T.vector("state")
    f = sn.function([x, sn.In(state, value=floats(1, 1), update=state + x)], state * x)
    with pytest.raises(ValueError, match="differ"):
        f([1, 2, 3], state=[1, 2])
    assert f["state"].tolist() == [1, 1]


def test_hidden_state_in_a_shared_variable():
    x, state = T.scalar("x"), T.scalar("state")
    s = sn.shared(np.float32(1), name="s")
    f = sn.function([x, sn.In(state, value=s, update=state * x)], state)
    assert (f(3), s.get_value()) == (1, 3)
    with pytest.raises(ValueError, match="two updates of the shared variable s"):
        sn.function([x, sn.In(state, value=s, update=state * x)], updates=[(s, s + 1)])
    with pytest.raises(ValueError, match="needs a value to start with"):
        sn.function([x, sn.In(state, update=state * x)], state)


def test_strict():
    x = T.vector("x")
    f = sn.function([sn.In(x, strict=True)], x)
    f(floats(1))
    for value in ([1.0], np.ones(1), np.ones(1, "int8")):
        with pytest.raises(TypeError, match="strict and needs an array of float32"):
            f(value)


def test_downcast():
    x = T.vector("x")
    double = np.array([0.1])
    with pytest.raises(TypeError, match=r"needs float32, got an array of float64.*allow_input"):
        sn.function([x], x)(double)
    assert sn.function([x], x)([0.1]) == np.float32(0.1)
    assert sn.function([x], x, allow_input_downcast=True)(double) == np.float32(0.1)
    assert sn.function([sn.In(x, allow_downcast=True)], x)(double) == np.float32(0.1)
    with pytest.raises(TypeError, match="needs float32"):
        sn.function([x], x, allow_input_downcast=False)([0.1])
    never = sn.In(x, allow_downcast=False)
    with pytest.raises(TypeError, match="needs float32"):
        sn.function([never], x, allow_input_downcast=True)([0.1])
    n = T.iscalar("n")
    assert sn.function([n], n, allow_input_downcast=True)(2.7) == 2


# -- outputs -----------------------------------------------------------------------------------


def test_kinds_of_outputs():
    x = T.scalar("x")
    assert isinstance(sn.function([x], x + 1)(1), np.ndarray)
    assert sn.function([x], [x + 1])(1) == [2]
    assert sn.function([x], (x, x + 1))(1) == [1, 2]
    assert sn.function([x], {"b": x, "a": x + 1})(1) == {"b": 1, "a": 2}
    assert sn.function([x], sn.Out(x + 1, borrow=True))(1) == 2
    assert sn.function([x], [sn.Out(x), 3])(1) == [1, 3]
    assert sn.function([])() == []
    assert sn.function([], [])() == []
    with pytest.raises(TypeError, match="strings as keys"):
        sn.function([x], {1: x})


def test_disconnected_gradient_names_the_variable():
    x, w = T.vector("x"), T.vector("w")
    with pytest.raises(sn.gradient.DisconnectedInputError, match="w"):
        sn.grad((x * 2).sum(), w)
    zero = sn.grad((x * 2).sum(), w, disconnected_inputs="ignore")
    f = sn.function([x, w], zero, on_unused_input="ignore")
    assert f([1], [2, 3]).tolist() == [0, 0]


# -- updates and givens ------------------------------------------------------------------------


def test_forms_of_updates():
    a, b = sn.shared(1.0, name="a"), sn.shared(2.0, name="b")
    for form in (dict, list, OrderedDict, tuple, iter):
        sn.function([], updates=form([(a, b), (b, a)]))()
    assert (a.get_value(), b.get_value()) == (2, 1)


def test_updates_that_do_not_fit():
    s = sn.shared(floats(1, 2), name="s")
    x = T.vector("x")
    with pytest.raises(TypeError, match="only shared variables can be updated, x is none"):
        sn.function([x], updates=[(x, x + 1)])
    with pytest.raises(ValueError, match="two updates of the shared variable s"):
        sn.function([], updates=[(s, s + 1), (s, s)])
    with pytest.raises(TypeError, match="has 2 dimensions, the shared variable has 1"):
        sn.function([], updates=[(s, T.zeros((2, 2)))])
    with pytest.raises(TypeError, match=r"float64.*comes in with.*T\.cast\(\.\.\., 'float32'\)"):
        sn.function([], updates=[(s, s * T.dvector("d"))], on_unused_input="ignore")
    with pytest.raises(TypeError, match="updates is a dict or a list of pairs"):
        sn.function([], updates=[s])
    row = sn.shared(np.ones((1, 2), "float32"), name="row", broadcastable=(True, False))
    with pytest.raises(TypeError, match="length 3 in dimension 0, the shared variable has 1"):
        sn.function([], updates=[(row, T.constant(np.ones((3, 2), "float32")))])


def test_python_numbers_take_the_dtype():
    n, s = sn.shared(np.int32(7), name="n"), sn.shared(np.float64(7), name="s")
    f = sn.function([], updates=[(n, 3), (s, 0.1)])
    f()
    assert (n.get_value(), s.get_value()) == (3, 0.1)
    x = T.bscalar("x")
    assert sn.function([], x + 1, givens={x: 5})() == 6


def test_givens():
    x, y = T.vectors("x", "y")
    s = sn.shared(floats(1, 2), name="s")
    mid = x * 2
    assert sn.function([y], x + 1, givens={x: y * 3})([1, 2]).tolist() == [4, 7]
    assert sn.function([], x + 1, givens=[(x, s)])().tolist() == [2, 3]
    assert sn.function([y], s + 1, givens={s: y})([5]).tolist() == [6]
    assert sn.function([y], mid + 1, givens={mid: y})([5]).tolist() == [6]
    swapped = sn.function([x, y], x - y, givens={x: y, y: x})
    assert swapped([5], [1]).tolist() == [-4]


def test_givens_reach_updates():
    x = T.vector("x")
    s = sn.shared(floats(1, 2), name="s")
    sn.function([], updates=[(s, s + x)], givens={x: s * 10})()
    assert s.get_value().tolist() == [11, 22]


def test_givens_that_do_not_fit():
    x = T.fvector("x")
    with pytest.raises(TypeError, match="given for x: 2 dimensions instead of 1"):
        sn.function([], x, givens={x: T.zeros((2, 2))})
    with pytest.raises(TypeError, match=r"given for x: float64 instead of float32"):
        sn.function([], x, givens={x: np.zeros(3)})
    with pytest.raises(ValueError, match="two givens for x"):
        sn.function([], x, givens=[(x, floats(1)), (x, floats(2))])


def test_default_updates():
    s, t = sn.shared(np.float32(1), name="s"), sn.shared(np.float32(5), name="t")
    s.default_update = s + t
    t.default_update = t + 1
    x = T.scalar("x")
    f = sn.function([x], s * x)
    assert [float(f(1)), float(f(1))] == [1, 6]
    assert t.get_value() == 7
    sn.function([], s, no_default_updates=True)()
    sn.function([], s, no_default_updates=[s])()
    assert (s.get_value(), t.get_value()) == (12, 7)
    sn.function([], s, updates=[(s, s * 0)])()
    assert s.get_value() == 0


def test_an_update_cannot_break_the_type():
    x = T.matrix("x")
    row = sn.shared(np.ones((1, 2), "float32"), name="row", broadcastable=(True, False))
    f = sn.function([x], updates=[(row, x * 2)])
    f([[3, 4, 5]])
    assert row.get_value().tolist() == [[6, 8, 10]]
    with pytest.raises(ValueError, match="update of row has shape"):
        f([[1, 1], [1, 1]])
    assert row.get_value().tolist() == [[6, 8, 10]]


# -- the function itself -----------------------------------------------------------------------


def test_name_and_repr():
    x = T.scalar("x")
    f = sn.function([x], x, name="step two")
    assert f.name == "step_two"
    assert repr(f) == "<Function step_two(x)>"
    with pytest.raises(ValueError, match=r"no mode 'warp'\. Modes are default"):
        sn.function([x], x, mode="warp")


def test_config_floatx():
    with config.change(floatX="float64"):
        x = T.vector("x")
        s = sn.shared(0.5, name="s")
        f = sn.function([x], x / 3 + s)
    assert f([1.0]).dtype == np.float64
    assert f([0.1]) == 0.1 / 3 + 0.5


def counter():
    x = T.scalar("x")
    s = sn.shared(np.float32(0), name="s")
    return sn.function([x], [s, s * 2], updates=[(s, s + x)], name="count"), s


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_a_deep_copy_has_state_of_its_own(twin):
    f, s = counter()
    f(5)
    g = twin(f)
    assert g(1) == [5, 10]
    assert g(1) == [6, 12]
    assert f(0) == [5, 10]
    assert s.get_value() == 5
    assert g.name == "count"


def test_functions_pickled_together_share_state():
    f, s = counter()
    g = sn.function([], s * 100)
    f2, g2, s2 = pickle.loads(pickle.dumps((f, g, s)))
    f2(3)
    assert g2() == 300
    assert s2.get_value() == 3
    assert g() == 0


def test_copy():
    f, s = counter()
    g = f.copy(name="other")
    g(2)
    assert (g.name, f.name) == ("other", "count")
    assert s.get_value() == 2
    assert f.copy(delete_updates=True)(1) == [2, 4]
    assert s.get_value() == 2
    t = sn.shared(np.float32(100), name="t")
    h = f.copy(swap={s: t})
    assert h(1) == [100, 200]
    assert (s.get_value(), t.get_value()) == (2, 101)
    with pytest.raises(TypeError, match="swap"):
        f.copy(swap={t: s})
    with pytest.raises(TypeError, match="swap: s is float32"):
        f.copy(swap={s: sn.shared(np.float64(1), name="d")})
    assert f.get_shared() == [s]


def test_arguments_that_are_no_arrays():
    x = T.vector("x")
    f = sn.function([x], x, name="f")
    for value in (None, "text", [1j], object(), [[1], [1, 2]], {"a": 1}):
        with pytest.raises(TypeError, match=r"f\(\): input x \(number 0\)"):
            f(value)
    with pytest.raises(TypeError, match=r"got the expression y; \.eval\(\)"):
        f(T.vector("y"))
    with pytest.raises(TypeError, match="without a mask"):
        f(np.ma.masked_array([1.0, 2.0], [True, False]))
    s = sn.shared(floats(1, 2))
    assert f(s).tolist() == [1, 2]


def test_inputs_written_as_tuples():
    x, s, n = T.scalars("x", "s", "n")
    f = sn.function([(x, 2.0), ((s, s + x), 10.0), ("m", (n, n * 2), 1.0)], x + s + n)
    assert [float(f()), float(f()), float(f(1))] == [13, 16, 19]
    assert (float(f["s"]), float(f["m"])) == (15, 8)
    f["s"] = 0
    assert float(f(0)) == 8
    for wrong in [(x, 1, 2, 3), (1, x, 2), (x,)]:
        with pytest.raises(TypeError, match="is not of the form"):
            sn.function([wrong], x)


def test_old_ways_to_look_at_a_function():
    x, s = T.scalars("x", "s")
    f = sn.function([x, ((s, s + 1), 0.0)], T.exp(x) + s)
    assert "exp" in sn.printing.debugprint(f, file="str")
    f.container["s"].value = 3
    assert f.value[s] == f.container[1].value == 3
