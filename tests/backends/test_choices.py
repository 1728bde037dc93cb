"""Choices in native code: every backend, alone, nested and in loops, with faults and host calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.config import config
from symnet.ifelse import ifelse
from symnet.scanning import scan
from tests.backends.agreement import agree
from tests.lowered import kinds, program_of


def arrays(rows: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((rows, 4)), rng.standard_normal((4, 4))]


def test_values_and_gradients_to_second_order() -> None:
    c, x, w = T.dscalar("c"), T.dmatrix("x"), T.dmatrix("w")
    h = T.tanh(T.dot(x, w))
    y = ifelse(c > 0, T.exp(T.dot(h, w)), T.sqr(h) + T.nnet.softmax(T.dot(x, w)))
    cost = (T.sin(y) * h).sum()
    slopes = sn.grad(cost, [x, w])
    outputs = [y, cost, *slopes, sn.grad(T.sqr(slopes[0]).sum(), w)]
    calls = [(c, *arrays(n)) for n in (5, 3, 7) for c in (1.0, -1.0)]
    agree([c, x, w], outputs, *calls, tolerance=1e-9)


def test_a_choice_is_a_branch_and_both_its_gradients_another() -> None:
    c, x, w = T.dscalar("c"), T.dmatrix("x"), T.dmatrix("w")
    y = ifelse(c > 0, T.tanh(T.dot(x, w)), T.dot(T.exp(x), w))
    program = program_of([c, x, w], [y, *sn.grad(T.sqr(y).sum(), [x, w])], [1.0, *arrays(3)])
    assert kinds(program).count("branch") == 2
    assert "host" not in kinds(program)


def test_choices_within_choices() -> None:
    c, x = T.dscalar("c"), T.dvector("x")
    a, b = ifelse(
        c > 0,
        [x, T.zeros((3,), "float64")],
        [T.exp(x), T.ones((3,), "float64") * c],
    )
    d = ifelse(c < 1, ifelse(c < -1, T.exp(a) * 2, T.tanh(a)), T.cosh(a) * T.exp(a).sum())
    outputs = [a, b, d, sn.grad(d.sum(), x), sn.grad(d.sum() + a.sum(), x)]
    calls = [(c, np.arange(1.0, n)) for n in (5, 3, 6) for c in (2.0, 0.5, -0.5, -2.0)]
    agree([c, x], outputs, *calls, tolerance=1e-9)


def test_lengths_that_the_condition_decides() -> None:
    c, n, x = T.dscalar("c"), T.lscalar("n"), T.dvector("x")
    y, z = ifelse(c > 0, x[:3] * 2, T.exp(x)), ifelse(n > 3, x[::2], T.exp(x[1:]))
    outputs = [y, z, sn.grad(T.sqr(y).sum() + T.sqr(z).sum(), x)]
    calls = [(c, n, np.arange(1.0, k)) for k in (6, 8, 5) for c in (1.0, -1.0) for n in (1, 4)]
    agree([c, n, x], outputs, *calls, tolerance=1e-9)


@pytest.mark.parametrize("until_last", [True, False])
def test_in_loops_with_gradients(until_last: bool) -> None:
    x, w = T.dmatrix("x"), T.dmatrix("w")

    def step(row: Any, h: Any) -> Any:
        return ifelse(row.sum() > 0, T.tanh(T.dot(row * h, w)), T.exp(-T.sqr(h)) * row)

    h, _ = scan(step, x, T.ones((4,), "float64"))
    cost = T.sqr(h[-1] if until_last else h).sum()
    slopes = sn.grad(cost, [x, w])
    agree([x, w], [cost, *slopes], *[arrays(n) for n in (6, 3, 8)], tolerance=1e-9)
    program = program_of([x, w], [cost, *slopes], arrays(6))
    assert "host" not in kinds(program)
    assert kinds(program).count("branch") >= 2


def test_indices_are_checked_in_the_branch_taken_alone() -> None:
    c, x, i = T.dscalar("c"), T.dvector("x"), T.lvector("i")
    w = sn.shared(np.zeros(3))
    y = ifelse(c > 0, T.exp(x[i]), T.sin(i * x[0]))
    agree([c, x, i], [y], (1.0, [1.0, 2.0], [0, 1]), (-1.0, [1.0, 2.0], [5, 1]))
    f = sn.function([c, x, i], y, updates=[(w, w + 1)])
    f(-1.0, [1.0, 2.0], [5, 1])
    with pytest.raises(IndexError, match="out of"):
        f(1.0, [1.0, 2.0], [5, 1])
    np.testing.assert_array_equal(w.get_value(), np.ones(3))


def test_python_in_a_branch() -> None:
    c, x = T.dscalar("c"), T.dmatrix("x")
    h = T.tanh(x)
    y = ifelse(c > 0, T.slinalg.expm(T.dot(h, h)), h * 2)
    outputs = [y, sn.grad(T.sqr(y).sum() + h.sum(), x)]
    calls = [(c, arrays(4, seed)[0]) for seed in (0, 1) for c in (1.0, -1.0)]
    agree([c, x], outputs, *calls, tolerance=1e-9)


def test_the_number_of_threads_changes_no_bit() -> None:
    c, x, w = T.fscalar("c"), T.fmatrix("x"), T.fmatrix("w")
    y = ifelse(c > 0, T.tanh(T.dot(T.exp(x), w)), T.nnet.softmax(T.dot(x, w)))
    outputs = [y, *sn.grad(T.sqr(y).sum(), [x, w])]
    rng = np.random.default_rng(0)
    values = [rng.standard_normal((300, 200)), rng.standard_normal((200, 200))]
    values = [a.astype("float32") for a in values]
    found = []
    for threads in (1, 2, 3):
        with config.change(num_threads=threads):
            f = sn.function([c, x, w], outputs)
            found.append([*f(1.0, *values), *f(-1.0, *values)])
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(a, b)
