"""What loses all its digits, or is NaN, as it is written: in float32, finite and right.

Costs and their gradients at the numbers that break naive formulas, compiled in the default mode and
compared with float64 or the limit. As a user writes them: the rules find the stable forms. For each
case it is said what the graph as written gives (``mode="reference"``): `BREAKS` where that is not
right, so that no case is here in vain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.modes import Mode

Array = np.ndarray[Any, Any]
PLAIN = Mode("reference")
nn = T.nnet
_E = np.exp(-np.array([1000.0, 50.0, 1.0, 0.0]))


@dataclass(frozen=True)
class Case:
    """An expression of a vector or matrix, and what it and its gradient (of its sum) must be.

    `breaks` says whether the values, as written, are not right.
    """

    name: str
    expression: Callable[[Any], Any]
    at: Any
    value: Any
    slope: Any
    breaks: bool = True


def _sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x))


_X = np.array([-1000.0, -100.0, -1.0, 0.0, 1.0, 100.0, 1000.0])
_OFFSET = 1e4 + np.array([0.0, 0.25, 0.5, 0.75])
_centred = _OFFSET - _OFFSET.mean()


def _entropy(p: Any) -> Any:
    return -T.sum(p * T.log(p))


CASES = [
    Case("log of softmax", lambda x: T.log(nn.softmax(x))[0, 0], [[0.0, 1000.0]],
         -1000.0, [[1.0, -1.0]]),
    Case("log of softmax by hand",
         lambda x: T.log(T.exp(x) / T.sum(T.exp(x), axis=1, keepdims=True))[0, 0],
         [[0.0, 1000.0]], -1000.0, [[1.0, -1.0]]),
    Case("softmax by hand", lambda x: (T.exp(x) / T.sum(T.exp(x), axis=1, keepdims=True))[0, 0],
         [[1000.0, 1000.0]], 0.5, [[0.25, -0.25]]),
    Case("logsumexp", lambda x: T.log(T.sum(T.exp(x))), [1000.0, 1000.0],
         1000.0 + np.log(2), [0.5, 0.5]),
    Case("logsumexp of tiny powers", lambda x: T.log(T.sum(T.exp(x))), [-1000.0, -1000.0],
         -1000.0 + np.log(2), [0.5, 0.5]),
    Case("logmeanexp", lambda x: T.log(T.mean(T.exp(x))), [1000.0, 1000.0], 1000.0, [0.5, 0.5]),
    Case("logaddexp", lambda x: T.log(T.exp(x) + T.exp(2 * x)), [1000.0, -1000.0],
         [2000.0, -1000.0], [2.0, 1.0]),
    Case("cross-entropy of a sure mistake",
         lambda x: nn.binary_crossentropy(nn.sigmoid(x), np.zeros(7, "float32")), _X,
         np.logaddexp(0, _X), _sigmoid(_X)),
    Case("cross-entropy by hand",
         lambda x: -(0.25 * T.log(1 / (1 + T.exp(-x))) + 0.75 * T.log(1 - 1 / (1 + T.exp(-x)))), _X,
         0.25 * np.logaddexp(0, -_X) + 0.75 * np.logaddexp(0, _X), _sigmoid(_X) - 0.25),
    Case("softplus", lambda x: T.log(1 + T.exp(x)), _X, np.logaddexp(0, _X), _sigmoid(_X)),
    Case("sigmoid by hand", lambda x: 1 / (1 + T.exp(-x)), _X, _sigmoid(_X),
         _sigmoid(_X) * _sigmoid(-_X), breaks=False),
    Case("complement of sigmoid", lambda x: 1 - nn.sigmoid(x), [20.0, 80.0], _sigmoid(
        -np.array([20.0, 80.0])), -_sigmoid(-np.array([20.0, 80.0]))),
    Case("log1mexp", lambda x: T.log(1 - T.exp(x)), [-1000.0, -50.0, -1e-10],
         [0.0, -np.exp(-50.0), np.log(1e-10)], [0.0, -np.exp(-50.0), -1e10]),
    Case("log of expm1", lambda x: T.log(T.exp(x) - 1), [1e-10, 1000.0], [np.log(1e-10), 1000.0],
         [1e10, 1.0]),
    Case("tanh saturates", lambda x: 1 - T.tanh(x), [10.0, 40.0],
         2 * _sigmoid(-2 * np.array([10.0, 40.0])), -4 * _sigmoid(-2 * np.array([10.0, 40.0]))),
    Case("tanh by exponentials", lambda x: (T.exp(x) - T.exp(-x)) / (T.exp(x) + T.exp(-x)),
         [-1000.0, 1e-10, 1000.0], [-1.0, 1e-10, 1.0], [0.0, 1.0, 0.0]),
    Case("arctanh of tanh", lambda x: T.arctanh(T.tanh(x)), [-1000.0, 0.5, 30.0],
         [-1000.0, 0.5, 30.0], [1.0, 1.0, 1.0]),
    Case("variance of a large offset", lambda x: T.mean(T.sqr(x)) - T.sqr(T.mean(x)), _OFFSET,
         np.mean(_centred**2), 2 * _centred / 4),
    Case("var of a large offset", lambda x: T.var(x), _OFFSET, np.mean(_centred**2),
         2 * _centred / 4, breaks=False),
    Case("norm at zero", lambda x: T.sqrt(T.sum(T.sqr(x))), [0.0, 0.0], 0.0, [0.0, 0.0],
         breaks=False),
    Case("norm by powers at zero", lambda x: T.sum(x**2) ** 0.5, [0.0, 0.0], 0.0, [0.0, 0.0],
         breaks=False),
    Case("norms of columns", lambda x: T.sqrt(T.sum(x * x, axis=0)), [[3.0, 0.0], [4.0, 0.0]],
         [5.0, 0.0], [[0.6, 0.0], [0.8, 0.0]], breaks=False),
    Case("hypotenuse at zero", lambda x: T.sqrt(T.sqr(x) + T.sqr(2 * x)), [0.0, 3.0],
         [0.0, 3 * np.sqrt(5)], [0.0, np.sqrt(5)], breaks=False),
    Case("root of a square", lambda x: T.sqrt(T.sqr(x)), [0.0, -1e-30, 1e30], [0.0, 1e-30, 1e30],
         [0.0, -1.0, 1.0]),
    Case("0 * log(0)", _entropy, [0.5, 0.0, 0.5], np.log(2), None),
    Case("entropy of a sure softmax", lambda x: _entropy(nn.softmax(x)), [[0.0, 1000.0]], 0.0,
         [[0.0, 0.0]]),
    Case("sqrt at zero", T.sqrt, [0.0, 4.0], [0.0, 2.0], [np.inf, 0.25], breaks=False),
    Case("quotient of powers", lambda x: T.exp(x) / T.exp(x - 1), [-1000.0, 1000.0],
         [np.e, np.e], [0.0, 0.0]),
    Case("tail of erf", lambda x: 1 - T.erf(x), [5.0], [1.5374597944280349e-12],
         [-2 / np.sqrt(np.pi) * np.exp(-25.0)]),
    Case("log of a product", lambda x: T.log(T.prod(T.exp(x))), [100.0, 100.0], 200.0, [1.0, 1.0]),
]  # fmt: skip


def right(found: Array, want: Any) -> bool:
    return np.allclose(found, np.asarray(want), rtol=2e-5, atol=1e-37)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_compiled_it_is_right(case: Case) -> None:
    at = np.asarray(case.at, "float32")
    x = T.TensorType("float32", (None,) * at.ndim)("x")
    y = case.expression(x)
    slope = sn.grad(T.sum(y), x)
    f = sn.function([x], [y, slope])
    value, slopes = f(at)
    assert value.dtype == slopes.dtype == np.float32
    assert right(value, case.value), value
    if case.slope is not None:
        wanted = np.asarray(case.slope)
        near = 1e-6 * np.max(np.abs(wanted[np.isfinite(wanted)]), initial=0)
        np.testing.assert_allclose(slopes, wanted, rtol=1e-4, atol=near)
    with np.errstate(all="ignore"):
        written = sn.function([x], y, mode=PLAIN)(at)
    assert right(written, case.value) != case.breaks, f"as written it gives {written}"
