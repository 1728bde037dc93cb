"""One contender in a process of its own: ``python -m benchmarks.worker NAME THREADS``.

Reads requests, one JSON object a line, and answers each with one:

- ``{"build": case}`` -> ``{"first": [value of the first calls], "version": ...}``
- ``{"burst": seconds}`` -> ``{"samples": [seconds per call, ...]}``
- ``{"startup": case}`` -> ``{"seconds": from the arrays to the end of the first step}``
- ``{"memory": case}`` -> ``{"peak_mb": of this process, after building the case and some steps}``

An exception becomes ``{"error": text}``. Separate processes keep the contenders' thread pools,
allocators and environment variables apart; the driver lets only one of them work at a time.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any

from benchmarks import runner
from benchmarks.cases import CASES
from benchmarks.peers import CONTENDERS
from benchmarks.problems import Training

_CASES = {case.name: case for case in CASES}
#: Steps after which memory has reached its peak: caches filled, temporaries recycled.
_STEPS_TO_PEAK = 200


class Worker:
    """Answers requests; holds one built problem at a time."""

    def __init__(self, name: str) -> None:
        self._peer = CONTENDERS[name].load()
        self._runner: runner.Runner | None = None
        self._calls = 1

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request."""
        ((verb, argument),) = request.items()
        answer: dict[str, Any] = getattr(self, f"_{verb}")(argument)
        return answer

    def _build(self, case: str) -> dict[str, Any]:
        self._runner = None  # frees the previous problem before the next one is made
        self._runner = self._peer.build(_CASES[case].problem())
        first = [self._runner.value(self._runner.step()) for _ in range(3)]
        self._calls = runner.calibrated(self._runner)
        return {"first": first, "version": self._peer.version}

    def _burst(self, seconds: float) -> dict[str, Any]:
        assert self._runner is not None, "build comes first"
        return {"samples": runner.burst(self._runner, self._calls, seconds)}

    def _startup(self, case: str) -> dict[str, Any]:
        problem = _CASES[case].problem()
        assert isinstance(problem, Training)
        # With the whole data, some would be timed for slicing it into thousands of minibatches.
        problem = problem.shortened(batches=2)
        started = time.perf_counter()
        run = self._peer.build(problem)
        run.value(run.step())
        return {"seconds": time.perf_counter() - started}

    def _memory(self, case: str) -> dict[str, Any]:
        run = self._peer.build(_CASES[case].problem())
        runner.timed(run, _STEPS_TO_PEAK)
        return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    """Serve requests until the input ends."""
    # Whatever a library prints goes to stderr; stdout carries answers alone.
    answers, sys.stdout = sys.stdout, sys.stderr
    name, threads = sys.argv[1], int(sys.argv[2])
    # Some libraries ask for no number of threads and take every core they are allowed.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    try:
        worker = Worker(name)
    except Exception as error:
        for _ in sys.stdin:
            print(json.dumps({"error": _text(error)}), file=answers, flush=True)
        return
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        # A contender that cannot do a case loses that case, not the whole run.
        except Exception as error:
            answer = {"error": _text(error)}
        print(json.dumps(answer), file=answers, flush=True)


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


if __name__ == "__main__":
    main()
