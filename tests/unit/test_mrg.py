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
