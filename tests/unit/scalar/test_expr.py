"""Scalar expressions: construction, equality, traversal, evaluation."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from symnet import dtypes
from symnet.scalar import (
    Call,
    Const,
    Load,
    ScalarOp,
    Symbol,
    cast,
    const,
    evaluate,
    expand,
    rebuild,
    show,
    substitute,
    walk,
)
from symnet.scalar.table import TABLE, exp, fma, maximum, second, sigmoid, switch, tanh

x, y, i = Symbol("x", "float32"), Symbol("y", "float64"), Symbol("i")


def test_operands_are_converted_to_what_the_row_computes_in():
    total = x + y
    assert total.dtype == "float64"
    assert total.operands == (cast(x, "float64"), y)
    assert (x + 1).operands == (x, Const(1, "float32"))
    assert (x + 0.1).dtype == "float32"
    assert (i / 2).dtype == "float32"  # the default float
    assert (i + True).operands == (i, const(1))
    assert exp(i).operands == (cast(i, "float32"),)
    with pytest.raises(TypeError, match="exp takes 1 operands, got 2"):
        exp(x, x)
    with pytest.raises(TypeError, match="bit operations"):
        x & 1
    with pytest.raises(OverflowError, match="does not fit int8"):
        Symbol("b", "int8") + 300


def test_python_numbers_are_weak_in_numpy_too():
    assert TABLE["add"](np.float32(1), 2.5).dtype == np.float32
    assert TABLE["mul"](np.ones(3, "int8"), 2).dtype == np.int8
    assert TABLE["switch"](np.array([True, False]), np.float32(1), 0.0).dtype == np.float32
    assert TABLE["add"](1, 2) == 3


def test_operators_build_the_rows_they_stand_for():
    j = Symbol("j")
    built = {
        "add": i + j, "sub": i - j, "mul": i * j, "true_div": i / j, "int_div": i // j,
        "mod": i % j, "pow": i**j, "bitwise_and": i & j, "bitwise_or": i | j,
        "bitwise_xor": i ^ j, "left_shift": i << j, "right_shift": i >> j, "neg": -i,
        "invert": ~i, "abs": abs(i), "lt": i < j, "le": i <= j, "gt": i > j, "ge": i >= j,
    }  # fmt: skip
    assert {name: built[name].op.name for name in built} == {name: name for name in built}
    reflected = {
        "add": 1 + i, "sub": 1 - i, "mul": 2 * i, "true_div": 1 / i, "int_div": 1 // i,
        "mod": 1 % i, "pow": 2**i, "bitwise_and": 1 & i, "bitwise_or": 1 | i, "bitwise_xor": 1 ^ i,
    }  # fmt: skip
    for name, expression in reflected.items():
        assert expression.op.name == name
        assert isinstance(expression.args[0], Const | Call)
    assert divmod(i, j) == (i // j, i % j)
    assert +i is i


def test_equality_is_structural():
    assert x + 1 == x + 1
    assert hash(x + 1) == hash(x + 1)
    assert x + 1 != x + 2
    assert x + 1 != 1 + x
    assert Symbol("x") != x
    assert Const(0.0, "float32") != Const(-0.0, "float32")
    assert Const(float("nan"), "float32") == Const(float("nan"), "float32")
    assert Const(1, "int32") != Const(1, "int64")
    assert Load("a", i, "int64") == Load("a", i, "int64") != Load("b", i, "int64")
    assert x + 1 != "x"


def test_equality_of_shared_expressions_takes_one_look_at_each():
    def tower():
        z = x
        for _ in range(3000):
            z = z * z + 1
        return z

    assert tower() == tower()
    assert len(list(walk(tower(), tower()))) == 6002


def test_walk_gives_operands_first_and_each_once():
    z = (x + 1) * (x + 1)
    assert [show(e) for e in walk(z)] == ["x", "1.0", "(x + 1.0)", "((x + 1.0) * (x + 1.0))"]


def test_substitution_replaces_whole_sub_expressions():
    z = (x + 1) * Load("a", i + 1, "float32")
    assert substitute(z, {x + 1: x, i: const(3)}) == x * Load("a", const(3) + 1, "float32")
    assert substitute(z, {}) is z
    assert rebuild(z, z.args) is z
    assert rebuild(x, ()) is x


def test_evaluation_reads_symbols_and_memory():
    a = np.arange(6, dtype="float32")
    z = Load("a", 2 * i + 1, "float32") + x
    got = evaluate(z, {i: np.array([0, 2]), x: np.float32(0.5)}, {"a": a})
    np.testing.assert_array_equal(got, np.float32([1.5, 5.5]))
    with pytest.raises(KeyError, match="no value for x"):
        evaluate(z, {i: 0}, {"a": a})


def test_expansion_stops_at_what_is_native():
    z = sigmoid(x) * tanh(x)
    names = {e.op.name for e in walk(expand(z, frozenset({"exp", "tanh"}))) if isinstance(e, Call)}
    assert {"exp", "tanh"} <= names
    assert "sigmoid" not in names
    names = {e.op.name for e in walk(expand(z, frozenset())) if isinstance(e, Call)}
    assert all(TABLE[name].expand is None for name in names)
    assert expand(second(i, x), frozenset()) == x


def test_conversions_fold_into_constants():
    assert cast(Const(2.7, "float64"), "int32") == Const(2, "int32")
    assert cast(Const(300, "int64"), "uint8") == Const(44, "uint8")
    assert cast(Const(float("nan"), "float32"), "bool") == Const(True, "bool")
    assert cast(x, "float32") is x


def test_an_operation_outside_the_table():
    softsign = ScalarOp(
        "softsign", 1, dtypes.floating, lambda v: v / (1 + np.abs(v)),
        partials=(lambda v, out: 1 / (1 + abs(v)) ** 2,),
        expand=lambda v: v / (1 + abs(v)),
        doc="x / (1 + |x|).",
    )  # fmt: skip
    assert softsign(-3) == pytest.approx(-0.75)
    z = expand(softsign(x) + 1, frozenset())
    assert evaluate(z, {x: np.float32(-3)}) == np.float32(0.25)
    assert show(softsign(x)) == "softsign(x)"


def test_there_is_one_object_of_each_row():
    assert pickle.loads(pickle.dumps(exp)) is exp
    assert copy.deepcopy(x + y) == x + y
    assert pickle.loads(pickle.dumps(switch(x > 0, x, 0.5))) == switch(x > 0, x, 0.5)


def test_show():
    assert show(maximum(x, 0) * fma(x, 2, 1)) == "(maximum(x, 0.0) * fma(x, 2.0, 1.0))"
