"""How long compilation takes: ``python -m benchmarks.compile_time``.

Two graphs that are large in nodes, not in work: a network of 400 layers with its gradients and
updates, and 10,000 elementwise operations one after the other. Each is compiled in fresh processes,
with an empty cache and with what the process before left there. Building the expressions is the
user's part and is not counted; `function` and the first call are. So is, by itself, the import.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

LAYERS, UNITS = 400, 64
OPERATIONS = 10_000

Built = tuple[list[Any], Any, list[tuple[Any, Any]], list[Any]]
"""Inputs, output, updates, and arguments of a call."""


def deep() -> Built:
    """A network of many layers, one step of gradient descent."""
    import symnet as sn
    import symnet.tensor as T

    rng = np.random.default_rng(0)
    x, y = T.fmatrix("x"), T.ivector("y")
    h, parameters = x, []
    for layer in range(LAYERS):
        values = (rng.standard_normal((UNITS, UNITS)) / np.sqrt(UNITS)).astype("float32")
        W = sn.shared(values, name=f"W{layer}")
        b = sn.shared(np.zeros(UNITS, "float32"), name=f"b{layer}")
        h = T.tanh(T.dot(h, W) + b)
        parameters += [W, b]
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax(h), y).mean()
    gradients = sn.grad(cost, parameters)
    updates = [(p, p - 0.01 * g) for p, g in zip(parameters, gradients, strict=True)]
    batch = rng.standard_normal((20, UNITS)).astype("float32")
    return [x, y], cost, updates, [batch, rng.integers(0, UNITS, 20).astype("int32")]


def long() -> Built:
    """Elementwise operations, each on the result of the one before."""
    import symnet.tensor as T

    x = T.fvector("x")
    h = x
    for k in range(OPERATIONS // 2):
        h = T.tanh(h) + x if k % 2 else T.sqr(h) * np.float32(0.5 + k * 1e-5)
    return [x], h, [], [np.ones(8, "float32")]


GRAPHS: dict[str, tuple[str, Callable[[], Built]]] = {
    "deep": (f"{LAYERS}-layer MLP, step", deep),
    "long": (f"{OPERATIONS:,} elementwise operations", long),
}


def once(name: str) -> dict[str, float]:
    """Compile a graph in this process."""
    start = time.perf_counter()
    import symnet as sn

    imported = time.perf_counter()
    inputs, output, updates, arguments = GRAPHS[name][1]()
    built = time.perf_counter()
    sn.function(inputs, output, updates=updates)(*arguments)
    return {"import": imported - start, "compile": time.perf_counter() - built}


def rounds(name: str, count: int) -> dict[str, float]:
    """Medians over pairs of fresh processes: one with an empty cache, one after it."""
    found: dict[str, list[float]] = {"import": [], "cold": [], "cached": []}
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(count):
        with tempfile.TemporaryDirectory() as cache:
            for kind in ("cold", "cached"):
                done = subprocess.run(
                    [sys.executable, "-m", "benchmarks.compile_time", "--once", name],
                    env={**environment, "SYMNET_CACHE_DIR": cache},
                    capture_output=True,
                    text=True,
                    check=True,
                )
                answer = json.loads(done.stdout)
                found[kind].append(answer["compile"])
                found["import"].append(answer["import"])
    return {kind: statistics.median(seconds) for kind, seconds in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile_time", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--once", choices=GRAPHS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.once:
        print(json.dumps(once(args.once)))
        return
    print("| graph | cold | cached | import of symnet |\n|---|---|---|---|")
    for name, (title, _) in GRAPHS.items():
        rounds(name, 1)  # leaves the byte code of all modules
        found = rounds(name, args.rounds)
        print(f"| {title} | " + " | ".join(f"{found[k]:.2f} s" for k in found if k != "import")
              + f" | {found['import']:.2f} s |")  # fmt: skip


if __name__ == "__main__":
    main()
