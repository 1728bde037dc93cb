"""The restricted Boltzmann machine: it learns, dreams, and goes on after Ctrl-C."""

import importlib
import signal
from pathlib import Path

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.random import RandomStreams

SMALL = ["--data", "digits", "--hidden", "40", "--gibbs-steps", "5"]
SMALL += ["--chains", "4", "--samples", "2", "--between", "10"]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    pytest.importorskip("matplotlib")
    return ["--picture", str(tmp_path / "filters.png"), "--checkpoint", str(tmp_path / "run.npz")]


def _run(*arguments: str):
    return importlib.import_module("restricted_boltzmann_machine").main([*SMALL, *arguments])


def test_pseudo_likelihood_rises(files: list[str], tmp_path: Path) -> None:
    outcome = _run("--epochs", "6", *files)
    assert len(outcome.costs) == 6
    assert outcome.costs[0] < outcome.costs[-1] < 0
    assert outcome.costs[-1] > 0.85 * outcome.costs[0]
    for picture in ("filters.png", "filters_samples.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_the_cost_of_being_sure_and_wrong_is_finite() -> None:
    tutorial = importlib.import_module("restricted_boltzmann_machine")
    sure = np.array([[-200.0, 200.0]], "float32")
    machine = tutorial.Machine(
        sn.shared(np.zeros((2, 1), "float32")),
        sn.shared(np.zeros(1, "float32")),
        sn.shared(sure[0]),
        RandomStreams(1),
    )
    x = T.matrix("x")
    ink, _, updates = tutorial.contrast(machine, x, machine.hidden(x), 2, 0.1)
    cost = tutorial.surprise(x, ink)
    found, drawn = sn.function([x], [cost, ink], updates=updates)([[0.5, 0.5]])
    np.testing.assert_array_equal(drawn, [[0.0, 1.0]])
    np.testing.assert_allclose(found, [200.0])


def test_reconstructions_get_better(files: list[str]) -> None:
    costs = _run("--epochs", "6", "--contrastive", "--gibbs-steps", "1", *files).costs
    assert costs[-1] < 0.9 * costs[0]


@pytest.mark.parametrize("kind", [[], ["--contrastive"]])
def test_compiled_and_interpreted_runs_agree(kind: list[str], files: list[str]) -> None:
    # A toss that rounding turns leads the chains apart: few steps, and the costs only about alike.
    arguments = ["--epochs", "2", "--data-limit", "100", *kind, *files]
    compiled, interpreted = _run(*arguments), _run(*arguments, "--mode", "reference")
    assert compiled.steps == interpreted.steps == 10
    np.testing.assert_allclose(compiled.costs, interpreted.costs, rtol=1e-2)


def test_an_interrupted_run_goes_on_where_it_was(
    files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--epochs", "3", "--data-limit", "200", *files]
    shared, whole = importlib.import_module("_pretraining"), _run(*arguments)
    row = shared._row

    def pressing(line: object) -> str:
        signal.raise_signal(signal.SIGINT)
        return row(line)

    with monkeypatch.context() as patch:
        patch.setattr(shared, "_row", pressing)
        first = _run(*arguments)
    assert (first.interrupted, first.steps) == (True, 10)
    # The chains, the streams and the pixel whose turn it is go on, too.
    assert _run(*arguments, "--resume").costs == whole.costs
