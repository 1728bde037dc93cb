"""Ranges cut where a choice depends on the index: each piece holds what the whole did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.nest import axes
from symnet.pieces import MOST, pieces
from symnet.program import Launch
from symnet.scalar import Load, const, evaluate, walk
from symnet.scalar.primitives import eq, ge, le, lt, maximum, minimum, neq, switch
from tests.lowered import program_of

i, j = axes(2)
A = Load("a", minimum(i, 5), "float64")
B = Load("b", maximum(i - 3, 0), "float64")
CONDITIONS = {
    "less": lt(i, 3),
    "not more": le(i, 3),
    "more": lt(const(3), i),
    "equal": eq(i, 4),
    "not equal": neq(i - 2, 1),
    "slice": ge(i - 2, 0) & lt(i - 2, 3),
    "outside": lt(i, 2) | ge(i, 6),
    "always": lt(i, 100),
    "never": lt(i, 0),
    "of two": lt(i + j, 4),
    "of both": lt(i, 2) & lt(j, 1),
    "negative": lt(5 - i, 3),
}


def values(expr: Any, shape: tuple[int, ...]) -> np.ndarray:
    grid = np.indices(shape).reshape(len(shape), -1)
    memory = {"a": np.arange(10.0), "b": -np.arange(10.0)}
    found = evaluate(expr, dict(zip(axes(len(shape)), grid, strict=True)), memory)
    return np.broadcast_to(found, grid.shape[1:]).reshape(shape)


@pytest.mark.parametrize("name", CONDITIONS)
def test_pieces_make_up_the_whole(name: str) -> None:
    expr = switch(CONDITIONS[name], A, B * 2)
    found = pieces([const(8), const(2)], expr, (i, j))
    whole = np.full((8, 2), np.nan)
    for p in found:
        lengths = tuple(int(n.value) for n in p.shape)
        place = tuple(slice(s, s + n) for s, n in zip(p.start, lengths, strict=True))
        assert np.isnan(whole[place]).all(), "pieces overlap"
        whole[place] = values(p.expr, lengths)
    np.testing.assert_array_equal(whole, values(expr, (8, 2)))
    if name not in ("of two", "always", "never"):
        assert len(found) > 1
        assert not any("switch" in str(x) for p in found for x in walk(p.expr))


def test_too_many_pieces_stay_whole() -> None:
    expr = A
    for k in range(MOST + 1):
        expr = switch(eq(i, 2 * k), B, expr)
    (whole,) = pieces([const(200)], expr, (i,))
    assert whole.expr == expr


def test_a_join_is_computed_once_and_without_choices() -> None:
    x, y = T.dmatrices("x", "y")
    joined = T.concatenate([T.tanh(x), T.exp(y)], 1) * 2
    program = program_of([x, y], joined, [np.zeros((3, 4)), np.zeros((3, 5))])
    assert len([s for s in program.steps if isinstance(s, Launch)]) == 1
    assert "switch" not in str(program)
    assert "minimum" not in str(program)


def test_an_update_in_place_stays_in_one_loop() -> None:
    a = sn.shared(np.arange(6.0))
    step = sn.function([], a * 2, updates=[(a, T.set_subtensor(a[:3], a[:3] + 1))])
    np.testing.assert_array_equal(step(), np.arange(6.0) * 2)
    np.testing.assert_array_equal(a.get_value(), [1, 2, 3, 3, 4, 5])
