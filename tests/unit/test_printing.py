import io

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.gradient import grad
from symnet.printing import Print, debugprint, min_informative_str, pp
from symnet.shared import shared


@pytest.fixture
def x():
    return T.matrix("x")


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda x: x + 2 * x, "(x + (TensorConstant{(1, 1) of 2.0} * x))"),
        (lambda x: -x / x.T, "((-x) / x.T)"),
        (lambda x: T.exp(x) ** x, "(exp(x) ** x)"),
        (lambda x: x > x, "(x > x)"),
        (lambda x: x.sum(), "sum[0, 1](x)"),
        (lambda x: T.dot(x, T.vector("b")), r"DimShuffle{0}((x \dot DimShuffle{0,x}(b)))"),
        (lambda x: x[1:, T.iscalar("i")], "x[TensorConstant{1}:, i]"),
        (lambda x: x[::-2], "x[::TensorConstant{-2}]"),
        (lambda x: x.shape[0], "x.shape[0]"),
        (lambda x: T.cast(x, "int8"), "Cast{int8}(x)"),
        (lambda x: T.switch(x, x, T.matrix()), "switch(x, x, <float32[?, ?]>)"),
        (lambda x: x, "x"),
    ],
)
def test_pp(x, build, text):
    assert pp(build(x)) == text


def test_pp_uses_names(x):
    hidden = T.tanh(x)
    hidden.name = "hidden"
    assert pp(hidden * 1) == "(hidden * TensorConstant{(1, 1) of 1.0})"
    assert pp(hidden) == "tanh(x)"
    assert pp(shared(np.zeros(2), name="w") + T.dvector()) == "(w + <float64[?]>)"


def test_pp_of_a_deep_graph(x):
    y = x
    for _ in range(3000):
        y = y + x
    assert pp(y).count("x") == 3001


def test_constants():
    assert pp(T.constant([1, 2])) == "TensorConstant{[1 2]}"
    assert pp(T.constant(np.arange(20))) == "TensorConstant{(20,) of int64}"
    assert pp(T.constant(np.zeros((0, 2)))) == "TensorConstant{[]}"
    assert pp(T.constant(3, name="three")) == "three"


def test_debugprint(x, capsys):
    shift = T.exp(x)
    shift.name = "shift"
    y = (shift + x) * shift
    debugprint(y)
    assert capsys.readouterr().out == (
        "Elemwise{mul} [id A] ''\n"
        " |Elemwise{add} [id B] ''\n"
        " | |Elemwise{exp} [id C] 'shift'\n"
        " | | |x [id D]\n"
        " | |x [id D]\n"
        " |Elemwise{exp} [id C] 'shift'\n"
    )


def test_debugprint_settings(x):
    y = T.exp(x.T).sum()
    text = debugprint(y, depth=2, print_type=True, file="str")
    assert text == ("sum[0, 1] [id A] <float32[]> ''\n |Elemwise{exp} [id B] <float32[?, ?]> ''\n")
    stream = io.StringIO()
    assert debugprint([y, x], file=stream) is stream
    assert stream.getvalue().splitlines()[-2:] == ["     |x [id D]", "x [id D]"]
    y.owner.inputs[0].name = "named"
    assert len(debugprint(y, file="str", stop_on_name=True).splitlines()) == 2
    assert debugprint(y.owner, file="str") == debugprint(y, file="str")


def test_more_nodes_than_letters(x):
    y = x
    for _ in range(60):
        y = T.exp(y)
    text = debugprint(y, file="str")
    assert "[id Z]" in text
    assert "[id AA]" in text
    assert "[id BI]" in text


def test_debugprint_of_a_gradient(x):
    cost = T.nnet.softmax(x).sum()
    assert "x [id" in debugprint(grad(cost, x), file="str")


def test_what_cannot_be_printed():
    with pytest.raises(TypeError, match="3 is not a variable, a node or a compiled function"):
        debugprint(3)


def test_debugprint_of_a_function_numbers_its_operations():
    x = T.dvector("x")
    f = sn.function([x], T.exp(x + 1) * (x + 1))
    text = debugprint(f, file="str")
    assert [line[-4:] for line in text.splitlines() if "Elemwise" in line] == [
        "   2",
        "   1",
        "   0",
        "   0",
    ]


def test_debugprint_ids():
    x = T.dvector("x")
    assert debugprint(x + x, file="str", ids="int") == (
        "Elemwise{add} [id 0] ''\n |x [id 1]\n |x [id 1]\n"
    )
    assert debugprint(x + x, file="str", ids="") == "Elemwise{add} ''\n |x\n |x\n"
    with pytest.raises(ValueError, match="ids is one of"):
        debugprint(x, ids="roman")


@pytest.mark.parametrize("mode", ["default", "reference"])
def test_print(mode, capsys):
    x = T.dvector("x")
    seen = Print("this is a very important value")(x)
    f = sn.function([x], [seen * 5, sn.grad((seen**2).sum(), x)], mode=mode)
    np.testing.assert_array_equal(f([1.0, 2.0, 3.0])[0], [5, 10, 15])
    assert capsys.readouterr().out == "this is a very important value __str__ = [1. 2. 3.]\n"
    np.testing.assert_array_equal(f([1.0])[1], [2])


def test_print_with_a_function_of_ones_own():
    found = []
    x = T.dvector("x")
    y = Print("x", global_fn=lambda op, value: found.append((op.message, value.sum())))(x)
    sn.function([x], y + 1)([1.0, 2.0])
    assert found == [("x", 3)]


def test_min_informative_str():
    a, b = T.dscalars("a", "b")
    c = a + b
    assert min_informative_str(T.exp(c) * c) == (
        "A. mul\n B. exp\n  C. add\n   D. a\n   E. b\n <C>"
    )


def test_debugprint_keeps_what_is_done_between_calls():
    x = T.dvector("x")
    y, done = T.exp(x), {}
    assert debugprint(y, file="str", done=done) == "Elemwise{exp} [id A] ''\n |x [id B]\n"
    assert debugprint(y + 1, file="str", done=done).splitlines()[1:2] == [
        " |Elemwise{exp} [id A] ''"
    ]
    assert "x [id" not in debugprint(T.log(y), file="str", done=done)


def test_debugprint_shows_what_a_loop_does_in_a_step():
    x = T.dvector("x")
    states, _ = sn.scan(lambda s: T.tanh(s), outputs_info=x, n_steps=3)
    text = debugprint(states, file="str")
    outer, inner = text.split("Inner graphs of the scan ops:\n")
    assert "tanh" not in outer
    assert " >Elemwise{tanh}" in inner
    assert inner.count("[id A]") <= 1
