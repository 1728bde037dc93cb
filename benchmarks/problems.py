"""What is computed: the same arrays and the same settings for everybody, made from one seed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

FEATURES, HIDDEN, CLASSES = 784, 500, 10
SIDE, FILTERS = 28, (20, 50)
STEPS, ROWS, WIDTH = 100, 16, 128
_EXAMPLES = 50_000
_ELEMENTS = 10_000_000


@dataclass(frozen=True)
class Training:
    """A classifier's training step: inputs (examples, features), labels, initial parameters.

    `parameters` alternates weights and offsets, W (n_in, n_out) and b (n_out,), layer by layer.
    Every layer but the last is followed by tanh, the last one by softmax. The cost is the mean
    negative log-likelihood of a minibatch plus ``l2`` times the sum of squared weights; the update
    is ``p - learning_rate * gradient``. Step i works on minibatch ``i % batches``.

    The first `convolutions` layers are convolutions of images of one channel, `SIDE` pixels wide
    and high, by filters W (n_out, n_in, 5, 5), each followed by the maximum over squares of 2 by 2.
    """

    inputs: Array
    labels: npt.NDArray[np.int32]
    parameters: list[Array]
    batch: int
    learning_rate: float
    l2: float = 0.0
    convolutions: int = 0

    @property
    def batches(self) -> int:
        return len(self.labels) // self.batch

    def shortened(self, batches: int) -> Training:
        """Return the same step on the first few minibatches."""
        n = batches * self.batch
        return replace(self, inputs=self.inputs[:n], labels=self.labels[:n])

    def minibatches(self) -> list[tuple[Array, npt.NDArray[np.int32]]]:
        """Return the minibatches as views."""
        slices = [slice(i * self.batch, (i + 1) * self.batch) for i in range(self.batches)]
        return [(self.inputs[here], self.labels[here]) for here in slices]


@dataclass(frozen=True)
class Recurrent:
    """The training step of a recurrent network with long short-term memory (LSTM).

    Input (steps, batch, width) and target (batch, width) are the same in every step; W and U
    (width, 4 * width) and b (4 * width,) make the gates, which stand in the order input, forget,
    cell, output. The cost is the mean squared difference of the last output and the target; the
    update is ``p - learning_rate * gradient``.
    """

    inputs: Array
    target: Array
    parameters: list[Array]
    learning_rate: float = 0.1


@dataclass(frozen=True)
class Boltzmann:
    """The training step of a restricted Boltzmann machine by persistent contrastive divergence.

    `parameters` are W (n_in, n_hidden) and the offsets of hidden units and of pixels. From the
    units that the last step ended with (at first zeros), one row for every image of a minibatch,
    the chain makes `turns` turns: pixels are drawn, each 1 with probability ``sigmoid(h W.T + c)``,
    and units for them, 1 with probability ``sigmoid(v W + b)``. The cost is the mean free energy of
    the images less that of the pixels where the chain ends; how it came there is not
    differentiated. The update is ``p - learning_rate * gradient``. What a step gives is the mean
    pseudo-likelihood of the images before it, by one pixel, whose number is that of the step.
    """

    inputs: Array
    parameters: list[Array]
    batch: int
    turns: int = 15
    learning_rate: float = 1e-3

    def minibatches(self) -> list[Array]:
        """Return the minibatches as views."""
        return [self.inputs[i : i + self.batch] for i in range(0, len(self.inputs), self.batch)]


@dataclass(frozen=True)
class Elementwise:
    """``sum(exp(-(x - y)**2) * z)`` over vectors too large for any cache."""

    operands: list[Array] = field(
        default_factory=lambda: [
            np.random.default_rng(i).random(_ELEMENTS, np.float32) for i in range(3)
        ]
    )


@dataclass(frozen=True)
class Affine:
    """``2 * x + 1`` on ten floats: nothing but the price of a call."""

    x: Array = field(default_factory=lambda: np.arange(10, dtype=np.float32))


@dataclass(frozen=True)
class Update:
    """``s <- s + 1`` for a scalar that lives where the compiled code does; no inputs or outputs."""

    start: Array = field(default_factory=lambda: np.zeros((), np.float32))


Problem = Training | Recurrent | Boltzmann | Elementwise | Affine | Update


def logistic_regression(batch: int) -> Training:
    """Return the step of ``tutorials/logistic_regression.py``."""
    parameters = [np.zeros((FEATURES, CLASSES), np.float32), np.zeros(CLASSES, np.float32)]
    return Training(*_digits(), parameters, batch, learning_rate=0.13)


def perceptron(batch: int, l2: float = 0.0) -> Training:
    """Return the step of ``tutorials/mlp.py``; the tutorial's own `l2` is 1e-4."""
    bound = np.sqrt(6 / (FEATURES + HIDDEN))
    W = np.random.default_rng(1).uniform(-bound, bound, (FEATURES, HIDDEN)).astype(np.float32)
    parameters = [
        W,
        np.zeros(HIDDEN, np.float32),
        np.zeros((HIDDEN, CLASSES), np.float32),
        np.zeros(CLASSES, np.float32),
    ]
    return Training(*_digits(), parameters, batch, learning_rate=0.01, l2=l2)


def lenet(batch: int) -> Training:
    """Return the step of ``tutorials/convolutional_mlp.py``, without momentum."""
    rng = np.random.default_rng(2)

    def weights(*shape: int) -> Array:
        bound = np.sqrt(6 / (np.prod(shape[1:]) + shape[0]))
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    def offsets(n: int) -> Array:
        return np.zeros(n, np.float32)

    first, second = FILTERS
    flat = second * 4 * 4
    parameters = [
        weights(first, 1, 5, 5), offsets(first), weights(second, first, 5, 5), offsets(second),
        weights(flat, HIDDEN), offsets(HIDDEN), weights(HIDDEN, CLASSES), offsets(CLASSES),
    ]  # fmt: skip
    return Training(*_digits(), parameters, batch, learning_rate=0.1, convolutions=2)


def lstm() -> Recurrent:
    """Return a step of 100 times 16 rows of 128 numbers."""
    rng = np.random.default_rng(3)

    def normal(*shape: int) -> Array:
        return rng.standard_normal(shape).astype(np.float32)

    matrices = [normal(WIDTH, 4 * WIDTH) * np.float32(0.05) for _ in range(2)]
    parameters = [*matrices, np.zeros(4 * WIDTH, np.float32)]
    return Recurrent(normal(STEPS, ROWS, WIDTH), normal(ROWS, WIDTH), parameters)


def boltzmann(batch: int) -> Boltzmann:
    """Return the step of ``tutorials/restricted_boltzmann_machine.py``."""
    bound = 4 * np.sqrt(6 / (FEATURES + HIDDEN))
    W = np.random.default_rng(4).uniform(-bound, bound, (FEATURES, HIDDEN)).astype(np.float32)
    parameters = [W, np.zeros(HIDDEN, np.float32), np.zeros(FEATURES, np.float32)]
    return Boltzmann(_digits()[0], parameters, batch)


def _digits() -> tuple[Array, npt.NDArray[np.int32]]:
    """Return arrays of MNIST's shape; what the images show makes no difference to a step's time."""
    rng = np.random.default_rng(0)
    inputs = rng.random((_EXAMPLES, FEATURES), np.float32)
    return inputs, rng.integers(0, CLASSES, _EXAMPLES, np.int32)
