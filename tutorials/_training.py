"""What every tutorial needs and none is about.

Options, early stopping, the table, the picture, and going on after an interruption.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from symnet import datasets
from symnet.datasets import Dataset

#: A compiled function of a minibatch's index.
Step = Callable[[int], object]


@dataclass(frozen=True)
class Patience:
    """When to stop: after `steps` training steps, more while validation keeps improving.

    An improvement by more than the factor `threshold` at step i allows ``increase * i`` steps.
    """

    steps: int
    increase: int = 2
    threshold: float = 0.995


@dataclass(frozen=True)
class Validation:
    """One line of the table of epochs; `test_error` only where validation reached a new best."""

    epoch: int
    error: float
    test_error: float | None
    seconds: float


@dataclass
class Progress:
    """How far a run has come: all that its rest depends on, beside the parameters."""

    limit: int
    step: int = 0
    best: float = math.inf
    test_error: float = math.nan
    seconds: float = 0.0
    history: list[Validation] = field(default_factory=list)


class Checkpoint:
    """A file that holds a run's progress and its shared variables, in their order."""

    def __init__(self, path: Path, parameters: Sequence[Any]) -> None:
        self.path = path
        self._parameters = list(parameters)

    def save(self, progress: Progress) -> None:
        """Write the file; one that was there stays whole until the new one is."""
        values = {f"p{k}": p.get_value() for k, p in enumerate(self._parameters)}
        beside = self.path.with_name(self.path.name + ".part")
        with open(beside, "wb") as file:
            np.savez(file, progress=json.dumps(asdict(progress)), **values)
        os.replace(beside, self.path)

    def load(self) -> Progress:
        """Read the file: the parameters take the values they had."""
        with np.load(self.path) as saved:
            values = [saved[f"p{k}"] for k in range(len(saved.files) - 1)]
            progress = json.loads(str(saved["progress"]))
        shapes = [p.get_value(borrow=True).shape for p in self._parameters]
        if [v.shape for v in values] != shapes:
            raise SystemExit(f"{self.path} is of another model: give the settings it was made with")
        for parameter, value in zip(self._parameters, values, strict=True):
            parameter.set_value(value)
        progress["history"] = [Validation(**line) for line in progress["history"]]
        return Progress(**progress)


class Interruption:
    """Within, Ctrl-C is noted in `pressed`, so that a step can end; the second one interrupts."""

    def __init__(self) -> None:
        self.pressed = False
        self._before: Any = None

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def _note(self, number: int, frame: object) -> None:
        self.pressed = True
        self._restore()

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None


@dataclass(frozen=True)
class Result:
    """What a training run gives back. Errors are fractions; seconds include the validations."""

    validation_error: float
    test_error: float
    epochs: int
    steps: int
    seconds: float
    batch_size: int
    history: list[Validation]
    picture: Path | None = None
    interrupted: bool = False


def options(
    description: str,
    epochs: int,
    batch_size: int,
    learning_rate: float | None = None,
    patience: int | None = None,
) -> argparse.ArgumentParser:
    """Return an argument parser with the options that tutorials share.

    Those of the learning rate and of early stopping are there if they have a default.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=epochs, help="most epochs to train")
    parser.add_argument("--batch-size", type=int, default=batch_size, help="examples in a step")
    if learning_rate is not None:
        parser.add_argument("--learning-rate", type=float, default=learning_rate)
    if patience is not None:
        parser.add_argument(
            "--patience", type=int, default=patience, help="steps before early stopping"
        )
    parser.add_argument("--data", choices=("mnist", "digits"), default="mnist")
    parser.add_argument("--data-limit", type=int, help="use only so many examples of each part")
    parser.add_argument("--mode", help="symnet's compilation mode, e.g. reference")
    parser.add_argument("--picture", type=Path, help="PNG file for pictures of the weights")
    parser.add_argument("--checkpoint", type=Path, help="file that Ctrl-C saves the run to")
    parser.add_argument("--resume", action="store_true", help="go on with the run that is saved")
    return parser


def checkpoint_of(args: argparse.Namespace, name: str, parameters: Sequence[Any]) -> Checkpoint:
    """Return the file that the options name, for a tutorial's parameters."""
    return Checkpoint(args.checkpoint or Path(f"{name}.npz"), parameters)


def load(args: argparse.Namespace) -> Dataset:
    """Load the data that the options name, say what it is, and fit the batch size to it."""
    data: Dataset = getattr(datasets, args.data)()
    if args.data_limit is not None:
        data = data.limit(args.data_limit)
    sizes = [len(part.labels) for part in (data.train, data.valid, data.test)]
    rows, columns = data.image_shape
    print(f"Data: {data.name} ({data.source})")
    print("      {:,} + {:,} + {:,} images of {}x{}".format(*sizes, rows, columns))
    if args.batch_size > min(sizes):
        print(f"      too few for batches of {args.batch_size}: taking {min(sizes)}")
        args.batch_size = min(sizes)
    return data


def mean_error(function: Step, examples: int, batch_size: int) -> Callable[[], float]:
    """Return a function that averages `function` over a part's whole minibatches."""
    batches = range(examples // batch_size)
    return lambda: float(np.mean([function(index) for index in batches]))


def fit(
    train: Step,
    validate: Callable[[], float],
    test: Callable[[], float],
    batches: int,
    batch_size: int,
    epochs: int,
    patience: Patience,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
) -> Result:
    """Train until patience or epochs run out, as the tutorials at deeplearning.net do.

    The validation error is measured every ``min(batches, patience.steps // 2)`` steps, and the
    test error whenever it has reached a new best. Ctrl-C saves the run in `checkpoint`, and
    `resume` goes on with the one saved there: it then takes the steps it would have taken.
    """
    so_far = Progress(limit=patience.steps)
    if resume and checkpoint is not None:
        so_far = checkpoint.load()
        print(f"Going on after {so_far.step:,} steps, from {checkpoint.path}")
    every = max(1, min(batches, patience.steps // 2))
    started = time.perf_counter() - so_far.seconds
    print("epoch   validation error   test error   seconds")
    for line in so_far.history:
        print(row(line))

    def total() -> int:
        return min(so_far.limit, epochs * batches)

    with (
        Interruption() as interruption,
        tqdm(total=total(), initial=so_far.step, unit="step", leave=False) as bar,
    ):
        # Counts from 0, and stops after the step whose number reaches the limit.
        while so_far.step < epochs * batches and so_far.step <= so_far.limit:
            step = so_far.step
            train(step % batches)
            bar.update()
            if (step + 1) % every == 0:
                error = validate()
                improved = error < so_far.best
                if improved:
                    if error < so_far.best * patience.threshold:
                        so_far.limit = max(so_far.limit, step * patience.increase)
                    so_far.best, so_far.test_error = error, test()
                seconds = time.perf_counter() - started
                found = so_far.test_error if improved else None
                so_far.history.append(Validation(step // batches + 1, error, found, seconds))
                bar.total = total()
                bar.write(row(so_far.history[-1]))
            so_far.step += 1
            if interruption.pressed and checkpoint is not None:
                break
            if interruption.pressed:
                raise KeyboardInterrupt
    so_far.seconds = time.perf_counter() - started
    if interruption.pressed and checkpoint is not None:
        checkpoint.save(so_far)
        print(f"Interrupted: saved in {checkpoint.path}, --resume goes on from there")
    return Result(
        so_far.best,
        so_far.test_error,
        (so_far.step - 1) // batches + 1,
        so_far.step,
        so_far.seconds,
        batch_size,
        so_far.history,
        interrupted=interruption.pressed,
    )


def row(line: Validation) -> str:
    test = f"{100 * line.test_error:8.2f} %" if line.test_error is not None else " " * 10
    return f"{line.epoch:5}   {100 * line.error:14.2f} %   {test}   {line.seconds:7.2f}"


def report(
    result: Result, weights: npt.NDArray[np.floating], image_shape: tuple[int, int], picture: Path
) -> Result:
    """Print how the run ended and draw the first ten columns of `weights`."""
    steps_per_s = result.steps / result.seconds
    print(
        f"Best validation error {100 * result.validation_error:.2f} %, "
        f"there test error {100 * result.test_error:.2f} %\n"
        f"Trained {result.epochs} epochs in {result.seconds:.2f} s: "
        f"{result.epochs / result.seconds:.2f} epochs/s, {steps_per_s:,.0f} steps/s, "
        f"{steps_per_s * result.batch_size:,.0f} examples/s, validation included"
    )
    draw_weights(weights[:, :10], image_shape, picture)
    print(f"Weights drawn in {picture}")
    return replace(result, picture=picture)


def draw_weights(
    weights: npt.NDArray[np.floating], image_shape: tuple[int, int], picture: Path
) -> None:
    """Save each column of `weights` as an image: red pushes the unit up, blue pushes it down."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = weights.shape[1]
    rows = math.ceil(columns / 5)
    figure = Figure(figsize=(7.5, 1.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)  # draws to memory: needs no screen, whatever the user's settings
    scale = np.abs(weights).max() or 1.0
    for unit, axes in enumerate(figure.subplots(rows, 5, squeeze=False).flat):
        axes.set_axis_off()
        if unit < columns:
            image = weights[:, unit].reshape(image_shape)
            axes.imshow(image, cmap="RdBu_r", vmin=-scale, vmax=scale)
            axes.set_title(unit, fontsize=9)
    figure.savefig(picture, dpi=120)
