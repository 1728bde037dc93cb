"""The driver: starts a worker for each contender and lets them work in turns, A B C A B C ...

Interleaving means that a slow minute of the machine slows everybody. Numbers are medians of all of
a contender's samples for a case.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import CASES, Case

#: Thread pools spin for a while after their work; that spinning belongs to nobody's sample.
_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how wide to measure."""

    threads: int = 2
    rounds: int = 7
    burst_s: float = 0.3


@dataclass(slots=True)
class Measurement:
    """One case of one contender: seconds per call, or what went wrong."""

    samples: list[float] = field(default_factory=list)
    error: str | None = None

    @property
    def median(self) -> float | None:
        return statistics.median(self.samples) if self.samples else None


@dataclass(frozen=True, slots=True)
class Startup:
    """Building a step and making it once, without and with the cache of an earlier process."""

    cold_s: float | None
    cached_s: float | None
    peak_mb: float | None
    error: str | None = None


class WorkerProcess:
    """A contender's process, limited to as many cores as it may have threads."""

    def __init__(self, name: str, threads: int, cache: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(threads, cache),
            text=True,
        )

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        # Closes the pipes, which ends the worker, and waits for it.
        self._process.__exit__(None, None, None)

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            return {"error": f"its process ended with status {self._process.wait()}"}
        answer: dict[str, Any] = json.loads(line)
        return answer


def _environment(threads: int, cache: Path) -> dict[str, str]:
    """Return the environment of a worker: so many threads, and every cache in one folder.

    Python keeps the byte code of modules, as it does wherever a library is installed.
    """
    counts = ("OMP", "MKL", "OPENBLAS", "NUMBA", "SYMNET")
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        **{f"{library}_NUM_THREADS": str(threads) for library in counts},
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "PYTENSOR_FLAGS": f"base_compiledir={cache / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(cache / "numba"),
        "SYMNET_CACHE_DIR": str(cache / "symnet"),
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "TRITON_CACHE_DIR": str(cache / "triton"),
        "XDG_CACHE_HOME": str(cache / "xdg"),
    }


def measure_steps(
    names: Sequence[str], cases: Iterable[Case], settings: Settings
) -> tuple[dict[str, dict[str, Measurement]], dict[str, str]]:
    """Return the measurements by case and contender, and the contenders' versions."""
    results: dict[str, dict[str, Measurement]] = {}
    versions: dict[str, str] = {}
    with ExitStack() as stack:
        cache = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workers = {
            name: stack.enter_context(WorkerProcess(name, settings.threads, cache / name))
            for name in names
        }
        for case in cases:
            _log(case.title)
            answers = {name: worker.ask(build=case.name) for name, worker in workers.items()}
            versions |= {n: a["version"] for n, a in answers.items() if "version" in a}
            results[case.name] = _checked(answers, case.agreement)
            _take_turns(workers, results[case.name], settings)
            for name, measurement in results[case.name].items():
                _log(f"    {name:14} {measurement.error or f'{measurement.median:.3e} s'}")
    return results, versions


def _checked(answers: Mapping[str, Mapping[str, Any]], agreement: float) -> dict[str, Measurement]:
    """Start a measurement for each answer; an answer unlike most others' is an error."""
    firsts = [answer["first"] for answer in answers.values() if "first" in answer]
    consensus = np.median(firsts, axis=0) if firsts else None
    measurements = {}
    for name, answer in answers.items():
        error = answer.get("error")
        if error is None and not np.allclose(answer["first"], consensus, rtol=agreement):
            error = f"computes {answer['first']}, not {consensus}"
        measurements[name] = Measurement(error=error)
    return measurements


def _take_turns(
    workers: Mapping[str, WorkerProcess], results: dict[str, Measurement], settings: Settings
) -> None:
    for _ in range(settings.rounds):
        for name, measurement in results.items():
            if measurement.error is None:
                time.sleep(_PAUSE_S)
                answer = workers[name].ask(burst=settings.burst_s)
                measurement.samples += answer.get("samples", [])
                measurement.error = answer.get("error")


def measure_startup(
    names: Sequence[str], cases: Sequence[str], settings: Settings, rounds: int
) -> dict[str, dict[str, Startup]]:
    """Return compile time and peak memory by case and contender, each run a fresh process.

    Cold runs have an empty cache, cached runs the one that the cold run before them filled. The
    import of the library does not count, and neither does a run before the first, which leaves the
    byte code of what the library imports late.
    """
    results: dict[str, dict[str, Startup]] = {}
    for case in cases:
        title = next(c.title for c in CASES if c.name == case)
        _log(f"compile and first step: {title}")
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for name in names:
            _fresh(name, case, settings, ["startup"])
        for _ in range(rounds):
            for name in names:
                runs[name] += _fresh(name, case, settings, ["startup", "startup", "memory"])
        results[case] = {name: _startup(answers) for name, answers in runs.items()}
        for name, startup in results[case].items():
            _log(f"    {name:14} {startup}")
    return results


def _fresh(
    name: str, case: str, settings: Settings, requests: Iterable[str]
) -> list[dict[str, Any]]:
    """Return the answers of new processes, one after the other, that share an empty cache."""
    answers = []
    with tempfile.TemporaryDirectory() as cache:
        for request in requests:
            with WorkerProcess(name, settings.threads, Path(cache)) as worker:
                answers.append(worker.ask(**{request: case}))
    return answers


def _startup(answers: Sequence[Mapping[str, Any]]) -> Startup:
    errors = [answer["error"] for answer in answers if "error" in answer]
    if errors:
        return Startup(None, None, None, errors[0])
    cold, cached, memory = answers[::3], answers[1::3], answers[2::3]
    return Startup(
        statistics.median(answer["seconds"] for answer in cold),
        statistics.median(answer["seconds"] for answer in cached),
        statistics.median(answer["peak_mb"] for answer in memory),
    )


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
