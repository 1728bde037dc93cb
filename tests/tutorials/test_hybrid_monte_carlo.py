"""Hybrid Monte Carlo: its laws of motion, and distributions that are known."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import symnet as sn
import symnet.tensor as T

SMALL = ["--dimensions", "5", "--chains", "10", "--steps", "10"]


@pytest.fixture
def tutorial():
    return importlib.import_module("hybrid_monte_carlo")


def test_mean_and_covariance_are_recovered(
    tutorial, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "points.png"
    arguments = [*SMALL, "--burn-in", "500", "--samples", "2000", "--picture", str(picture)]
    outcome = tutorial.main(arguments)
    mean, covariance = tutorial.random_gaussian(np.random.default_rng(123), 5)
    assert outcome.samples.shape == (20_000, 5)
    # The widest direction has a standard deviation of 2 and a variance of 4.
    np.testing.assert_allclose(outcome.samples.mean(axis=0), mean, atol=0.06)
    np.testing.assert_allclose(np.cov(outcome.samples.T), covariance, atol=0.15)
    assert outcome.mean_error < 0.06
    assert outcome.covariance_error < 0.15
    assert abs(outcome.acceptance - 0.9) < 0.1
    assert 1e-3 < outcome.size < 0.5
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "leapfrog steps/s" in capsys.readouterr().out


def test_compiled_and_interpreted_runs_agree(tutorial) -> None:
    rng = np.random.default_rng(0)
    energy = tutorial.gaussian_energy(*tutorial.random_gaussian(rng, 3))
    start = rng.normal(size=(4, 3))
    found = []
    for mode in (None, "reference"):
        with sn.config.change(floatX="float64"):
            sampler = tutorial.Sampler(energy, start, seed=1, steps=3, size=0.1, mode=mode)
            sampler.adapt(3)
            found.append([sampler.draw(4), sampler.size.get_value(), sampler.rate.get_value()])
    for value, wanted in zip(*found, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-9)


def test_paths_lead_back_and_keep_energy(tutorial) -> None:
    def energy(x):
        return (x**4 / 4 + T.cos(x)).sum(axis=1)

    with sn.config.change(floatX="float64"):
        x, v = T.dmatrices("x", "v")
        positions, late = tutorial.roll(energy, x, v, T.constant(0.01), 100)
        total = energy(x) + (v**2).sum(axis=1) / 2
        f = sn.function([x, v], [positions[-1], late, total])
    rng = np.random.default_rng(0)
    start, push = rng.normal(size=(2, 6, 3))
    there, pushed, before = f(start, push)
    back, _, after = f(there, -pushed)
    assert abs(there - start).max() > 0.3
    np.testing.assert_allclose(back, start, atol=1e-12)
    np.testing.assert_allclose(after, before, atol=1e-3)


def test_any_energy_with_a_slope(tutorial) -> None:
    # The logistic distribution, by many chains that hardly know of each other.
    def energy(x):
        return (x + 2 * T.nnet.softplus(-x)).sum(axis=1)

    sampler = tutorial.Sampler(energy, np.zeros((2000, 1)), seed=5, steps=10, size=0.3)
    sampler.adapt(20)
    found = sampler.draw(20)[-1, :, 0]
    assert stats.kstest(found, stats.logistic.cdf).pvalue > 1e-3


def test_the_step_size_stays_while_drawing(tutorial) -> None:
    rng = np.random.default_rng(0)
    energy = tutorial.gaussian_energy(np.zeros(2), np.eye(2))
    sampler = tutorial.Sampler(energy, rng.normal(size=(8, 2)), seed=1, steps=5)
    small = float(sampler.size.get_value())
    sampler.adapt(50)
    adapted = float(sampler.size.get_value())
    assert adapted > 2 * small
    first, second = sampler.draw(10), sampler.draw(10)
    assert float(sampler.size.get_value()) == adapted
    assert (first[-1] != second[-1]).any()
    np.testing.assert_array_equal(sampler.positions.get_value(), second[-1])
