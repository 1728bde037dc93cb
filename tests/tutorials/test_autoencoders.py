"""Autoencoders and conjugate gradients: they learn, draw, and go on after Ctrl-C."""

import importlib
import signal
from pathlib import Path

import numpy as np
import pytest

SMALL = ["--data", "digits", "--hidden", "40", "--batch-size", "20", "--learning-rate", "0.1"]
NAMES = ["contractive_autoencoder", "denoising_autoencoder"]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    pytest.importorskip("matplotlib")
    picture, checkpoint = tmp_path / "filters.png", tmp_path / "run.npz"
    return ["--picture", str(picture), "--checkpoint", str(checkpoint)]


@pytest.mark.parametrize("name", NAMES)
def test_autoencoder(name: str, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = importlib.import_module(name).main([*SMALL, "--epochs", "6", *files])
    assert len(outcomes) == (2 if name == "denoising_autoencoder" else 1)
    for outcome in outcomes:
        assert len(outcome.costs) == 6
        assert outcome.costs[-1] < 0.85 * outcome.costs[0]
        assert outcome.picture.read_bytes().startswith(b"\x89PNG")
    assert "steps/s" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_compiled_and_interpreted_runs_agree(name: str, files: list[str]) -> None:
    arguments = [*SMALL, "--epochs", "2", "--data-limit", "200", *files]
    tutorial = importlib.import_module(name)
    compiled, interpreted = (
        tutorial.main(arguments),
        tutorial.main([*arguments, "--mode", "reference"]),
    )
    for one, other in zip(compiled, interpreted, strict=True):
        assert one.steps == other.steps == 20
        np.testing.assert_allclose(one.costs, other.costs, rtol=1e-4)


def test_noise_makes_it_harder(files: list[str]) -> None:
    tutorial = importlib.import_module("denoising_autoencoder")
    clean, noisy = tutorial.main([*SMALL, "--epochs", "6", *files])
    assert clean.costs[-1] < noisy.costs[-1]


@pytest.mark.parametrize("name", NAMES)
def test_an_interrupted_run_goes_on_where_it_was(
    name: str, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [*SMALL, "--epochs", "3", "--data-limit", "200", *files]
    shared, tutorial = (importlib.import_module(m) for m in ("_pretraining", name))
    whole = tutorial.main(arguments)
    row = shared._row

    def pressing(line: object) -> str:
        signal.raise_signal(signal.SIGINT)
        return row(line)

    with monkeypatch.context() as patch:
        patch.setattr(shared, "_row", pressing)
        first = tutorial.main(arguments)
    assert [o.interrupted for o in first] == [True]
    assert first[0].steps == 10
    rest = tutorial.main([*arguments, "--resume"])
    # The noise goes on, too: the state of its stream is saved.
    for one, other in zip(rest, whole, strict=True):
        assert not one.interrupted
        assert one.costs == other.costs


def test_conjugate_gradients_go_on_from_the_point_reached(
    files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--data", "digits", "--epochs", "4", *files]
    tutorial = importlib.import_module("logistic_regression_cg")
    whole = tutorial.main(arguments)
    row = tutorial.row

    def pressing(line: object) -> str:
        signal.raise_signal(signal.SIGINT)
        return row(line)

    with monkeypatch.context() as patch:
        patch.setattr(tutorial, "row", pressing)
        first = tutorial.main(arguments)
    assert (first.interrupted, first.epochs) == (True, 1)
    rest = tutorial.main([*arguments, "--resume"])
    assert (rest.interrupted, rest.epochs) == (False, 4)
    assert rest.history[0].error == whole.history[0].error
    assert rest.validation_error < 0.15
