from dataclasses import dataclass

import numpy as np
import pytest

import symnet.tensor as T
from symnet.interpreter import Evaluation, evaluate
from symnet.op import Op
from symnet.scalar import const
from symnet.types import TensorType


def test_evaluates():
    x, y = T.fmatrix("x"), T.fvector("y")
    z = T.dot(x, x.T) + y
    given = {x: np.arange(6, dtype="f").reshape(2, 3), y: np.array([1, 2], "f")}
    total, again = evaluate([z.sum(), z], given)
    expected = given[x] @ given[x].T + given[y]
    np.testing.assert_array_equal(again, expected)
    assert total == expected.sum()
    assert total.dtype == "float32"


def test_leaves_and_constants_are_outputs():
    x = T.dscalar("x")
    assert evaluate([x, T.constant(2), x], {x: np.array(1.0)}) == [1, 2, 1]
    assert evaluate([], {}) == []


def test_given_values_stand_for_computed_ones():
    x = T.dscalar("x")
    y = x + 1
    assert evaluate([y * 2], {y: np.array(5.0)}) == [10]


def test_many_calls():
    x = T.dscalar("x")
    run = Evaluation([x * 2], [x])
    assert [run({x: np.array(float(k))})[0] for k in range(3)] == [0, 2, 4]


def test_missing_value():
    x, y = T.fvector("x"), T.fvector("y")
    with pytest.raises(ValueError, match=r"y of type float32\[\?\] has no value"):
        evaluate([x + y], {x: np.zeros(2, "f")})
    with pytest.raises(ValueError, match="has no value"):
        evaluate([y], {})


@pytest.mark.parametrize("given", [np.zeros(2), np.zeros((2, 2), "f"), 1.5])
def test_value_of_another_type(given):
    x = T.fvector("x")
    with pytest.raises(
        TypeError, match=r"x is float32\[\?\]; it cannot be a float64|float32 array"
    ):
        evaluate([x * 2], {x: given})


def test_errors_say_where():
    x, y = T.fmatrix("x"), T.fmatrix("y")
    z = T.dot(x, y)
    with pytest.raises(ValueError, match="columns of the first matrix") as caught:
        evaluate([z], {x: np.zeros((2, 3), "f"), y: np.zeros((4, 5), "f")})
    text = "\n".join(caught.value.__notes__)
    assert "in dot of" in text
    assert "x: float32 (2, 3), type float32[?, ?]" in text
    assert "y: float32 (4, 5)" in text
    assert "in test_errors_say_where" in text


@dataclass(frozen=True, slots=True)
class _Lies(Op):
    dtype: str = "float32"
    length: int = 2
    count: int = 1

    def infer_types(self, types, operands):
        return [TensorType("float32", (None,))]

    def infer_shape(self, node, context):
        return [(const(2),)]

    def perform(self, inputs):
        return [np.zeros(self.length, self.dtype)] * self.count


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (_Lies("float64"), "gave a float64"),
        (_Lies(length=3), r"shape \(3,\), but declares .* infers the shape \(2,\)"),
        (_Lies(count=2), "gave 2 results"),
    ],
)
def test_results_are_held_to_what_was_declared(op, message):
    assert evaluate([_Lies()()], {})[0].shape == (2,)
    with pytest.raises(AssertionError, match=message):
        evaluate([op()], {})


def test_deep_graphs():
    x = T.dscalar("x")
    y = x
    for _ in range(5000):
        y = y + 1
    assert evaluate([y], {x: np.array(0.0)}) == [5000]
