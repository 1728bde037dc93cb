"""Streams of random tensors: distributions, shapes, states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

import symnet as sn
import symnet.tensor as T
from symnet.config import config
from symnet.random import RandomStreams

N = 20_000
Draw = Callable[[RandomStreams], Any]

CONTINUOUS: dict[str, tuple[Draw, Any]] = {
    "uniform": (lambda r: r.uniform((N,), -2.0, 3.0), stats.uniform(-2, 5)),
    "normal": (lambda r: r.normal((N,), 1.0, 2.0), stats.norm(1, 2)),
    "exponential": (lambda r: r.exponential((N,), 3.0), stats.expon(scale=3)),
    "truncated normal": (
        lambda r: r.truncated_normal((N,), 1.0, 0.5),
        stats.truncnorm(-2, 2, 1, 0.5 / stats.truncnorm(-2, 2).std()),
    ),
    "gamma": (lambda r: r.gamma((N,), 2.0, 3.0), stats.gamma(2, scale=3)),
    "beta": (lambda r: r.beta((N,), 2.0, 5.0), stats.beta(2, 5)),
    "dirichlet": (lambda r: r.dirichlet((N,), [2.0, 5.0])[:, 0], stats.beta(2, 5)),
}
DISCRETE: dict[str, tuple[Draw, Any]] = {
    "toss": (lambda r: r.binomial((N,), p=0.3), stats.binom(1, 0.3)),
    "few tosses": (lambda r: r.binomial((N,), 9, 0.4), stats.binom(9, 0.4)),
    "many tosses": (lambda r: r.binomial((N,), 80, 0.1), stats.binom(80, 0.1)),
    "poisson": (lambda r: r.poisson((N,), 4.0), stats.poisson(4)),
    "integers": (lambda r: r.random_integers((N,), -2, 4), stats.randint(-2, 5)),
    "choice": (lambda r: r.choice((N,), a=6), stats.randint(0, 6)),
    "first of a permutation": (lambda r: r.permutation((N,), n=5)[:, 0], stats.randint(0, 5)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous(name: str, dtype: str) -> None:
    draw, distribution = CONTINUOUS[name]
    with config.change(floatX=dtype):
        f = sn.function([], draw(RandomStreams(1234)))
    first, second = f(), f()
    assert first.dtype == dtype
    assert stats.kstest(first, distribution.cdf).pvalue > 1e-3
    assert stats.kstest(second, distribution.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.03


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete(name: str) -> None:
    draw, distribution = DISCRETE[name]
    found = sn.function([], draw(RandomStreams(99)))()
    assert found.dtype == "int64"
    low, high = int(distribution.ppf(1e-3)), int(distribution.ppf(1 - 1e-3))
    values = np.arange(low, high + 1)
    expected = distribution.pmf(values)
    expected[0] = distribution.cdf(low)
    expected[-1] = distribution.sf(high - 1)
    counts = np.bincount(np.clip(found, low, high) - low, minlength=len(values))
    assert stats.chisquare(counts, expected / expected.sum() * N).pvalue > 1e-3


def test_weighted_choice() -> None:
    streams = RandomStreams(3)
    p = T.vector("p", dtype="float64")
    f = sn.function([p], streams.choice((N,), a=np.array([10, 20, 30]), p=p))
    found = f([0.2, 0.5, 0.3])
    counts = [(found == v).sum() for v in (10, 20, 30)]
    assert stats.chisquare(counts, np.array([0.2, 0.5, 0.3]) * N).pvalue > 1e-3


@pytest.mark.parametrize("n", [1, 20, 100])
def test_multinomial(n: int) -> None:
    p = np.array([0.2, 0.5, 0.0, 0.3])
    found = sn.function([], RandomStreams(8).multinomial((N,), n, p))()
    assert (found.sum(axis=1) == n).all()
    for outcome in (0, 1, 3):
        values = np.arange(n + 1)
        expected = N * stats.binom(n, p[outcome]).pmf(values)
        usual = expected > 5
        counts = np.bincount(found[:, outcome], minlength=n + 1)
        seen, due = (np.append(v[usual], v[~usual].sum()) for v in (counts, expected))
        seen, due = (v[:-1] if due[-1] < 1e-6 else v for v in (seen, due))
        assert stats.chisquare(seen, due).pvalue > 1e-3
    assert not found[:, 2].any()


def test_shapes_of_multinomial() -> None:
    streams, p = RandomStreams(8), T.ftensor3("p")
    n = T.lvector("n")
    f = sn.function(
        [p, n],
        [
            streams.multinomial(pvals=p),
            streams.multinomial((7, -1, -1), pvals=p),
            streams.multinomial(n=n, pvals=p),
            streams.multinomial(pvals=p[0, 0]),
        ],
    )
    given = np.full((2, 3, 4), 0.25, "float32")
    found = f(given, [3, 50, 1000])
    assert [v.shape for v in found] == [(2, 3, 4), (7, 2, 3, 4), (2, 3, 4), (4,)]
    np.testing.assert_array_equal(found[2].sum(axis=2), [[3, 50, 1000]] * 2)


def test_probabilities_that_do_not_quite_add_up() -> None:
    # In float32 the sum is below 1 - 2**-20; the last outcome that can come has the rest.
    p = np.append(np.full(10, 0.1 - 2e-6), 0.0).astype("float32")
    found = sn.function([], RandomStreams(8).multinomial((10**6,), pvals=p))()
    assert (found.sum(axis=1) == 1).all()
    assert not found[:, -1].any()


@pytest.mark.parametrize("p", [None, [0.6, 0.1, 0.3]])
def test_pairs_without_replacement(p: list[float] | None) -> None:
    streams, draws = RandomStreams(3), 2000
    f = sn.function([], streams.choice((2,), a=3, replace=False, p=p))
    found = np.array([f() for _ in range(draws)])
    weights = np.full(3, 1 / 3) if p is None else np.array(p)
    due = {
        (a, b): weights[a] * weights[b] / (1 - weights[a])
        for a in range(3)
        for b in range(3)
        if a != b
    }
    seen = [(found == pair).all(axis=1).sum() for pair in due]
    assert stats.chisquare(seen, np.array(list(due.values())) * draws).pvalue > 1e-3


def test_all_permutations_are_as_likely() -> None:
    found = sn.function([], RandomStreams(3).permutation((N,), 4))()
    _, counts = np.unique(found, axis=0, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-3


def test_choice_without_replacement() -> None:
    found = sn.function([], RandomStreams(3).choice((7,), a=7, replace=False))()
    assert sorted(found) == list(range(7))


def test_rows_are_shuffled_one_by_one() -> None:
    x = T.lmatrix("x")
    given = np.arange(40).reshape(4, 10)
    found = sn.function([x], RandomStreams(3).shuffle_row_elements(x))(given)
    np.testing.assert_array_equal(np.sort(found, axis=1), given)
    order = found - given[:, :1]
    assert not (order == order[0]).all()


@pytest.mark.parametrize("mode", ["default", "reference"])
def test_the_seed_decides(mode: str) -> None:
    def numbers(seed: int) -> list[np.ndarray]:
        streams = RandomStreams(seed)
        f = sn.function([], [streams.uniform((3,)), streams.permutation(n=20)], mode=mode)
        return [*f(), *f()]

    first, again, other = numbers(5), numbers(5), numbers(6)
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()
    assert (first[0] != first[2]).all()


def test_seeding_anew() -> None:
    streams = RandomStreams(5)
    f = sn.function([], [streams.uniform((3,)), streams.uniform((3,))])
    first, other = f()
    assert (first != other).all()
    streams.seed(5)
    np.testing.assert_array_equal(f(), [first, other])
    streams.seed(6)
    assert (f()[0] != first).all()


def test_states() -> None:
    streams = RandomStreams(5)
    x = streams.uniform((2,))
    (state, _), *others = streams.updates()
    assert not others
    before = state.get_value()
    stays = sn.function([], x, no_default_updates=True)
    np.testing.assert_array_equal(stays(), stays())
    np.testing.assert_array_equal(state.get_value(), before)
    moves = sn.function([], x, updates=streams.updates())
    np.testing.assert_array_equal(moves(), _replayed(before))


def _replayed(state: np.ndarray) -> np.ndarray:
    streams = RandomStreams(0)
    x = streams.uniform((2,))
    streams[streams.updates()[0][0]] = state
    found: np.ndarray = sn.function([], x)()
    return found


def test_shapes() -> None:
    streams = RandomStreams(5)
    x = T.fmatrix("x")
    given = np.zeros((3, 4), "float32")
    low = T.fcol("low")
    f = sn.function(
        [x, low],
        [
            streams.uniform(x.shape),
            streams.uniform(size=x.shape[0]),
            streams.normal(avg=x),
            streams.uniform(low=low, high=x),
            streams.binomial(p=x),
            streams.uniform(()),
        ],
    )
    found = f(given, np.zeros((3, 1), "float32") - 1)
    assert [v.shape for v in found] == [(3, 4), (3,), (3, 4), (3, 4), (3, 4), ()]


def test_lengths_are_borrowed_from_parameters() -> None:
    streams, x = RandomStreams(5), T.fmatrix("x")
    f = sn.function([x], [streams.normal((2, -1, -1), avg=x), streams.poisson((-1, 4), lam=x)])
    assert [v.shape for v in f(np.ones((3, 4), "float32"))] == [(2, 3, 4), (3, 4)]


def test_rows_of_any_tensor_are_shuffled() -> None:
    given = np.arange(60).reshape(3, 4, 5)
    found = sn.function([], RandomStreams(3).shuffle_row_elements(given))()
    np.testing.assert_array_equal(np.sort(found, axis=-1), given)
    assert len(np.unique(found % 5, axis=1)) > 1


def test_gradient_by_parameters() -> None:
    streams = RandomStreams(5)
    mean, width = T.dscalars("mean", "width")
    x = streams.normal((50,), mean, width)
    f = sn.function([mean, width], [x, *sn.grad((x**2).sum(), [mean, width])])
    values, by_mean, by_width = f(1.0, 2.0)
    np.testing.assert_allclose(by_mean, 2 * values.sum())
    np.testing.assert_allclose(by_width, (2 * values * (values - 1.0) / 2.0).sum())


def test_no_gradient_of_what_is_drawn_by_rejection() -> None:
    shape = T.dscalar("shape")
    x = RandomStreams(5).gamma((3,), shape)
    with pytest.raises(sn.gradient.NullTypeGradError, match=r"gamma has no derivative \(of a"):
        sn.grad(x.sum(), shape)


def test_mistakes() -> None:
    streams = RandomStreams(5)
    with pytest.raises(ValueError, match=r"uniform: a length cannot be negative, got size \(-1,\)"):
        streams.uniform((-1,))
    with pytest.raises(ValueError, match="a length cannot be negative, got size \\(-2, 3\\)"):
        streams.normal((-2, 3), avg=np.zeros((2, 3)))
    with pytest.raises(TypeError, match="multinomial: pvals are probabilities along a last"):
        streams.multinomial(pvals=0.5)
    with pytest.raises(TypeError, match="normal: numbers are drawn as floating point"):
        streams.normal((2,), dtype="int32")


def test_where_streams_are_found() -> None:
    assert T.random.RandomStreams is T.shared_randomstreams.RandomStreams is RandomStreams
