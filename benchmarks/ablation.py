"""What each part of the compiler is worth: ``python -m benchmarks.ablation``.

The training steps of all tutorials, built by the tutorials' own code on random data, are compiled
with everything on, with one part of the compiler left out, and with nothing done: reference order,
no fusion, no rewriting, no updates in place. Each is measured by its time, the bytes that its steps
move, the memory it needs beside parameters and data, and the kernels that it runs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np

import symnet as sn
import symnet.tensor as T
from symnet import optim
from symnet.cost import step_costs, total
from symnet.modes import NO_REWRITES, NOTHING, Mode
from symnet.program import HostCall, Launch
from symnet.random import RandomStreams

sys.path.append(str(Path(__file__).parents[1] / "tutorials"))

VARIANTS = {
    "everything": Mode(),
    "no fusion": Mode().excluding("fusion"),
    "no rewriting": Mode(exclude=NO_REWRITES),
    "nothing in place": Mode().excluding("inplace"),
    "nothing": Mode(exclude=NOTHING),
}
"""What is compiled with."""

AGREEMENT = 2e-3
"""How much the first results of a step may differ, relatively."""


class Part(NamedTuple):
    """Images and labels, as the tutorials have them."""

    inputs: np.ndarray
    labels: np.ndarray


class Step(NamedTuple):
    """A training step and the arguments of its calls, one after the other."""

    function: Any
    arguments: Sequence[tuple[Any, ...]]


def images(batch: int, batches: int = 2) -> Any:
    """Return random images with labels, of the shape of the handwritten digits."""
    rng = np.random.default_rng(0)
    count = batch * batches
    inputs = rng.random((count, 784), np.float32)
    part = Part(inputs, rng.integers(0, 10, count).astype(np.int32))
    return SimpleNamespace(train=part, valid=part, test=part)


def classifier(batch: int, mode: Mode, model: Callable[[Any], tuple[Any, Any, Any]]) -> Step:
    """Return the step of a tutorial that classifies digits.

    `model` makes of the images their classes' probabilities, what is added to the cost, and what
    updates there are for a cost.
    """
    from logistic_regression import compile_functions, error_rate, negative_log_likelihood

    x, y = T.matrix("x"), T.ivector("y")
    probabilities, price, updates = model(x)
    cost = negative_log_likelihood(probabilities, y) + price
    args = SimpleNamespace(batch_size=batch, mode=mode)
    errors = error_rate(probabilities, y)
    train, _, _ = compile_functions(x, y, cost, errors, updates(cost), images(batch), args)
    return Step(train, [(0,), (1,)])


def logistic_regression(mode: Mode) -> Step:
    from logistic_regression import descent, softmax_layer

    def model(x: Any) -> tuple[Any, Any, Any]:
        probabilities, parameters = softmax_layer(x, 784, 10)
        return probabilities, 0, lambda cost: descent(cost, parameters, 0.13)

    return classifier(600, mode, model)


def multilayer_perceptron(mode: Mode) -> Step:
    from logistic_regression import descent, softmax_layer
    from mlp import tanh_layer, weight_price

    def model(x: Any) -> tuple[Any, Any, Any]:
        hidden, lower = tanh_layer(np.random.RandomState(1234), x, 784, 500)
        probabilities, upper = softmax_layer(hidden, 500, 10)
        price = weight_price([lower[0], upper[0]], 0.0, 1e-4)
        return probabilities, price, lambda cost: descent(cost, lower + upper, 0.01)

    return classifier(20, mode, model)


def lenet(mode: Mode) -> Step:
    from convolutional_mlp import descent_with_momentum, lenet

    def model(x: Any) -> tuple[Any, Any, Any]:
        rng = np.random.RandomState(23455)
        probabilities, parameters = lenet(rng, x, (28, 28), [20, 50], 5, 500, 10)
        return probabilities, 0, lambda cost: descent_with_momentum(cost, parameters, 0.1, 0.9)[0]

    return classifier(500, mode, model)


def dropout(mode: Mode) -> Step:
    from dropout_mlp import initial_parameters, network

    def model(x: Any) -> tuple[Any, Any, Any]:
        layers = initial_parameters(np.random.default_rng(1234), [784, 800, 800, 10])
        probabilities = network(x, layers, [0.2, 0.5, 0.5], RandomStreams(1234))
        parameters = [p for layer in layers for p in layer]
        return probabilities, 0, lambda cost: optim.momentum(cost, parameters, 0.02, 0.9)

    return classifier(100, mode, model)


def autoencoder(batch: int, rate: float, mode: Mode, corruption: float, price: float) -> Step:
    """Return the step of an autoencoder that draws whole images of what is left of them."""
    from _pretraining import compile_step
    from contractive_autoencoder import contraction
    from denoising_autoencoder import corrupt, decode, encode, random_weights, surprise, zeros

    W = random_weights(np.random.default_rng(123), 784, 500)
    b_hidden, b_visible = zeros(500, "b_hidden"), zeros(784, "b_visible")
    x = T.matrix("x")
    h = encode(corrupt(RandomStreams(123), x, corruption), W, b_hidden)
    cost = surprise(x, decode(h, W, b_visible))
    cost = (cost + price * contraction(h, W) if price else cost).mean()
    data = sn.shared(images(batch).train.inputs, borrow=True)
    step = compile_step(x, cost, [W, b_hidden, b_visible], data, batch, rate, mode)
    return Step(step, [(0,), (1,)])


def boltzmann(mode: Mode) -> Step:
    from denoising_autoencoder import random_weights, zeros
    from restricted_boltzmann_machine import Machine, training_step

    machine = Machine(
        random_weights(np.random.default_rng(123), 784, 500),
        zeros(500, "b_hidden"),
        zeros(784, "b_visible"),
        RandomStreams(123),
    )
    chain = sn.shared(np.zeros((20, 500), np.float32))
    args = SimpleNamespace(
        persistent=True, gibbs_steps=15, learning_rate=0.1, batch_size=20, mode=mode
    )
    data = sn.shared(images(20).train.inputs, borrow=True)
    step, _ = training_step(machine, chain, sn.shared(np.int64(0)), data, args)
    return Step(step, [(0,), (1,)])


def lstm(mode: Mode) -> Step:
    from lstm_sentiment import random_network, training_step

    args = SimpleNamespace(seed=0, embedding=128, hidden=128, drop=0.5, mode=mode)
    step, _ = training_step(random_network(5000, args), RandomStreams(0), args)
    rng = np.random.default_rng(0)
    words = rng.integers(0, 5000, (30, 16)).astype(np.int32)
    labels = rng.integers(0, 2, 16).astype(np.int32)
    return Step(step, [(words, np.ones((30, 16), np.float32), labels, np.float32(1e-3))])


def elman(mode: Mode) -> Step:
    from elman_slot_filling import random_network, training_step

    args = SimpleNamespace(seed=0, embedding=100, hidden=100, window=7, drop=0.3, mode=mode)
    step, _ = training_step(random_network(1000, 120, args), RandomStreams(0), args)
    rng = np.random.default_rng(0)
    window = rng.integers(0, 1000, (12, 7)).astype(np.int32)
    tags = rng.integers(0, 120, 12).astype(np.int32)
    return Step(step, [(window, tags, np.float32(0.06))])


def music(mode: Mode) -> Step:
    from rnn_rbm_music import KEYS, random_composer, training_step

    args = SimpleNamespace(seed=0, hidden=150, units=100, drop=0.2, gibbs_steps=15, mode=mode)
    composer = random_composer(np.full(KEYS, 0.05, np.float32), args)
    step, _ = training_step(composer, RandomStreams(0), args)
    keys = (np.random.default_rng(0).random((50, 4, KEYS)) < 0.05).astype(np.float32)
    return Step(step, [(keys, np.ones((50, 4), np.float32), np.float32(1e-3))])


def rolling(mode: Mode) -> Step:
    from hybrid_monte_carlo import Sampler, gaussian_energy, random_gaussian

    rng = np.random.default_rng(0)
    energy = gaussian_energy(*random_gaussian(rng, 10))
    sampler = Sampler(energy, rng.standard_normal((100, 10)), 0, mode=mode)
    return Step(sampler._chain, [(5, np.float32(0.02))])


TUTORIALS: dict[str, Callable[[Mode], Step]] = {
    "logistic regression, batch 600": logistic_regression,
    "MLP 784-500-10 with L2, batch 20": multilayer_perceptron,
    "LeNet with momentum, batch 500": lenet,
    "dropout 784-800-800-10, batch 100": dropout,
    "denoising autoencoder, batch 20": lambda mode: autoencoder(20, 0.1, mode, 0.3, 0.0),
    "contractive autoencoder, batch 10": lambda mode: autoencoder(10, 0.01, mode, 0.0, 0.1),
    "RBM, PCD-15, batch 20": boltzmann,
    "LSTM reading 16 x 30 words": lstm,
    "Elman network, 12 words": elman,
    "RNN-RBM, 4 x 50 beats": music,
    "hybrid Monte Carlo, 5 moves": rolling,
}
"""Training steps by the words of the tables."""


@dataclass(slots=True)
class Measured:
    """One step in one variant.

    Attributes
    ----------
    first
        What its first call returned.
    moved, memory
        Bytes that its steps read and write, and of memory beside parameters and data.
    kernels
        Launches and host calls in one call; those of a loop once for all of its turns.
    seconds
        Of calls.
    """

    first: np.ndarray
    moved: int
    memory: int
    kernels: int
    seconds: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        """Seconds of a call where nobody else was busy."""
        return min(self.seconds)


def measure(build: Callable[[Mode], Step], rounds: int, burst: float) -> dict[str, Measured]:
    """Measure a step in all variants, turn by turn.

    Raises
    ------
    AssertionError
        If their first results differ.
    """
    calls: dict[str, Callable[[], Any]] = {}
    found: dict[str, Measured] = {}
    for name, mode in VARIANTS.items():
        step = build(mode)
        turns = cycle(step.arguments)
        calls[name] = lambda f=step.function, turns=turns: f(*next(turns))
        found[name] = _looked_at(step, np.asarray(calls[name]()))
        first = found["everything"].first
        if not np.allclose(found[name].first, first, rtol=AGREEMENT, atol=AGREEMENT):
            raise AssertionError(f"{name} computes {found[name].first}, not {first}")
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].seconds.append(_timed(call, burst))
    return found


def _looked_at(step: Step, first: np.ndarray) -> Measured:
    versions = step.function.versions
    costs = [total(step_costs(v.program, v.sizes)) for v in versions]
    steps = [s for v in versions for s in v.program.steps]
    return Measured(
        first,
        sum(c.moved for c in costs),
        sum(v.executable.footprint().total for v in versions),
        sum(isinstance(s, Launch | HostCall) for s in steps),
    )


def _timed(call: Callable[[], Any], burst: float) -> float:
    """Seconds of a call, the mean of as many as fit into `burst` seconds."""
    count, start = 0, time.perf_counter()
    while True:
        call()
        count += 1
        seconds = time.perf_counter() - start
        if seconds >= burst:
            return seconds / count


TABLES: dict[str, Callable[[Measured], str]] = {
    "Time of a call, ms": lambda m: f"{m.best * 1e3:.3g}",
    "Bytes moved, MB": lambda m: f"{m.moved / 1e6:.3g}",
    "Memory beside parameters and data, MB": lambda m: f"{m.memory / 1e6:.3g}",
    "Kernels": lambda m: str(m.kernels),
}
"""What is told, by the words above it."""


def as_markdown(results: dict[str, dict[str, Measured]], said: str) -> str:
    """Return the tables for people who read files."""
    lines = [f"# Ablation, {date.today().isoformat()}", "", said]
    for title, text in TABLES.items():
        lines += ["", f"## {title}", "", f"| | {' | '.join(VARIANTS)} |"]
        lines.append(f"|{'---|' * (len(VARIANTS) + 1)}")
        for name, row in results.items():
            lines.append(f"| {name} | {' | '.join(text(row[v]) for v in VARIANTS)} |")
    return "\n".join(lines) + "\n"


def as_page(results: dict[str, dict[str, Measured]], said: str) -> str:
    """Return the page of the manual."""
    lines = ["What each part is worth", "=======================", "", *_INTRODUCTION, said]
    rows = list(results.items())
    for title, text in TABLES.items():
        lines += ["", f".. list-table:: {title}", "   :header-rows: 1", ""]
        for head, *cells in [["", *VARIANTS], *([n, *map(text, r.values())] for n, r in rows)]:
            lines += [f"   * - {head}".rstrip(), *(f"     - {cell}" for cell in cells)]
    return "\n".join(lines) + "\n"


_INTRODUCTION = [
    "The training steps of the tutorials, compiled with everything on, with one part of the",
    "compiler left out, and with nothing done: each operation by itself, in the order of the",
    "graph, nothing rewritten and nothing written over what it replaces. All variants compute the",
    "same. Bytes are those that steps have to read and write at least (``symnet.cost``), memory is",
    "what a call needs beside parameters and data. Made by",
    "``python -m benchmarks.ablation --docs docs``.",
    "",
]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ablation", description="What each part of the compiler is worth."
    )
    parser.add_argument("--only", default="", help="tutorials with this in their names")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each variant")
    parser.add_argument("--burst", type=float, default=0.2, help="seconds of a turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder to save results in")
    parser.add_argument("--docs", type=Path, help="folder of the manual, to write its page")
    args = parser.parse_args(argv)
    sn.config.num_threads = args.threads
    results: dict[str, dict[str, Measured]] = {}
    for name, build in TUTORIALS.items():
        if args.only.lower() in name.lower():
            print(name, file=sys.stderr, flush=True)
            results[name] = measure(build, args.rounds, args.burst)
    cpu = llvm.get_host_cpu_name()
    said = (
        f"Threads: {args.threads}, on {cpu}. Times are the best of {args.rounds} interleaved "
        f"rounds, measured on {date.today().isoformat()}."
    )
    print(as_markdown(results, said))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        path = args.out / f"ablation-{date.today().isoformat()}-{cpu}.md"
        path.write_text(as_markdown(results, said))
    if args.docs:
        (args.docs / "ablation.rst").write_text(as_page(results, said))


if __name__ == "__main__":
    main()
