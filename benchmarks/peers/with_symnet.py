"""symnet, as its tutorials use it: data in shared variables, a minibatch chosen by its index."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from itertools import cycle
from typing import Any

import numpy as np

import symnet as sn
import symnet.tensor as T
from benchmarks.problems import SIDE, Affine, Boltzmann, Elementwise, Recurrent, Training, Update
from benchmarks.runner import Peer, Runner, no_wait
from symnet.random import RandomStreams


def _value(result: object) -> float:
    return float(np.sum(result))


def training_step(
    problem: Training, reads: bool = True, mode: str = "default"
) -> tuple[Callable[[], Any], list[Any]]:
    """The step, which gives the cost if it `reads` it, and the parameters."""
    inputs = sn.shared(problem.inputs, borrow=True)
    labels = sn.shared(problem.labels, borrow=True)
    parameters = [sn.shared(p) for p in problem.parameters]
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))

    x, y, index = T.matrix("x"), T.ivector("y"), T.lscalar("index")
    hidden = x
    if problem.convolutions:
        hidden = x.reshape((problem.batch, 1, SIDE, SIDE))
        for W, b in layers[: problem.convolutions]:
            maps = T.nnet.conv2d(hidden, W, filter_flip=False)
            pooled = T.signal.pool.pool_2d(maps, (2, 2), ignore_border=True)
            hidden = T.tanh(pooled + b.dimshuffle("x", 0, "x", "x"))
        hidden = hidden.flatten(2)
    for W, b in layers[problem.convolutions : -1]:
        hidden = T.tanh(T.dot(hidden, W) + b)
    W, b = layers[-1]
    probabilities = T.nnet.softmax(T.dot(hidden, W) + b)
    cost = -T.mean(T.log(probabilities)[T.arange(y.shape[0]), y])
    if problem.l2:
        cost += problem.l2 * sum(T.sqr(W).sum() for W, _ in layers)

    gradients = T.grad(cost, parameters)
    here = slice(index * problem.batch, (index + 1) * problem.batch)
    step = sn.function(
        [index],
        cost if reads else None,
        updates=[
            (p, p - problem.learning_rate * g) for p, g in zip(parameters, gradients, strict=True)
        ],
        givens={x: inputs[here], y: labels[here]},
        mode=mode,
    )
    indices = cycle(range(problem.batches))
    return lambda: step(next(indices)), parameters


def training(problem: Training) -> Runner:
    step, _ = training_step(problem)
    return Runner(step, no_wait, _value)


def recurrent(problem: Recurrent) -> Runner:
    W, U, b = parameters = [sn.shared(p) for p in problem.parameters]
    inputs, target = sn.shared(problem.inputs), sn.shared(problem.target)
    width = problem.target.shape[1]

    def step(row: Any, h: Any, c: Any) -> list[Any]:
        gates = T.dot(row, W) + T.dot(h, U) + b
        enter, forget, cell, leave = (gates[:, k * width : (k + 1) * width] for k in range(4))
        c = T.nnet.sigmoid(forget) * c + T.nnet.sigmoid(enter) * T.tanh(cell)
        return [T.nnet.sigmoid(leave) * T.tanh(c), c]

    start = T.zeros_like(target)
    (h, _), _ = sn.scan(step, inputs, [start, start])
    cost = T.mean(T.sqr(h[-1] - target))
    gradients = T.grad(cost, parameters)
    updates = [
        (p, p - problem.learning_rate * g) for p, g in zip(parameters, gradients, strict=True)
    ]
    return Runner(sn.function([], cost, updates=updates), no_wait, _value)


def boltzmann(problem: Boltzmann) -> Runner:
    W, b, c = parameters = [sn.shared(p) for p in problem.parameters]
    images = sn.shared(problem.inputs, borrow=True)
    chain = sn.shared(np.zeros((problem.batch, len(b.get_value())), np.float32))
    bit = sn.shared(np.int64(0))
    stream = RandomStreams(1)
    x, index = T.matrix("x"), T.lscalar("index")

    def free_energy(v: Any) -> Any:
        return -T.dot(v, c) - T.nnet.softplus(T.dot(v, W) + b).sum(axis=1)

    def toss(p: Any) -> Any:
        return stream.binomial(p.shape, p=p, dtype="float32")

    def turn(h: Any) -> list[Any]:
        v = toss(T.nnet.sigmoid(T.dot(h, W.T) + c))
        return [v, toss(T.nnet.sigmoid(T.dot(v, W) + b))]

    (pixels, units), updates = sn.scan(turn, outputs_info=[None, chain], n_steps=problem.turns)
    end = pixels[-1]
    cost = T.mean(free_energy(x)) - T.mean(free_energy(end))
    gradients = T.grad(cost, parameters, consider_constant=[end])
    for p, g in zip(parameters, gradients, strict=True):
        updates[p] = p - problem.learning_rate * g
    features = problem.inputs.shape[1]
    updates |= {chain: units[-1], bit: (bit + 1) % features}
    v = T.round(x)
    turned = T.set_subtensor(v[:, bit], 1 - v[:, bit])
    gap = free_energy(turned) - free_energy(v)
    measure = T.mean(features * T.log(T.nnet.sigmoid(gap)))
    here = slice(index * problem.batch, (index + 1) * problem.batch)
    step = sn.function([index], measure, updates=updates, givens={x: images[here]})
    indices = cycle(range(len(problem.inputs) // problem.batch))
    return Runner(lambda: step(next(indices)), no_wait, _value)


def elementwise(problem: Elementwise) -> Runner:
    x, y, z = (sn.shared(operand, borrow=True) for operand in problem.operands)
    return Runner(sn.function([], T.sum(T.exp(-((x - y) ** 2)) * z)), no_wait, _value)


def affine(problem: Affine) -> Runner:
    x = T.vector("x")
    return Runner(partial(sn.function([x], 2 * x + 1), problem.x), no_wait, _value)


def update(problem: Update) -> Runner:
    s = sn.shared(problem.start)
    return Runner(sn.function([], updates=[(s, s + 1)]), no_wait, lambda _: float(s.get_value()))


PEER = Peer(
    version("symnet"),
    {
        Training: training,
        Recurrent: recurrent,
        Boltzmann: boltzmann,
        Elementwise: elementwise,
        Affine: affine,
        Update: update,
    },
)
