"""The table of cases: a name, what to compute, and the least work any implementation must do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.problems import (
    CLASSES,
    FEATURES,
    FILTERS,
    HIDDEN,
    ROWS,
    STEPS,
    WIDTH,
    Affine,
    Elementwise,
    Problem,
    Update,
    boltzmann,
    lenet,
    logistic_regression,
    lstm,
    perceptron,
)
from symnet.backend import Machine


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the result table.

    Attributes
    ----------
    name, title
        For the command line, and for people.
    problem
        Makes the arrays.
    flops
        Floating point operations of the contractions in one call.
    traffic
        Bytes that one call must move from main memory: data that is new in each call. Parameters
        stay in the caches.
    agreement
        How much results may differ, relatively: as sums in float32 do, in another order; more where
        numbers are drawn, for everybody draws others.
    """

    name: str
    title: str
    problem: Callable[[], Problem]
    flops: float = 0
    traffic: float = 0
    agreement: float = 2e-3

    def floor(self, machine: Machine) -> float | None:
        """Return the least seconds for one call, or None if it is all overhead."""
        return max(self.flops / machine.flops_per_s, self.traffic / machine.bytes_per_s) or None


def _logreg_flops(batch: int) -> float:
    return 2 * 2 * batch * FEATURES * CLASSES  # scores; gradient of the weights


def _mlp_flops(batch: int) -> float:
    # Scores and weight gradient of both layers; only the upper one passes a gradient down.
    return 2 * batch * (2 * FEATURES * HIDDEN + 3 * HIDDEN * CLASSES)


def _lenet_flops(batch: int) -> float:
    first, second = FILTERS
    lower, upper = 24 * 24 * 25 * first, 8 * 8 * 25 * first * second
    dense = (second * 4 * 4 + CLASSES) * HIDDEN
    # The gradient of the images is not needed.
    return 2 * batch * (2 * lower + 3 * (upper + dense))


def _lstm_flops() -> float:
    # Products with both matrices, both matrices' gradients, and the cotangent of the state.
    return 5 * 2 * STEPS * ROWS * WIDTH * 4 * WIDTH


def _boltzmann_flops(batch: int) -> float:
    # Two products in each of 15 turns; the free energies of images, of images with a pixel turned
    # over, of rounded ones and of the chain's end; the gradients of two of them.
    return 2 * batch * FEATURES * HIDDEN * (2 * 15 + 4 + 2)


def _batch_bytes(batch: int) -> float:
    return 4 * batch * (FEATURES + 1)


def _training(name: str, title: str, batch: int, flops: float, make: Callable[[int], Problem]):
    return Case(name, title, partial(make, batch), flops, _batch_bytes(batch))


CASES = (
    _training("logreg_b600", "logreg, batch 600", 600, _logreg_flops(600), logistic_regression),
    _training("logreg_b20", "logreg, batch 20", 20, _logreg_flops(20), logistic_regression),
    _training("mlp_b20", "MLP 784-500-10, batch 20", 20, _mlp_flops(20), perceptron),
    _training("mlp_b20_l2", "the same with L2", 20, _mlp_flops(20), partial(perceptron, l2=1e-4)),
    _training("mlp_b600", "MLP, batch 600", 600, _mlp_flops(600), perceptron),
    _training("lenet_b500", "LeNet, batch 500", 500, _lenet_flops(500), lenet),
    Case("lstm", "LSTM, 100 steps of 16 x 128", lstm, _lstm_flops()),
    Case(
        "rbm",
        "RBM, PCD-15, batch 20",
        partial(boltzmann, 20),
        _boltzmann_flops(20),
        _batch_bytes(20),
        agreement=0.05,
    ),
    Case("elementwise", "elementwise 10M, summed", Elementwise, traffic=3 * 4 * 10_000_000),
    Case("affine", "f(x) = 2x + 1 on 10 floats", Affine),
    Case("update", "update-only call", Update),
)

#: The cases whose compile time and peak memory are measured, each in processes of their own.
STARTUP_CASES = ("logreg_b600", "mlp_b20")
