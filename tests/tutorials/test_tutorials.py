"""Every tutorial runs with small settings, learns, and leaves its picture behind."""

import importlib
import os
import signal
from pathlib import Path

import numpy as np
import pytest

import symnet as sn

TUTORIALS = Path(__file__).parents[2] / "tutorials"
NAMES = sorted(p.stem for p in TUTORIALS.glob("*.py") if not p.stem.startswith("_"))

#: Tutorials without labels, which have tests of their own (`test_autoencoders`, `test_boltzmann`,
#: `test_hybrid_monte_carlo`).
UNLABELLED = [
    "contractive_autoencoder",
    "denoising_autoencoder",
    "hybrid_monte_carlo",
    "restricted_boltzmann_machine",
]

#: Tutorials on sequences, which have tests of their own (`test_sequences`).
SEQUENCES = ["elman_slot_filling", "lstm_sentiment", "rnn_rbm_music"]

#: Options under which a tutorial takes seconds, and a validation error that only learning reaches.
SMALL = {
    "convolutional_mlp": (
        ["--epochs", "12", "--batch-size", "20", "--learning-rate", "0.01"],
        0.10,
    ),
    "deep_belief_network": (
        [
            *("--hidden", "60", "40", "--pretraining-epochs", "5", "--pretraining-rate", "0.05"),
            *("--epochs", "20", "--learning-rate", "0.3"),
        ],
        0.07,
    ),
    "dropout_mlp": (["--epochs", "15", "--hidden", "100", "60", "--batch-size", "20"], 0.10),
    "logistic_regression": (["--epochs", "40"], 0.15),
    "logistic_regression_cg": (["--epochs", "20"], 0.06),
    "mlp": (["--epochs", "12", "--hidden", "50", "--learning-rate", "0.1"], 0.10),
    "stacked_autoencoders": (
        [
            "--epochs",
            "10",
            "--hidden",
            "50",
            "30",
            "--corruption",
            "0.1",
            "0.2",
            "--pretraining-epochs",
            "3",
            "--pretraining-rate",
            "0.05",
            "--batch-size",
            "10",
        ],
        0.12,
    ),
}

#: What a tutorial needs to be quick whatever it is run for.
QUICK = {
    "deep_belief_network": ["--hidden", "20", "10", "--pretraining-epochs", "1"],
    "dropout_mlp": ["--hidden", "30", "20"],
    "stacked_autoencoders": [
        "--hidden",
        "20",
        "10",
        "--corruption",
        "0.1",
        "0.2",
        "--pretraining-epochs",
        "1",
        "--pretraining-rate",
        "0.05",
    ],
}

#: Tutorials that take steps of one minibatch, the same ones in the same order.
STEPWISE = sorted(set(SMALL) - {"logistic_regression_cg"})


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pytest.importorskip("matplotlib")
    return tmp_path / "weights.png"


def test_every_tutorial_has_small_settings() -> None:
    assert sorted([*SMALL, *UNLABELLED, *SEQUENCES]) == NAMES


@pytest.mark.parametrize("name", SMALL)
def test_tutorial(name: str, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, bound = SMALL[name]
    result = importlib.import_module(name).main(
        [
            "--data",
            "digits",
            "--picture",
            str(picture),
            *arguments,
            "--checkpoint",
            str(picture.with_name("run.npz")),
        ]
    )
    assert result.validation_error <= bound
    assert [line.epoch for line in result.history] == list(range(1, result.epochs + 1))
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "Best validation error" in printed
    assert "steps/s" in printed


@pytest.mark.parametrize("name", STEPWISE)
def test_compiled_and_interpreted_runs_agree(name: str, picture: Path) -> None:
    arguments = ["--data", "digits", "--data-limit", "200", "--epochs", "2", "--batch-size", "20"]
    arguments += ["--picture", str(picture), "--checkpoint", str(picture.with_name("run.npz"))]
    arguments += QUICK.get(name, [])
    tutorial = importlib.import_module(name)
    compiled = tutorial.main(arguments)
    interpreted = tutorial.main([*arguments, "--mode", "reference"])
    assert compiled.steps == interpreted.steps == 20
    # One example of 200 may lie so near the boundary that rounding moves it across.
    assert compiled.validation_error == pytest.approx(interpreted.validation_error, abs=0.0051)
    assert compiled.test_error == pytest.approx(interpreted.test_error, abs=0.0051)


@pytest.mark.slow
@pytest.mark.skipif("SYMNET_DATA" not in os.environ, reason="SYMNET_DATA names no MNIST")
def test_logistic_regression_reaches_the_published_result(picture: Path) -> None:
    """deeplearning.net: 74 epochs, validation 7.50 %, test 7.489583 %."""
    result = importlib.import_module("logistic_regression").main(["--picture", str(picture)])
    assert result.validation_error <= 0.0755
    assert result.test_error <= 0.0755


@pytest.mark.slow
@pytest.mark.skipif("SYMNET_DATA" not in os.environ, reason="SYMNET_DATA names no MNIST")
def test_mlp_reaches_the_goal_in_twenty_epochs(picture: Path) -> None:
    result = importlib.import_module("mlp").main(["--picture", str(picture), "--epochs", "20"])
    assert result.test_error <= 0.026


@pytest.mark.slow
@pytest.mark.skipif("SYMNET_DATA" not in os.environ, reason="SYMNET_DATA names no MNIST")
def test_convolutional_mlp_reaches_the_goal_in_twenty_epochs(picture: Path) -> None:
    tutorial = importlib.import_module("convolutional_mlp")
    result = tutorial.main(["--picture", str(picture), "--epochs", "20"])
    assert result.test_error <= 0.012


@pytest.mark.parametrize("name", STEPWISE)
def test_an_interrupted_run_goes_on_where_it_was(
    name: str, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, tutorial = (importlib.import_module(module) for module in ("_training", name))
    arguments = ["--data", "digits", "--data-limit", "200", "--batch-size", "20"]
    arguments += ["--epochs", "3", "--picture", str(picture)]
    arguments += ["--checkpoint", str(tmp_path / "run.npz"), *QUICK.get(name, [])]
    whole = tutorial.main(arguments)
    row = training.row

    def pressing(line: object) -> str:
        signal.raise_signal(signal.SIGINT)
        return row(line)

    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(training, "row", pressing)
        first = tutorial.main(arguments)
    assert (first.interrupted, first.epochs) == (True, 1)
    rest = tutorial.main([*arguments, "--resume"])
    assert signal.getsignal(signal.SIGINT) is handler
    assert not rest.interrupted
    assert rest.steps == whole.steps
    for one, other in zip(rest.history, whole.history, strict=True):
        assert (one.epoch, one.error, one.test_error) == (
            other.epoch,
            other.error,
            other.test_error,
        )


def test_a_run_of_another_model_is_refused(tmp_path: Path) -> None:
    training = importlib.import_module("_training")
    path = tmp_path / "run.npz"
    training.Checkpoint(path, [sn.shared(np.zeros(3))]).save(training.Progress(limit=5))
    with pytest.raises(SystemExit, match="of another model"):
        training.Checkpoint(path, [sn.shared(np.zeros(4))]).load()


def test_without_a_checkpoint_ctrl_c_interrupts() -> None:
    training = importlib.import_module("_training")
    steps: list[int] = []

    def train(step: int) -> None:
        steps.append(step)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        training.fit(train, lambda: 0.5, lambda: 0.5, 4, 10, 3, training.Patience(20))
    assert steps == [0]


def _scripted(errors: list[float], patience: int, batches: int, epochs: int):
    """Run `fit` on a fake model with the given validation errors."""
    training = importlib.import_module("_training")
    sequence = iter(errors + errors[-1:] * 1000)
    steps: list[int] = []
    result = training.fit(
        steps.append,
        lambda: next(sequence),
        lambda: 0.5,
        batches,
        batch_size=10,
        epochs=epochs,
        patience=training.Patience(patience),
    )
    assert len(steps) == result.steps
    assert steps == [i % batches for i in range(result.steps)]
    return result


def test_training_stops_when_patience_runs_out() -> None:
    # Best at step 3 (epoch 1); nothing better follows, so the step numbered 20 is the last.
    result = _scripted([0.4], patience=20, batches=4, epochs=100)
    assert (result.steps, result.epochs, result.validation_error) == (21, 6, 0.4)
    assert [line.test_error for line in result.history] == [0.5, None, None, None, None]


def test_a_clear_improvement_extends_patience_to_twice_its_step() -> None:
    errors = [0.4] * 4 + [0.3]  # at the step numbered 19, the last but one: on to 38
    assert _scripted(errors, patience=20, batches=4, epochs=100).steps == 39


def test_a_faint_improvement_counts_but_buys_no_patience() -> None:
    result = _scripted([0.4] * 4 + [0.3999], patience=20, batches=4, epochs=100)
    assert (result.steps, result.validation_error) == (21, 0.3999)


def test_training_stops_after_the_last_epoch() -> None:
    result = _scripted([0.4], patience=1000, batches=4, epochs=3)
    assert (result.steps, result.epochs, len(result.history)) == (12, 3, 3)


def test_validation_is_more_frequent_than_epochs_when_patience_is_short() -> None:
    result = _scripted([0.4], patience=6, batches=100, epochs=1)
    assert (result.steps, len(result.history)) == (7, 2)
