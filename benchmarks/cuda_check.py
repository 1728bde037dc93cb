"""One command for a machine with a GPU: check that results are right, then time training steps.

``python -m benchmarks.cuda_check --out benchmarks/results`` runs, on the GPU,

1. the kernels of the test suite, against NumPy, and every row of the scalar table;
2. training steps of the tutorials, against the reference interpreter;
3. the same steps against the clock, beside PyTorch and JAX where they are installed.

Nothing is timed before everything is right. ``--emulate`` runs the first two parts on the CPU.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.with_symnet import training_step
from benchmarks.problems import Training, logistic_regression, perceptron
from symnet import backend as backends
from symnet import dtypes
from symnet.backend import Backend
from symnet.config import config
from tests.backends.cuda.cases import CASES
from tests.backends.cuda.test_kernels import check_case
from tests.backends.cuda.test_rows import check_rows

PROBLEMS: dict[str, Callable[[], Training]] = {
    "logreg, batch 600": lambda: logistic_regression(600),
    "logreg, batch 20": lambda: logistic_regression(20),
    "MLP 784-500-10, batch 20": lambda: perceptron(20),
    "the same with L2": lambda: perceptron(20, l2=1e-4),
    "MLP, batch 600": lambda: perceptron(600),
}
Step = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Steps:
    """One contender's way to take a training step, and to wait until all are taken."""

    step: Step
    wait: Callable[[], None]


# ------------------------------------------------------------------------------- correctness


def check(backend: Backend, cases: int | None = None) -> list[str]:
    """Run the test suite's kernels and rows; what went wrong."""
    failures = []
    for case in CASES[:cases]:
        with _noting(failures, case.name):
            check_case(backend, case)
    for dtype in dtypes.ALL[:cases]:
        with _noting(failures, f"rows of {dtype}"):
            check_rows(backend, dtype)
    return failures


def check_training(steps: int, problems: Sequence[str] = tuple(PROBLEMS)) -> list[str]:
    """Train here and in the reference interpreter; what differs."""
    failures: list[str] = []
    for name in problems:
        problem = PROBLEMS[name]().shortened(3)
        with _noting(failures, name):
            want = _trained(problem, steps, "reference")
            for a, b in zip(_trained(problem, steps, "default"), want, strict=True):
                scale = np.abs(b).max()
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * scale)
    return failures


@contextlib.contextmanager
def _noting(failures: list[str], what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # whatever it is, the rest is worth knowing too
        failures.append(f"{what}: {type(error).__name__}: {error}")
        print(f"WRONG {failures[-1][:2000]}", flush=True)
    else:
        print(f"right {what}", flush=True)


def _trained(problem: Training, steps: int, mode: str) -> list[Any]:
    step, parameters = training_step(problem, mode=mode)
    return [*(step() for _ in range(steps)), *(p.get_value() for p in parameters)]


# ------------------------------------------------------------------------------- contenders


def symnet_steps(problem: Training, reads: bool) -> Steps:
    """Time symnet."""
    step, parameters = training_step(problem, reads)

    def wait() -> None:
        parameters[-1].get_value()

    return Steps(step, wait)


def torch_steps(problem: Training, reads: bool, compiled: bool = False) -> Steps:
    """Time PyTorch, eager or with CUDA graphs made by ``torch.compile``."""
    import torch

    gpu = torch.device("cuda")
    torch.backends.cuda.matmul.allow_tf32 = False
    parameters = [torch.tensor(p, device=gpu, requires_grad=True) for p in problem.parameters]
    batches = cycle(
        [
            (torch.tensor(x, device=gpu), torch.tensor(y, device=gpu).long())
            for x, y in problem.shortened(100).minibatches()
        ]
    )

    def cost(x: Any, y: Any) -> Any:
        layers = list(zip(parameters[::2], parameters[1::2], strict=True))
        for W, b in layers[:-1]:
            x = torch.tanh(torch.addmm(b, x, W))
        W, b = layers[-1]
        loss = torch.nn.functional.cross_entropy(torch.addmm(b, x, W), y)
        return loss + problem.l2 * sum(W.square().sum() for W, _ in layers) if problem.l2 else loss

    if compiled:
        cost = torch.compile(cost, mode="reduce-overhead")
    optimizer = torch.optim.SGD(parameters, problem.learning_rate, foreach=True)

    def step() -> Any:
        if compiled:
            torch.compiler.cudagraph_mark_step_begin()
        loss = cost(*next(batches))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss) if reads else None

    return Steps(step, torch.cuda.synchronize)


def jax_steps(problem: Training, reads: bool) -> Steps:
    """Time JAX, as the CPU's benchmark does."""
    from benchmarks.peers.with_jax import training

    runner = training(problem.shortened(100))
    return Steps((lambda: float(runner.step())) if reads else runner.step, runner.wait)


CONTENDERS: dict[str, Callable[[Training, bool], Steps]] = {
    "symnet": symnet_steps,
    "torch": torch_steps,
    "torch.compile": lambda problem, reads: torch_steps(problem, reads, compiled=True),
    "jax": jax_steps,
}


# ---------------------------------------------------------------------------------- timing


def microseconds(steps: Steps, burst: float = 0.3, rounds: int = 7) -> float:
    """Time a step: the median of several rounds."""
    for _ in range(20):
        steps.step()
    steps.wait()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < burst / 3:
        steps.step()
        count += 1
    steps.wait()
    count *= 3
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(count):
            steps.step()
        steps.wait()
        found.append((time.perf_counter() - start) / count * 1e6)
    return float(np.median(found))


def table(problems: Sequence[str]) -> str:
    """Time every contender on every problem; Markdown."""
    lines = [
        f"| step, microseconds | {' | '.join(f'{c} | cost not read' for c in CONTENDERS)} |",
        "| --- |" + " ---: |" * (2 * len(CONTENDERS)),
    ]
    for name in problems:
        cells = []
        for contender, make in CONTENDERS.items():
            for reads in (True, False):
                try:
                    cells.append(f"{microseconds(make(PROBLEMS[name](), reads)):.1f}")
                except ImportError:
                    cells.append("not installed")
                except Exception as error:  # a contender that fails must not end the comparison
                    print(f"{contender} failed on {name}: {error}", flush=True)
                    cells.append("failed")
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Check, then time; the number of things that are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cuda_check", description=str(__doc__).splitlines()[0]
    )
    parser.add_argument("--out", type=Path, help="folder to save results in")
    parser.add_argument("--emulate", action="store_true", help="check on the CPU, time nothing")
    parser.add_argument("--steps", type=int, default=12, help="of training to check")
    parser.add_argument("--cases", type=int, help="check only so many kernels")
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    args = parser.parse_args(argv)

    with contextlib.ExitStack() as stack:
        if args.emulate:
            from symnet_cuda.emulator import EmulatedBackend

            stack.enter_context(_instead(EmulatedBackend()))
        backend = backends.get("cuda")
        facts = "".join(f"- {what}: {answer}\n" for what, answer in backend.describe().items())
        print(facts, flush=True)
        failures = check(backend, args.cases)
        stack.enter_context(config.change(device="cuda"))
        failures += check_training(args.steps, args.problems)
        checked = f"{len(failures)} wrong" if failures else "all kernels, rows and steps are right"
        print(checked, flush=True)
        if failures or args.emulate:
            return len(failures)
        # JAX would otherwise take most of the memory, and compile anew in every process.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", tempfile.mkdtemp())
        report = f"# CUDA, {date.today()}\n\n{facts}\n{checked}\n\n{table(args.problems)}\n"
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / f"{date.today()}-cuda.md").write_text(report)
    return 0


@contextlib.contextmanager
def _instead(backend: Any) -> Iterator[None]:
    found, backends.get = backends.get, lambda name: backend  # type: ignore[assignment]
    try:
        yield
    finally:
        backends.get = found  # type: ignore[assignment]


if __name__ == "__main__":
    raise SystemExit(main())
