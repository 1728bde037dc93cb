"""JAX: one jitted step whose parameters are donated, minibatches on the device beforehand."""

from __future__ import annotations

import os
from functools import partial
from itertools import cycle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.problems import SIDE, Affine, Boltzmann, Elementwise, Recurrent, Training, Update
from benchmarks.runner import Peer, Runner, no_wait

# Off by default: without them a second process compiles everything once more.
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


class _State:
    """What one step hands to the next: JAX's functions keep nothing themselves."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def wait(self) -> None:
        jax.block_until_ready(self.value)


def _value(result: object) -> float:
    return float(np.sum(result))


def training(problem: Training) -> Runner:
    def cost(parameters: list[Any], x: Any, y: Any) -> Any:
        layers = list(zip(parameters[::2], parameters[1::2], strict=True))
        if problem.convolutions:
            x = x.reshape(-1, 1, SIDE, SIDE)
            for W, b in layers[: problem.convolutions]:
                maps = jax.lax.conv(x, W, (1, 1), "VALID")
                window = (1, 1, 2, 2)
                pooled = jax.lax.reduce_window(maps, -jnp.inf, jax.lax.max, window, window, "VALID")
                x = jnp.tanh(pooled + b[:, None, None])
            x = x.reshape(len(x), -1)
        for W, b in layers[problem.convolutions : -1]:
            x = jnp.tanh(x @ W + b)
        W, b = layers[-1]
        log_probabilities = jax.nn.log_softmax(x @ W + b)
        loss = -jnp.mean(log_probabilities[jnp.arange(len(y)), y])
        if problem.l2:
            loss += problem.l2 * sum(jnp.square(W).sum() for W, _ in layers)
        return loss

    @partial(jax.jit, donate_argnums=0)
    def train(parameters: list[Any], x: Any, y: Any) -> Any:
        loss, gradients = jax.value_and_grad(cost)(parameters, x, y)
        new = [p - problem.learning_rate * g for p, g in zip(parameters, gradients, strict=True)]
        return new, loss

    # Copied, as donation would otherwise write into the problem's own arrays.
    state = _State([jnp.array(p) for p in problem.parameters])
    batches = cycle([(jnp.asarray(x), jnp.asarray(y)) for x, y in problem.minibatches()])

    def step() -> Any:
        state.value, loss = train(state.value, *next(batches))
        return loss

    return Runner(step, state.wait, _value)


def recurrent(problem: Recurrent) -> Runner:
    inputs, target = jnp.asarray(problem.inputs), jnp.asarray(problem.target)

    def cost(parameters: list[Any]) -> Any:
        W, U, b = parameters

        def step(state: Any, row: Any) -> Any:
            h, c = state
            enter, forget, cell, leave = jnp.split(row + h @ U, 4, axis=1)
            c = jax.nn.sigmoid(forget) * c + jax.nn.sigmoid(enter) * jnp.tanh(cell)
            return (jax.nn.sigmoid(leave) * jnp.tanh(c), c), None

        start = jnp.zeros_like(target)
        (h, _), _ = jax.lax.scan(step, (start, start), inputs @ W + b)
        return jnp.mean(jnp.square(h - target))

    @partial(jax.jit, donate_argnums=0)
    def train(parameters: list[Any]) -> Any:
        loss, gradients = jax.value_and_grad(cost)(parameters)
        new = [p - problem.learning_rate * g for p, g in zip(parameters, gradients, strict=True)]
        return new, loss

    state = _State([jnp.array(p) for p in problem.parameters])

    def run() -> Any:
        state.value, loss = train(state.value)
        return loss

    return Runner(run, state.wait, _value)


def boltzmann(problem: Boltzmann) -> Runner:
    features = problem.inputs.shape[1]

    def free_energy(parameters: list[Any], v: Any) -> Any:
        W, b, c = parameters
        return -v @ c - jax.nn.softplus(v @ W + b).sum(axis=1)

    def toss(key: Any, p: Any) -> Any:
        return jax.random.bernoulli(key, p).astype(p.dtype)

    # Keys are of JAX's default kind, threefry: on a CPU "rbg" takes half as long again.
    @partial(jax.jit, donate_argnums=0)
    def train(state: Any, x: Any) -> Any:
        parameters, h, key, bit = state
        W, b, c = parameters
        key, now = jax.random.split(key)

        def turn(state: Any, key: Any) -> Any:
            h, _ = state
            pixels, units = jax.random.split(key)
            v = toss(pixels, jax.nn.sigmoid(h @ W.T + c))
            return (toss(units, jax.nn.sigmoid(v @ W + b)), v), None

        keys = jax.random.split(now, problem.turns)
        (h, end), _ = jax.lax.scan(turn, (h, jnp.zeros_like(x)), keys)

        def cost(parameters: list[Any]) -> Any:
            return free_energy(parameters, x).mean() - free_energy(parameters, end).mean()

        v = jnp.round(x)
        turned = v.at[:, bit].set(1 - v[:, bit])
        gap = free_energy(parameters, turned) - free_energy(parameters, v)
        measure = jnp.mean(features * jax.nn.log_sigmoid(gap))
        gradients = jax.grad(cost)(parameters)
        new = [p - problem.learning_rate * g for p, g in zip(parameters, gradients, strict=True)]
        return (new, h, key, (bit + 1) % features), measure

    parameters = [jnp.array(p) for p in problem.parameters]
    chain = jnp.zeros((problem.batch, len(parameters[1])))
    state = _State((parameters, chain, jax.random.key(1), jnp.array(0)))
    batches = cycle([jnp.asarray(x) for x in problem.minibatches()])

    def step() -> Any:
        state.value, measure = train(state.value, next(batches))
        return measure

    return Runner(step, state.wait, _value)


def elementwise(problem: Elementwise) -> Runner:
    state = _State(None)
    operands = [jnp.asarray(operand) for operand in problem.operands]
    run = jax.jit(lambda x, y, z: jnp.sum(jnp.exp(-((x - y) ** 2)) * z))

    def step() -> Any:
        # Waiting for each call: several at once would compete for the memory they measure.
        state.value = run(*operands).block_until_ready()
        return state.value

    return Runner(step, no_wait, _value)


def affine(problem: Affine) -> Runner:
    run = jax.jit(lambda x: 2 * x + 1)
    x = jnp.asarray(problem.x)
    state = _State(None)

    def step() -> Any:
        state.value = run(x)
        return state.value

    return Runner(step, state.wait, _value)


def update(problem: Update) -> Runner:
    run = jax.jit(lambda s: s + 1, donate_argnums=0)
    state = _State(jnp.array(problem.start))

    def step() -> None:
        state.value = run(state.value)

    return Runner(step, state.wait, lambda _: float(state.value))


PEER = Peer(
    jax.__version__,
    {
        Training: training,
        Recurrent: recurrent,
        Boltzmann: boltzmann,
        Elementwise: elementwise,
        Affine: affine,
        Update: update,
    },
)
