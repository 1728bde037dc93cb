r"""
Hybrid Monte Carlo
==================

The restricted Boltzmann machine could be asked for pictures because its pixels, given its units,
can be drawn all at once. Most energies are not so kind. A random walk gets around with any energy,
but slowly: it goes back as often as on. Hybrid Monte Carlo gives each point a push and lets it
roll: it moves as a ball does on the surface of the energy, far off in one go, and ends where it may
stay. All it needs to know is the slope, and that is what a symbolic compiler is for.

Run it with ``make train TUTORIAL=hybrid_monte_carlo``, or ``python tutorials/hybrid_monte_carlo.py
--help`` for the options. It needs no data.

The method is that of Duane, Kennedy, Pendleton and Roweth, *Hybrid Monte Carlo*, Physics Letters B
195, 1987; Neal, *MCMC using Hamiltonian dynamics*, Handbook of Markov chain Monte Carlo, 2011, says
all there is to know about it. The way the step size is found is that of the chapter of the same
name at deeplearning.net.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import symnet as sn
import symnet.tensor as T
from symnet.random import RandomStreams

#: The energy of each row of a matrix of positions.
Energy = Callable[[Any], Any]
Array = npt.NDArray[np.floating]

# %%
# Rolling
# -------
#
# What is wanted are points :math:`x` with probability :math:`P(x) \propto e^{-E(x)}`. Give each a
# velocity :math:`v` from the standard normal distribution, and call :math:`\frac12 v \cdot v` the
# energy of motion. Left to the laws of mechanics the point speeds up downhill and slows down uphill
#
# .. math:: \dot x = v, \qquad \dot v = -\nabla E(x)
#
# so that :math:`H(x, v) = E(x) + \frac12 v \cdot v` stays what it is. A computer has to go in
# steps. *Leapfrog* steps have positions and velocities take turns, half a step apart. They do not
# keep :math:`H` exactly, but they have two other virtues: run backwards they lead to where they
# came from, and they neither stretch nor squeeze space.
#
# Each row of ``x`` is a point of its own. The slope is asked for inside of the loop: ``T.grad`` of
# a sum over the rows is the slope of every row.


def force(energy: Energy, x: Any) -> Any:
    """Return how strongly the energy pulls at each point."""
    return -T.grad(energy(x).sum(), x)


def roll(energy: Energy, x: Any, v: Any, size: Any, steps: int) -> tuple[Any, Any]:
    """Return positions after each of so many leapfrog steps, and the velocities after the last."""

    def step(x: Any, v: Any, size: Any) -> list[Any]:
        x = x + size * v
        return [x, v + size * force(energy, x)]

    early = v + size / 2 * force(energy, x)
    (positions, late), _ = sn.scan(
        step, outputs_info=[x, early], non_sequences=[size], n_steps=steps
    )
    # Velocities are half a step late: back to the time of the positions.
    return positions, late[-1] - size / 2 * force(energy, positions[-1])


# %%
# Staying or going back
# ---------------------
#
# Where :math:`H` was kept, the end of the path is as good a point as its beginning. Where it rose
# by :math:`\Delta`, the point goes on with probability :math:`e^{-\Delta}` only, and else stays
# where it was. That is the rule of Metropolis and others, and it makes up for what leapfrog steps
# do wrong, whatever their size.


def move(energy: Energy, stream: RandomStreams, x: Any, size: Any, steps: int) -> tuple[Any, Any]:
    """Return where points are after a push, and which of them have moved."""
    v = stream.normal(x.shape)
    positions, late = roll(energy, x, v, size, steps)
    there = positions[-1]
    rise = energy(there) - energy(x) + (late**2 - v**2).sum(axis=1) / 2
    moved = T.lt(stream.uniform(rise.shape), T.exp(-rise))
    return T.switch(moved.dimshuffle(0, "x"), there, x), moved


# %%
# How large a step
# ----------------
#
# Small steps waste time; large ones lose so much energy, or win so much, that no point moves. Which
# is which depends on the energy, so it is found out on the way: as long as more than nine of ten
# points have moved of late, steps become larger, else smaller. *Of late* is a running mean.
#
# A sampler keeps points, step size and mean in shared variables. One call makes a whole chain of
# moves: a loop of moves with a loop of steps inside, random numbers and slopes included, in one
# native function. While it adapts, it learns from where it is, and what it gives is only about
# right. So chains are first let go to find the step size and to forget where they began, and then
# the step size stays.


@dataclass(frozen=True)
class Adaptation:
    """How the step size is found."""

    target: float = 0.9
    memory: float = 0.9
    smallest: float = 1e-3
    largest: float = 0.5


class Sampler:
    """Chains of points that are drawn by rolling."""

    def __init__(
        self,
        energy: Energy,
        start: Array,
        seed: int,
        steps: int = 20,
        size: float = 0.01,
        rule: Adaptation = Adaptation(),
        mode: Any = None,
    ) -> None:
        dtype = sn.config.floatX
        self.rule = rule
        self.positions = sn.shared(start.astype(dtype), name="positions")
        self.size = sn.shared(np.asarray(size, dtype), name="size")
        self.rate = sn.shared(np.asarray(rule.target, dtype), name="rate")
        stream = RandomStreams(seed)
        moves, gain = T.lscalar("moves"), T.scalar("gain")

        def step(x: Any, size: Any, rate: Any, gain: Any) -> list[Any]:
            x, moved = move(energy, stream, x, size, steps)
            rate = rule.memory * rate + (1 - rule.memory) * moved.mean(dtype=dtype)
            better = T.switch(rate > rule.target, size * (1 + gain), size / (1 + gain))
            return [x, T.clip(better, rule.smallest, rule.largest), rate]

        states = [self.positions, self.size, self.rate]
        histories, updates = sn.scan(step, outputs_info=states, non_sequences=[gain], n_steps=moves)
        for state, history in zip(states, histories, strict=True):
            updates[state] = history[-1]
        self._chain = sn.function([moves, gain], histories[0], updates=updates, mode=mode)

    def adapt(self, moves: int) -> None:
        """Make moves that find the step size; where they lead is not kept."""
        self._chain(moves, 0.02)

    def draw(self, moves: int) -> Array:
        """Return an array (moves, chains, dimensions) of points."""
        drawn: Array = self._chain(moves, 0.0)
        return drawn


# %%
# A distribution that is known
# ----------------------------
#
# Whether a sampler does what it should is best seen where the answer is known. A Gaussian with mean
# :math:`\mu` and covariance :math:`\Sigma` has the energy
#
# .. math:: E(x) = \tfrac12 (x - \mu) \Sigma^{-1} (x - \mu)
#
# and here :math:`\Sigma` is a random one whose widest direction is ten times as wide as its
# narrowest. The step size has to suit the narrow one, and a walk at random would then need a
# hundred steps to cross the wide one.


def random_gaussian(rng: np.random.Generator, dimensions: int) -> tuple[Array, Array]:
    """Return a mean and a covariance."""
    directions, _ = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))
    widths = np.geomspace(0.2, 2.0, dimensions)
    return rng.uniform(0, 10, dimensions), (directions * widths**2) @ directions.T


def gaussian_energy(mean: Array, covariance: Array) -> Energy:
    """Return the energy of a Gaussian."""
    dtype = sn.config.floatX
    centre = mean.astype(dtype)
    precision = np.linalg.inv(covariance).astype(dtype)

    def energy(x: Any) -> Any:
        away = x - centre
        return (T.dot(away, precision) * away).sum(axis=1) / 2

    return energy


# %%
# The proof
# ---------
#
# The program compares mean and covariance of what was drawn with what they should be, and draws a
# picture in the two directions in which the Gaussian is widest and narrowest: on the left a few
# points and the paths they roll along, on the right what was drawn. The ellipse is that of two
# standard deviations.


@dataclass(frozen=True)
class Outcome:
    """What was drawn, how far its moments are from what they should be, and how it went."""

    samples: Array
    mean_error: float
    covariance_error: float
    acceptance: float
    size: float
    seconds: float


def main(argv: Sequence[str] | None = None) -> Outcome:
    """Draw, report, make the picture; return what was reached."""
    parser = argparse.ArgumentParser(
        description="Hybrid Monte Carlo from a Gaussian.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--dimensions", type=int, default=10)
    parser.add_argument("--chains", type=int, default=20, help="points that roll side by side")
    parser.add_argument("--burn-in", type=int, default=1000, help="moves before the first is kept")
    parser.add_argument("--samples", type=int, default=5000, help="moves that are kept")
    parser.add_argument("--steps", type=int, default=20, help="leapfrog steps of a move")
    parser.add_argument("--seed", type=int, default=123, help="of the Gaussian and of the moves")
    parser.add_argument("--mode", help="symnet's compilation mode, e.g. reference")
    parser.add_argument("--picture", type=Path, default=Path("hybrid_monte_carlo.png"))
    args = parser.parse_args(argv)

    rng = np.random.default_rng(args.seed)
    mean, covariance = random_gaussian(rng, args.dimensions)
    energy = gaussian_energy(mean, covariance)
    start = rng.normal(size=(args.chains, args.dimensions))
    sampler = Sampler(energy, start, args.seed, args.steps, mode=args.mode)
    sampler.adapt(args.burn_in)
    started = time.perf_counter()
    drawn = sampler.draw(args.samples)
    seconds = time.perf_counter() - started
    samples = drawn.reshape(-1, args.dimensions)
    outcome = Outcome(
        samples,
        float(abs(samples.mean(axis=0) - mean).max()),
        float(abs(np.cov(samples.T) - covariance).max()),
        float((drawn[1:] != drawn[:-1]).any(axis=2).mean()),
        float(sampler.size.get_value()),
        seconds,
    )
    print(
        f"Steps of {outcome.size:.3f}, {outcome.acceptance:.1%} of the moves accepted\n"
        f"Mean off by {outcome.mean_error:.3f} at most, "
        f"covariance by {outcome.covariance_error:.3f} (of {abs(covariance).max():.2f})\n"
        f"{len(samples):,} points in {seconds:.2f} s: "
        f"{len(samples) * args.steps / seconds:,.0f} leapfrog steps/s"
    )
    paths = rolled(energy, samples[:: len(samples) // 5][:5], outcome.size, args.steps, rng)
    draw_points(mean, covariance, samples, paths, args.picture)
    print(f"Paths and points drawn in {args.picture}")
    return outcome


def rolled(energy: Energy, x: Array, size: float, steps: int, rng: np.random.Generator) -> Array:
    """Return an array (steps + 1, points, dimensions): the paths of points after a push."""
    start = T.matrix("start")
    push = rng.normal(size=x.shape).astype(x.dtype)
    positions, _ = roll(
        energy, start, T.constant(push), T.constant(np.asarray(size, x.dtype)), steps
    )
    return np.concatenate([x[None], sn.function([start], positions)(x)])


def draw_points(
    mean: Array, covariance: Array, samples: Array, paths: Array, picture: Path
) -> None:
    """Save a picture of paths and points in the narrowest and the widest direction."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    FigureCanvasAgg(figure)
    spread, directions = np.linalg.eigh(covariance)
    plane, widths = directions[:, [-1, 0]], np.sqrt(spread[[-1, 0]])
    angle = np.linspace(0, 2 * np.pi, 200)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for path in np.moveaxis((paths - mean) @ plane, 1, 0):
        left.plot(*path.T, ".-", linewidth=0.8, markersize=3)
    shown = (samples[:: max(1, len(samples) // 2000)] - mean) @ plane
    right.scatter(*shown.T, s=1, color="0.4")
    for axes, title in ((left, "paths"), (right, "points")):
        axes.plot(2 * widths[0] * np.cos(angle), 2 * widths[1] * np.sin(angle), "k", linewidth=0.8)
        axes.set_title(title, fontsize=9)
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    main()
