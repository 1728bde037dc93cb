"""The benchmarks run, agree with each other, and report what they found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import compile_time, problems, report, runner
from benchmarks.cases import CASES, STARTUP_CASES
from benchmarks.measure import Measurement, Settings, Startup, _checked, measure_steps
from benchmarks.peers import CONTENDERS
from symnet.backend import Machine

QUICK = Settings(threads=1, rounds=1, burst_s=0.01)


def small(problem: problems.Training) -> problems.Training:
    return replace(problem, inputs=problem.inputs[:40], labels=problem.labels[:40])


@pytest.mark.parametrize("case", ["affine", "update"])
def test_symnet_runs_in_a_worker(case: str) -> None:
    steps, versions = measure_steps(["symnet"], [c for c in CASES if c.name == case], QUICK)
    assert steps[case]["symnet"].error is None
    assert steps[case]["symnet"].median > 0
    assert "symnet" in versions


def test_symnet_training_step_computes_what_numpy_does() -> None:
    problem = small(problems.logistic_regression(20))
    run = CONTENDERS["symnet"].load().build(problem)
    W, b = (p.astype(np.float64) for p in problem.parameters)
    for x, y in problem.minibatches():
        scores = x @ W + b
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        expected = -np.log(p[np.arange(20), y]).mean()
        assert run.value(run.step()) == pytest.approx(expected, rel=1e-5)
        d = (p - np.eye(10)[y]) / 20
        W, b = W - problem.learning_rate * x.T @ d, b - problem.learning_rate * d.sum(axis=0)


def test_an_answer_unlike_the_others_is_an_error() -> None:
    answers = {name: {"first": [1.0, 2.0]} for name in "ab"} | {"c": {"first": [1.0, 2.1]}}
    measurements = _checked(answers, 2e-3)
    assert measurements["a"].error is None
    assert "computes [1.0, 2.1]" in measurements["c"].error


def test_samples_count_every_call_and_wait_for_the_last() -> None:
    calls: list[str] = []
    fake = runner.Runner(lambda: calls.append("step"), lambda: calls.append("wait"), float)
    assert runner.timed(fake, 3) >= 0
    assert calls == ["step"] * 3 + ["wait"]


def test_startup_cases_are_cases() -> None:
    assert set(STARTUP_CASES) <= {case.name for case in CASES}


def test_report(tmp_path: Path) -> None:
    found = report.Report(
        QUICK,
        Machine(200e9, 30e9, 60e9, 1 << 20),
        {"symnet": "0.1.0", "jax": "1"},
        {
            "affine": {"symnet": Measurement([1e-6, 2e-6, 3e-6]), "jax": Measurement([4e-6])},
            "update": {"symnet": Measurement([5e-7]), "jax": Measurement(error="no")},
        },
        {
            "mlp_b20": {
                "symnet": Startup(0.2, 0.1, 300.0),
                "torch": Startup(0.01, 0.01, 400.0),
                "jax": Startup(0.4, 0.2, 600.0),
            }
        },
    )
    text = found.save(tmp_path).read_text()
    assert "| f(x) = 2x + 1 on 10 floats | 2 µs | 4 µs |  | 0.50 |" in text
    assert "| update-only call | 500 ns |  |  |  |" in text
    assert "cold | 200 ms | 10 ms | 400 ms | 0.50 |" in text
    assert "peak memory | 300 MB | 400 MB | 600 MB | 0.75 |" in text
    assert "- jax, update-only call: no" in text
    assert list(tmp_path.glob("*.json"))


def test_compile_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_time, "LAYERS", 3)
    monkeypatch.setattr(compile_time, "OPERATIONS", 20)
    for name in compile_time.GRAPHS:
        assert compile_time.once(name).keys() == {"import", "compile"}
