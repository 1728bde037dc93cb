"""What every tutorial needs and none is about: options, early stopping, the table, the picture."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

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


def options(
    description: str, epochs: int, batch_size: int, learning_rate: float, patience: int
) -> argparse.ArgumentParser:
    """Return an argument parser with the options that all tutorials share."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=epochs, help="most epochs to train")
    parser.add_argument("--batch-size", type=int, default=batch_size, help="examples in a step")
    parser.add_argument("--learning-rate", type=float, default=learning_rate)
    parser.add_argument(
        "--patience", type=int, default=patience, help="steps before early stopping"
    )
    parser.add_argument("--data", choices=("mnist", "digits"), default="mnist")
    parser.add_argument("--data-limit", type=int, help="use only so many examples of each part")
    parser.add_argument("--mode", help="symnet's compilation mode, e.g. reference")
    parser.add_argument("--picture", type=Path, help="PNG file for pictures of the weights")
    return parser


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
) -> Result:
    """Train until patience or epochs run out, as the tutorials at deeplearning.net do.

    The validation error is measured every ``min(batches, patience.steps // 2)`` steps, and the
    test error whenever it has reached a new best.
    """
    limit, best, test_error = patience.steps, math.inf, math.nan
    every = max(1, min(batches, patience.steps // 2))
    history: list[Validation] = []
    started = time.perf_counter()
    print("epoch   validation error   test error   seconds")
    step = 0
    with tqdm(total=min(limit, epochs * batches), unit="step", leave=False) as bar:
        # Counts from 0, and stops after the step whose number reaches the limit.
        for step in range(epochs * batches):
            train(step % batches)
            if (step + 1) % every == 0:
                error = validate()
                improved = error < best
                if improved:
                    if error < best * patience.threshold:
                        limit = max(limit, step * patience.increase)
                    best, test_error = error, test()
                seconds = time.perf_counter() - started
                epoch = step // batches + 1
                history.append(Validation(epoch, error, test_error if improved else None, seconds))
                bar.total = min(limit, epochs * batches)
                bar.update(every)
                bar.write(_row(history[-1]))
            if limit <= step:
                break
    seconds = time.perf_counter() - started
    return Result(best, test_error, step // batches + 1, step + 1, seconds, batch_size, history)


def _row(line: Validation) -> str:
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
