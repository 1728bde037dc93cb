"""An elementwise operation is one row: tensor version, gradients, native code and fusion follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet import dtypes
from symnet.program import Launch
from symnet.scalar import TABLE, ScalarOp

tanh, softplus, sigmoid = TABLE["tanh"], TABLE["softplus"], TABLE["sigmoid"]


def _slope(x: Any, out: Any) -> Any:
    t = tanh(softplus(x))
    return t + x * sigmoid(x) * (1.0 - t * t)


mish = ScalarOp(
    name="mish",
    arity=1,
    rule=dtypes.floating,
    numpy=lambda x: x * np.tanh(np.logaddexp(0, x)),
    partials=(_slope,),
    expand=lambda x: x * tanh(softplus(x)),
    doc="Misra 2019, Mish: a self regularized non-monotonic activation function.",
)

VALUES = np.linspace(-20, 20, 41)


def plain(x: np.ndarray) -> np.ndarray:
    return x * np.tanh(np.logaddexp(0, x))


@pytest.mark.parametrize("mode", ["default", "reference"])
def test_tensor_version(mode: str) -> None:
    x = T.dvector("x")
    f = sn.function([x], mish(x), mode=mode)
    np.testing.assert_allclose(f(VALUES), plain(VALUES), rtol=1e-12, atol=1e-12)


def test_single_precision() -> None:
    x = T.fvector("x")
    found = sn.function([x], mish(x))(VALUES.astype("float32"))
    np.testing.assert_allclose(found, plain(VALUES), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["default", "reference"])
def test_gradients_to_second_order(mode: str) -> None:
    x = T.dvector("x")
    first = sn.grad(mish(x).sum(), x)
    second = sn.grad(first.sum(), x)
    f = sn.function([x], [first, second], mode=mode)
    h = 1e-4
    slope = (plain(VALUES + h) - plain(VALUES - h)) / (2 * h)
    bend = (plain(VALUES + h) - 2 * plain(VALUES) + plain(VALUES - h)) / h**2
    found = f(VALUES)
    np.testing.assert_allclose(found[0], slope, atol=1e-6)
    np.testing.assert_allclose(found[1], bend, atol=1e-5)


def test_fuses_with_its_neighbours() -> None:
    x, b = T.fmatrix("x"), T.fvector("b")
    f = sn.function([x, b], (mish(x + b) * 2).sum(axis=1))
    f(np.ones((3, 4), "float32"), np.ones(4, "float32"))
    (program,) = f.programs
    assert len([s for s in program.steps if isinstance(s, Launch)]) == 1


def test_fuses_into_a_contraction() -> None:
    x, w = T.fmatrix("x"), T.fmatrix("w")
    f = sn.function([x, w], mish(T.dot(x, w)))
    a, c = np.ones((3, 4), "float32"), np.ones((4, 2), "float32")
    np.testing.assert_allclose(f(a, c), plain(a @ c), rtol=1e-5)
    assert len(f.programs[0].steps) == 1
