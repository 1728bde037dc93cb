"""MRG31k3p: the recurrences number by number, substreams, and what Theano does with them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import stats

import symnet as sn
import symnet.tensor as T
from symnet.mrg import M1, M2, MRG_RandomStreams, guess_n_streams, substreams


def next_number(state: list[int]) -> float:
    """One number; `state` moves on."""
    x11, x12, x13, x21, x22, x23 = state
    u = (x12 * 4194304 + x13 * 129) % M1
    v = (x21 * 32768 + x23 * 32769) % M2
    state[:] = [u, x11, x12, v, x21, x22]
    return float(u - v + M1 if u <= v else u - v)


def expected(states: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    rows = [[int(n) for n in row] for row in states]
    numbers = [next_number(rows[i % len(rows)]) for i in range(count)]
    return np.array(numbers), np.array(rows, np.int32)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [(1,), (3,), (7, 5), (12, 25), (100, 64)])
@pytest.mark.parametrize("mode", ["default", "reference"])
def test_numbers_and_states(size: tuple[int, ...], dtype: str, mode: str) -> None:
    streams = MRG_RandomStreams(seed=234)
    states = substreams(np.full(6, 234, np.int32), guess_n_streams(size))
    f = sn.function([], streams.uniform(size, dtype=dtype), mode=mode)
    scale = np.float32(4.6566126e-10) if dtype == "float32" else 2.0**-31
    for _ in range(2):
        numbers, states = expected(states, int(np.prod(size)))
        np.testing.assert_array_equal(f().ravel(), numbers.astype(dtype) * scale)
        np.testing.assert_array_equal(streams.state_updates[0][0].get_value(), states)


def test_substreams_are_far_apart() -> None:
    found = substreams(np.array([1, 2, 3, 4, 5, 6], np.int32), 5)
    # The matrices that L'Ecuyer gives for jumps of 2**72 numbers.
    first = np.array(
        [
            [1516919229, 758510237, 499121365],
            [1884998244, 1516919229, 335398200],
            [601897748, 1884998244, 358115744],
        ],
        dtype=object,
    )
    second = np.array(
        [
            [1228857673, 1496414766, 954677935],
            [1133297478, 1407477216, 1496414766],
            [2002613992, 1639496704, 1407477216],
        ],
        dtype=object,
    )
    for a, b in itertools.pairwise(found):
        np.testing.assert_array_equal(first.dot(a[:3].astype(object)) % M1, b[:3])
        np.testing.assert_array_equal(second.dot(a[3:].astype(object)) % M2, b[3:])


def test_tensors_are_further_apart() -> None:
    streams = MRG_RandomStreams(seed=[1, 2, 3, 4, 5, 6])
    streams.inc_rstate()
    first = np.array(
        [
            [1702500920, 1849582496, 1656874625],
            [828554832, 1702500920, 1512419905],
            [1143731069, 828554832, 102237247],
        ],
        dtype=object,
    )
    np.testing.assert_array_equal(first.dot([1, 2, 3]) % M1, streams.rstate[:3])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distributions(dtype: str) -> None:
    with sn.config.change(floatX=dtype):
        streams = MRG_RandomStreams(seed=5)
        pvals = T.constant(np.tile([0.2, 0.5, 0.3], (20_000, 1)).astype(dtype))
        f = sn.function(
            [],
            [
                streams.uniform((20_000,), -1.0, 1.0),
                streams.normal((20_001,), 2.0, 3.0),
                streams.binomial((20_000,), p=0.3),
                streams.multinomial(pvals=pvals),
            ],
        )
    uniform, normal, tosses, counts = f()
    assert uniform.dtype == normal.dtype == dtype
    assert stats.kstest(uniform, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert stats.kstest(normal, stats.norm(2, 3).cdf).pvalue > 1e-3
    assert abs(tosses.mean() - 0.3) < 0.02
    assert (counts.sum(axis=1) == 1).all()
    assert stats.chisquare(counts.sum(axis=0), np.array([0.2, 0.5, 0.3]) * 20_000).pvalue > 1e-3


def uniforms(streams: MRG_RandomStreams, count: int, dtype: str) -> np.ndarray:
    """What the next tensor will be if Theano does not take its size for known."""
    states = substreams(streams.rstate, 60 * 256)
    scale = np.float32(4.6566126e-10) if dtype == "float32" else 2.0**-31
    numbers: np.ndarray = expected(states, count)[0].astype(dtype) * scale
    return numbers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outcomes_are_those_of_theano(dtype: str) -> None:
    draws, rows, outcomes = 4, 50, 7
    given = np.random.default_rng(0).dirichlet(np.ones(outcomes), rows).astype(dtype)
    with sn.config.change(floatX=dtype):
        streams, p = MRG_RandomStreams(seed=9), T.matrix("p")
        number = uniforms(streams, draws * rows, dtype).reshape(draws, rows)
        f = sn.function([p], streams.choice(draws, p=p, replace=False))
        counted = MRG_RandomStreams(seed=9).multinomial(n=draws, pvals=p)
    counts, left = np.zeros((rows, outcomes), int), given.copy()
    chosen = np.zeros((rows, draws), int)
    for draw, row in itertools.product(range(draws), range(rows)):
        counts[row, _first_above(given[row], number[draw, row])] += 1
        here = chosen[row, draw] = _first_above(left[row], number[draw, row])
        # The sum of the rest, in the precision of the probabilities, in their order.
        rest = given.dtype.type(sum(left[row, :here].tolist()))
        left[row, here] = 0
        for k in range(here, outcomes):
            rest += left[row, k]
        left[row] /= rest
    np.testing.assert_array_equal(f(given), chosen)
    np.testing.assert_array_equal(sn.function([p], counted)(given), counts)


def _first_above(p: np.ndarray, number: float) -> int:
    total = 0.0
    for outcome, probability in enumerate(p.tolist()):
        total += probability
        if total > number:
            return outcome
    raise AssertionError("the probabilities add up to 1")


def test_old_name_of_a_choice_without_replacement() -> None:
    p = np.full((30, 5), 0.2, "float32")
    streams, others = MRG_RandomStreams(seed=9), MRG_RandomStreams(seed=9)
    one = sn.function([], streams.multinomial_wo_replacement(n=3, pvals=p))()
    np.testing.assert_array_equal(one, sn.function([], others.choice(3, p=p, replace=False))())
    assert all(len(set(row)) == 3 for row in one.tolist())


def test_choice_with_replacement() -> None:
    p = np.tile(np.array([0.2, 0.5, 0.0, 0.3], "float32"), (5000, 1))
    found = sn.function([], MRG_RandomStreams(seed=9).choice(4, p=p))()
    assert found.shape == (5000, 4)
    counts = np.bincount(found.ravel(), minlength=4)
    assert counts[2] == 0
    assert stats.chisquare(counts[[0, 1, 3]], np.array([0.2, 0.5, 0.3]) * 20_000).pvalue > 1e-3


@pytest.mark.parametrize("size", [(40,), (7, 3)])
def test_truncated_normal_is_that_of_theano(size: tuple[int, ...]) -> None:
    count = int(np.prod(size))
    even = count + count % 2
    streams = MRG_RandomStreams(seed=9)
    u = uniforms(streams, even, "float64")
    f = sn.function([], streams.truncated_normal(size, 1.0, 0.5, dtype="float64"))
    streams.set_rstate(9)
    streams.inc_rstate()
    again = np.exp(-2) + (1 - np.exp(-2)) * uniforms(streams, even, "float64")
    radius, angle = np.sqrt(-2 * np.log(u[: even // 2])), 2 * np.pi * u[even // 2 :]
    parts = []
    for side in (np.cos(angle), np.sin(angle)):
        whole = radius * side
        far = abs(whole) > 2
        radii, again = np.sqrt(-2 * np.log(again[: far.sum()])), again[far.sum() :]
        parts += [whole[~far], radii * side[far]]
    spread = 0.5 / stats.truncnorm(-2, 2).std()
    wanted = np.concatenate(parts)[:count].reshape(size) * spread + 1.0
    assert len(parts[1]) + len(parts[3]) > 0
    np.testing.assert_allclose(f(), wanted, rtol=1e-12)


def test_truncated_normal_is_cut_off() -> None:
    found = sn.function([], MRG_RandomStreams(seed=5).truncated_normal((20_001,), 1.0, 0.5))()
    scale = 0.5 / stats.truncnorm(-2, 2).std()
    assert stats.kstest(found, stats.truncnorm(-2, 2, 1, scale).cdf).pvalue > 1e-3
    assert abs(found.std() - 0.5) < 0.01


def test_what_cannot_be_chosen() -> None:
    streams = MRG_RandomStreams(seed=5)
    with pytest.raises(TypeError, match="choice takes a matrix p, and no a or ndim"):
        streams.choice(2, a=3)
    with pytest.raises(ValueError, match="choice: 4 different ones of 3 outcomes cannot be drawn"):
        streams.choice(4, p=np.full((2, 3), 1 / 3), replace=False)
    with pytest.raises(TypeError, match="multinomial_wo_replacement takes no size but n"):
        streams.multinomial_wo_replacement(size=(2,), pvals=np.full((2, 3), 1 / 3))


def test_a_size_that_is_not_known() -> None:
    x = T.matrix("x")
    streams = MRG_RandomStreams(seed=5)
    f = sn.function([x], streams.uniform(x.shape, dtype="float64"))
    states = substreams(np.full(6, 5, np.int32), 60 * 256)
    for shape in ((3, 4), (200, 100)):
        numbers, states = expected(states, int(np.prod(shape)))
        np.testing.assert_array_equal(f(np.zeros(shape, "float32")).ravel(), numbers * 2.0**-31)


def test_seeding_anew() -> None:
    streams = MRG_RandomStreams(seed=5)
    f = sn.function([], [streams.uniform((3,)), streams.uniform((3,))])
    first = f()
    assert (first[0] != first[1]).all()
    f()
    streams.seed()
    np.testing.assert_array_equal(f(), first)


@pytest.mark.parametrize(
    ("seed", "error"),
    [(0, ValueError), (M2, ValueError), ([1, 2, 3], TypeError), ([0, 0, 0, 1, 1, 1], ValueError)],
)
def test_seeds_out_of_range(seed: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="MRG_RandomStreams"):
        MRG_RandomStreams(seed)
