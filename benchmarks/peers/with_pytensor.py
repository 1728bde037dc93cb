"""PyTensor in its default mode: the same program as symnet's, in the same words."""

from __future__ import annotations

from functools import partial
from itertools import cycle

import numpy as np
import pytensor
import pytensor.tensor as pt

from benchmarks.problems import Affine, Elementwise, Training, Update
from benchmarks.runner import Peer, Runner, no_wait

pytensor.config.floatX = "float32"


def _value(result: object) -> float:
    return float(np.sum(result))


def training(problem: Training) -> Runner:
    if problem.convolutions:
        raise NotImplementedError("not written for this peer")
    inputs = pytensor.shared(problem.inputs, borrow=True)
    labels = pytensor.shared(problem.labels, borrow=True)
    parameters = [pytensor.shared(p) for p in problem.parameters]
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))

    x, y, index = pt.matrix("x"), pt.ivector("y"), pt.lscalar("index")
    hidden = x
    for W, b in layers[:-1]:
        hidden = pt.tanh(pt.dot(hidden, W) + b)
    W, b = layers[-1]
    log_probabilities = pt.special.log_softmax(pt.dot(hidden, W) + b, axis=1)
    cost = -pt.mean(log_probabilities[pt.arange(y.shape[0]), y])
    if problem.l2:
        cost += problem.l2 * sum(pt.sqr(W).sum() for W, _ in layers)

    gradients = pytensor.grad(cost, parameters)
    rate = np.float32(problem.learning_rate)
    here = slice(index * problem.batch, (index + 1) * problem.batch)
    step = pytensor.function(
        [index],
        cost,
        updates=[(p, p - rate * g) for p, g in zip(parameters, gradients, strict=True)],
        givens={x: inputs[here], y: labels[here]},
    )
    indices = cycle(range(problem.batches))
    return Runner(lambda: step(next(indices)), no_wait, _value)


def elementwise(problem: Elementwise) -> Runner:
    x, y, z = (pytensor.shared(operand, borrow=True) for operand in problem.operands)
    return Runner(pytensor.function([], pt.sum(pt.exp(-((x - y) ** 2)) * z)), no_wait, _value)


def affine(problem: Affine) -> Runner:
    x = pt.vector("x")
    return Runner(partial(pytensor.function([x], 2 * x + 1), problem.x), no_wait, _value)


def update(problem: Update) -> Runner:
    s = pytensor.shared(problem.start)
    step = pytensor.function([], updates=[(s, s + np.float32(1))])
    return Runner(step, no_wait, lambda _: float(s.get_value()))


PEER = Peer(
    pytensor.__version__,
    {Training: training, Elementwise: elementwise, Affine: affine, Update: update},
)
