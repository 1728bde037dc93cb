import numpy as np
import pytest

import symnet.tensor as T
from symnet.clone import clone
from symnet.graph import leaves
from symnet.interpreter import evaluate
from symnet.shared import shared


def test_replace_inputs_and_inner_variables():
    x, y, z = T.vectors("x", "y", "z")
    inner = x * 2
    outer = T.exp(inner) + y
    found = clone(outer, replace={x: z})
    assert set(leaves([found])) == {z, y} | set(leaves([found])) - {x}
    assert x not in leaves([found])
    values = {y: np.zeros(2, "float32"), z: np.zeros(2, "float32")}
    np.testing.assert_array_equal(evaluate([found], values)[0], [1, 1])
    found = clone(outer, replace=[(inner, np.zeros(2, "float32"))])
    np.testing.assert_array_equal(evaluate([found], {y: np.ones(2, "float32")})[0], [2, 2])


def test_replacing_by_an_expression_of_itself():
    x = T.vector("x")
    found = clone(x * 2, replace={x: x + 1})
    np.testing.assert_array_equal(evaluate([found], {x: np.ones(1, "float32")})[0], [4])


def test_the_form_of_the_result():
    x, y = T.vectors("x", "y")
    assert isinstance(clone([x + 1, x], {x: y}), list)
    assert isinstance(clone((x + 1, x), {x: y}), tuple)
    found = clone({"a": x + 1, "b": x}, {x: y})
    assert list(found) == ["a", "b"]
    assert found["b"] is y
    unchanged = x + 1
    assert clone(unchanged) is unchanged


def test_share_inputs():
    x, w = T.vector("x"), shared(np.ones(2, "float32"))
    found = clone(x * w, share_inputs=False)
    new = [v for v in leaves([found]) if v.name == "x"]
    assert new
    assert new[0] is not x
    assert w in leaves([found])


def test_wrong_replacements():
    x = T.vector("x")
    y = T.exp(x)
    with pytest.raises(TypeError, match="numbers of dimensions differ"):
        clone(y, {x: T.matrix("m")})
    with pytest.raises(TypeError, match=r"cannot be replaced by d of type float64.*strict=False"):
        clone(y, {x: T.dvector("d")})
    assert clone(y, {x: T.dvector("d")}, strict=False).dtype == "float32"
    with pytest.raises(TypeError, match="3 is not a variable"):
        clone(y, {3: x})
    with pytest.raises(TypeError, match="3 is not a variable"):
        clone([3])
