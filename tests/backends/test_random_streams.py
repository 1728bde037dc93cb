"""Random tensors: the same numbers from every backend, for any number of threads."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symnet as sn
from symnet.config import config
from symnet.mrg import MRG_RandomStreams
from symnet.random import RandomStreams
from tests.backends.agreement import emulation

ROWS = np.array([[0.2, 0.5, 0.3], [0.1, 0.0, 0.9]], "float32")
Draws = Callable[[Any], list[Any]]


def _counts(streams: RandomStreams) -> list[Any]:
    return [
        streams.binomial((3, 5), p=0.3),
        streams.binomial((30,), 9, 0.4),
        streams.binomial((30,), 100, 0.4),
        streams.random_integers((40,), -3, 9),
        streams.choice((4, 5), a=7),
        streams.choice((40,), a=3, p=[0.5, 0.2, 0.3]),
        streams.choice((4,), a=6, replace=False),
        streams.multinomial(pvals=ROWS),
        streams.multinomial((7, -1), 5, ROWS),
        streams.multinomial((3,), 1000, ROWS[0]),
        streams.permutation((3,), 8),
        streams.shuffle_row_elements(np.arange(12).reshape(3, 4)),
        streams.poisson((20,), 4.0),
    ]


def _continuous(streams: RandomStreams) -> list[Any]:
    return [
        streams.uniform((3, 5), -1.0, 2.0),
        streams.uniform((7,), dtype="float64"),
        streams.normal((50,)),
        streams.normal((50,), dtype="float64"),
        streams.exponential((50,)),
        streams.truncated_normal((50,)),
        streams.gamma((20,), 2.0),
        streams.beta((20,), 2.0, 3.0),
        streams.dirichlet((5,), [1.0, 2.0, 3.0]),
    ]


def _old(streams: MRG_RandomStreams) -> list[Any]:
    return [
        streams.uniform((3, 5)),
        streams.uniform((7,), dtype="float64"),
        streams.binomial((3, 5), p=0.3),
        streams.multinomial(n=9, pvals=ROWS),
        streams.choice(6, p=ROWS),
        streams.choice(2, p=ROWS, replace=False),
    ]


def _called_twice(kind: Any, draws: Draws, mode: str = "default") -> list[Any]:
    f = sn.function([], draws(kind(7)), mode=mode)
    return [*f(), *f()]


@pytest.mark.parametrize(
    ("kind", "draws", "tolerance"),
    [
        (RandomStreams, _counts, 0.0),
        (MRG_RandomStreams, _old, 0.0),
        # Logarithms and cosines differ in the last digits; what they are taken of does not.
        (RandomStreams, _continuous, 2e-6),
    ],
)
def test_every_backend_gives_the_same_numbers(
    kind: Any, draws: Draws, tolerance: float, device: str
) -> None:
    expected = _called_twice(kind, draws, "reference")
    found = [_called_twice(kind, draws)]
    if shutil.which("g++") is not None:
        with emulation():
            found.append(_called_twice(kind, draws))
    for values in found:
        for value, wanted in zip(values, expected, strict=True):
            assert value.dtype == wanted.dtype
            np.testing.assert_allclose(value, wanted, rtol=tolerance, atol=tolerance)


def _many(streams: RandomStreams) -> list[Any]:
    return [
        streams.uniform((300, 1000)),
        streams.normal((300, 1000)),
        streams.multinomial((3000,), 20, [0.2, 0.1, 0.7]),
    ]


def test_the_number_of_threads_changes_no_bit() -> None:
    found = []
    for threads in (1, 2, 3):
        with config.change(num_threads=threads):
            found.append(_called_twice(RandomStreams, _many))
    for values in found[1:]:
        for value, wanted in zip(values, found[0], strict=True):
            np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize("kind", [RandomStreams, MRG_RandomStreams])
def test_a_loop_draws_anew_in_every_step(kind: Any, device: str) -> None:
    streams = kind(3)

    def step(total: Any) -> list[Any]:
        drawn = streams.multinomial(pvals=ROWS)
        return [total + drawn, drawn]

    start = np.zeros((2, 3), "int64")
    (totals, steps), updates = sn.scan(step, outputs_info=[start, None], n_steps=40)
    f = sn.function([], [totals[-1], steps], updates=updates)
    (found, each), (later, others) = f(), f()
    assert (each.sum(axis=2) == 1).all()
    np.testing.assert_array_equal(each.sum(axis=0), found)
    assert (each != others).any()
    assert len(np.unique(each, axis=0)) > 1
    assert (found != later).any()
