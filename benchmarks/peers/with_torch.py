"""PyTorch, eager and compiled: functional gradients and in-place updates, its leanest way to train.

Both run the same functions; ``torch.compile`` gets the whole step at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from itertools import cycle

import torch

from benchmarks.problems import SIDE, Affine, Boltzmann, Elementwise, Recurrent, Training, Update
from benchmarks.runner import Builders, Peer, Runner, no_wait

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

Tensors = list[torch.Tensor]
Compile = Callable[[Callable[..., object]], Callable[..., object]]


def _value(result: object) -> float:
    assert isinstance(result, torch.Tensor)
    return float(result.sum())


def training(compiler: Compile, problem: Training) -> Runner:
    parameters = [torch.from_numpy(p.copy()) for p in problem.parameters]

    def cost(parameters: Tensors, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        layers = list(zip(parameters[::2], parameters[1::2], strict=True))
        if problem.convolutions:
            x = x.reshape(-1, 1, SIDE, SIDE)
            for W, b in layers[: problem.convolutions]:
                pooled = torch.nn.functional.max_pool2d(torch.nn.functional.conv2d(x, W), 2)
                x = torch.tanh(pooled + b[:, None, None])
            x = x.flatten(1)
        for W, b in layers[problem.convolutions : -1]:
            x = torch.tanh(torch.addmm(b, x, W))
        W, b = layers[-1]
        loss = torch.nn.functional.cross_entropy(torch.addmm(b, x, W), y)
        if problem.l2:
            loss = loss + problem.l2 * sum(W.square().sum() for W, _ in layers)
        return loss

    step, rate = _eager_step if compiler is _eager else _whole_step, problem.learning_rate
    run = compiler(lambda parameters, x, y: step(cost, rate, parameters, x, y))
    batches = cycle(
        [
            # cross_entropy takes int64 labels only; converted once, outside the measurement.
            (torch.from_numpy(x), torch.from_numpy(y).long())
            for x, y in problem.minibatches()
        ]
    )
    return Runner(lambda: run(parameters, *next(batches)), no_wait, _value)


def _eager_step(
    cost: Callable[..., torch.Tensor], rate: float, parameters: Tensors, x: object, y: object
) -> torch.Tensor:
    for p in parameters:
        p.requires_grad_()
    loss = cost(parameters, x, y)
    gradients = torch.autograd.grad(loss, parameters)
    with torch.no_grad():
        torch._foreach_add_(parameters, gradients, alpha=-rate)
    return loss.detach()


def _whole_step(
    cost: Callable[..., torch.Tensor], rate: float, parameters: Tensors, x: object, y: object
) -> torch.Tensor:
    gradients, loss = torch.func.grad_and_value(cost)(parameters, x, y)
    for p, g in zip(parameters, gradients, strict=True):
        p.sub_(g, alpha=rate)
    return loss


def recurrent(compiler: Compile, problem: Recurrent) -> Runner:
    inputs, target = torch.from_numpy(problem.inputs), torch.from_numpy(problem.target)
    width = problem.target.shape[1]
    module = torch.nn.LSTM(width, width)
    W, U, b = problem.parameters
    with torch.no_grad():
        values = (W.T, U.T, b, 0 * b)
        for p, value in zip(module.parameters(), values, strict=True):
            p.copy_(torch.from_numpy(value.copy()))
    # Of its two vectors of offsets only the first is trained, as there is only one elsewhere.
    parameters = list(module.parameters())[:3]

    def step() -> torch.Tensor:
        outputs, _ = module(inputs)
        loss = (outputs[-1] - target).square().mean()
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-problem.learning_rate)
        return loss.detach()

    return Runner(compiler(step), no_wait, _value)


def boltzmann(compiler: Compile, problem: Boltzmann) -> Runner:
    parameters = [torch.from_numpy(p.copy()) for p in problem.parameters]
    features = problem.inputs.shape[1]

    def free_energy(v: torch.Tensor) -> torch.Tensor:
        W, b, c = parameters
        return -(v @ c) - torch.nn.functional.softplus(torch.addmm(b, v, W)).sum(dim=1)

    def step(h: torch.Tensor, x: torch.Tensor, bit: torch.Tensor) -> Tensors:
        W, b, c = parameters
        with torch.no_grad():
            for _ in range(problem.turns):
                end = torch.bernoulli(torch.sigmoid(torch.addmm(c, h, W.T)))
                h = torch.bernoulli(torch.sigmoid(torch.addmm(b, end, W)))
            v = torch.round(x)
            turned = v.index_copy(1, bit, 1 - v.index_select(1, bit))
            gap = free_energy(turned) - free_energy(v)
            measure = (features * torch.nn.functional.logsigmoid(gap)).mean()
        for p in parameters:
            p.requires_grad_()
        loss = free_energy(x).mean() - free_energy(end).mean()
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-problem.learning_rate)
        return [h, measure]

    run = compiler(step)
    state = [torch.zeros(problem.batch, len(parameters[1]))]
    batches = cycle([torch.from_numpy(x) for x in problem.minibatches()])
    bits = cycle([torch.tensor([i]) for i in range(features)])

    def call() -> object:
        state[0], measure = run(state[0], next(batches), next(bits))
        return measure

    return Runner(call, no_wait, _value)


def elementwise(compiler: Compile, problem: Elementwise) -> Runner:
    operands = [torch.from_numpy(operand) for operand in problem.operands]
    step = compiler(lambda x, y, z: torch.sum(torch.exp(-((x - y) ** 2)) * z))
    return Runner(partial(step, *operands), no_wait, _value)


def affine(compiler: Compile, problem: Affine) -> Runner:
    step = compiler(lambda x: 2 * x + 1)
    return Runner(partial(step, torch.from_numpy(problem.x)), no_wait, _value)


def update(compiler: Compile, problem: Update) -> Runner:
    s = torch.tensor(problem.start)
    step = compiler(lambda s: s.add_(1))
    return Runner(partial(step, s), no_wait, lambda _: float(s))


def _eager(function: Callable[..., object]) -> Callable[..., object]:
    return function


def _builders(compiler: Compile) -> Builders:
    return {
        Training: partial(training, compiler),
        Recurrent: partial(recurrent, compiler),
        Boltzmann: partial(boltzmann, compiler),
        Elementwise: partial(elementwise, compiler),
        Affine: partial(affine, compiler),
        Update: partial(update, compiler),
    }


EAGER = Peer(torch.__version__, _builders(_eager))
COMPILED = Peer(torch.__version__, _builders(torch.compile))
