"""What tutorials on learning without labels share: epochs, layers, and pictures of filters."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import _training
import numpy as np
import numpy.typing as npt
from _training import Checkpoint, Interruption, Progress, Step, Validation
from tqdm import tqdm

import symnet as sn
import symnet.tensor as T
from symnet import optim


@dataclass(frozen=True)
class Outcome:
    """What training without labels gives back: the mean cost of every epoch, and how fast it was.

    After an interruption the first mean is that of the rest of its epoch.
    """

    costs: list[float]
    steps: int
    seconds: float
    picture: Path | None = None
    interrupted: bool = False


def options(
    description: str, epochs: int, batch_size: int, learning_rate: float
) -> argparse.ArgumentParser:
    """Return an argument parser with the options that these tutorials share."""
    parser = _training.options(description, epochs, batch_size, learning_rate)
    parser.add_argument("--hidden", type=int, default=500, help="number of hidden units")
    parser.add_argument("--seed", type=int, default=123, help="of the weights and of the noise")
    return parser


def compile_step(
    x: Any, cost: Any, parameters: list[Any], images: Any, batch_size: int, rate: float, mode: Any
) -> Step:
    """Return a training step, a function of a minibatch's index that returns the cost."""
    return compile_updates(x, cost, optim.sgd(cost, parameters, rate), images, batch_size, mode)


def compile_updates(
    x: Any, measure: Any, updates: Any, images: Any, batch_size: int, mode: Any
) -> Step:
    """Return a function of a minibatch's index that returns a measure and makes updates."""
    index = T.lscalar("index")
    here = slice(index * batch_size, (index + 1) * batch_size)
    step: Step = sn.function([index], measure, updates=updates, givens={x: images[here]}, mode=mode)
    return step


def learn(
    train: Step, batches: int, epochs: int, checkpoint: Checkpoint, resume: bool = False
) -> Outcome:
    """Train for a number of epochs and print the mean cost of each.

    The run is saved in `checkpoint` at Ctrl-C and at the end; `resume` goes on with what is there.
    """
    so_far = Progress(limit=0)
    if resume and checkpoint.path.exists():
        so_far = checkpoint.load()
        print(f"Going on after {so_far.step:,} steps, from {checkpoint.path}")
    started = time.perf_counter() - so_far.seconds
    print("epoch         cost   seconds")
    for line in so_far.history:
        print(_row(line))
    total, costs = epochs * batches, []
    with (
        Interruption() as interruption,
        tqdm(total=total, initial=so_far.step, unit="step", leave=False) as bar,
    ):
        while so_far.step < total and not interruption.pressed:
            costs.append(train(so_far.step % batches))
            so_far.step += 1
            bar.update()
            if so_far.step % batches == 0:
                seconds = time.perf_counter() - started
                mean = float(np.mean(costs))
                so_far.history.append(Validation(so_far.step // batches, mean, None, seconds))
                bar.write(_row(so_far.history[-1]))
                costs = []
    so_far.seconds = time.perf_counter() - started
    checkpoint.save(so_far)
    if interruption.pressed:
        print(f"Interrupted: saved in {checkpoint.path}, --resume goes on from there")
    return Outcome(
        [line.error for line in so_far.history],
        so_far.step,
        so_far.seconds,
        interrupted=interruption.pressed,
    )


def layer_by_layer(
    steps: Iterable[Callable[[Any], Step]], states: list[Any], data: Any, saved: Path, args: Any
) -> bool:
    """Train layers one after the other without labels; False if Ctrl-C came between.

    Each of `steps` compiles a training step on images. A layer's run is saved with all `states`.
    """
    images = sn.shared(data.train.inputs, borrow=True)
    batches = len(data.train.inputs) // args.batch_size
    for number, compiled in enumerate(steps, start=1):
        print(f"Layer {number}, without labels")
        checkpoint = Checkpoint(saved.with_stem(f"{saved.stem}_layer{number}"), states)
        outcome = learn(compiled(images), batches, args.pretraining_epochs, checkpoint, args.resume)
        if outcome.interrupted:
            return False
    return True


def _row(line: Validation) -> str:
    return f"{line.epoch:5}   {line.error:10.4f}   {line.seconds:7.2f}"


def report(
    outcome: Outcome,
    weights: npt.NDArray[np.floating],
    image_shape: tuple[int, int],
    picture: Path,
) -> Outcome:
    """Print how fast the run was and draw the weights of the first hundred hidden units."""
    print(
        f"Trained {outcome.steps:,} steps in {outcome.seconds:.2f} s: "
        f"{outcome.steps / outcome.seconds:,.0f} steps/s"
    )
    draw_filters(weights[:, :100], image_shape, picture)
    print(f"Filters drawn in {picture}")
    return replace(outcome, picture=picture)


def draw_filters(
    weights: npt.NDArray[np.floating],
    image_shape: tuple[int, int],
    picture: Path,
    across: int | None = None,
) -> None:
    """Save the columns of `weights` as tiles from black to white, in a square or `across` a row."""
    from matplotlib.image import imsave

    units = weights.shape[1]
    across = across or math.ceil(math.sqrt(units))
    rows, columns = image_shape
    board = np.zeros((math.ceil(units / across) * (rows + 1), across * (columns + 1)))
    for unit in range(units):
        tile = weights[:, unit].reshape(image_shape)
        least, most = tile.min(), tile.max()
        top, left = unit // across * (rows + 1), unit % across * (columns + 1)
        scaled = (tile - least) / ((most - least) or 1.0)
        board[top : top + rows, left : left + columns] = scaled
    imsave(picture, board, cmap="gray", vmin=0.0, vmax=1.0)
