"""What the tutorials on sequences share: words and their numbers, padding, and epochs of them."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from _training import Checkpoint, Interruption, Progress, Validation
from denoising_autoencoder import corrupt
from tqdm import tqdm

import symnet as sn
from symnet import datasets
from symnet.datasets import Corpus
from symnet.random import RandomStreams

#: The numbers of no word at all, and of every word that is not in a vocabulary.
PADDING, UNKNOWN = 0, 1


@dataclass(frozen=True)
class Outcome:
    """What a training run gives back: `history` has a line for every epoch.

    The errors are what the tutorial measures, the less the better; `test_error` is that of the
    epoch with the best `validation_error`.
    """

    validation_error: float
    test_error: float
    steps: int
    seconds: float
    history: list[Validation]
    interrupted: bool = False


def options(
    name: str,
    description: str,
    data: Sequence[str],
    epochs: int,
    learning_rate: float,
    every: int = 1,
) -> argparse.ArgumentParser:
    """Return an argument parser with the options that tutorials on sequences share.

    The first of `data`, names of loaders, is the real thing, the second one is made up.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--epochs", type=int, default=epochs, help="epochs to train")
    add("--learning-rate", type=float, default=learning_rate, help="at first; it falls to 0")
    add("--hidden", type=int, default=100, help="number of hidden units")
    add("--seed", type=int, default=0, help="of weights, of order and of noise")
    add("--data", choices=data, default=data[0])
    add("--data-limit", type=int, help="use only so many examples of each part")
    add("--mode", help="symnet's compilation mode, e.g. reference")
    add("--picture", type=Path, default=Path(f"{name}.png"), help="PNG file for the picture")
    add("--every", type=int, default=every, help="epochs between measurements")
    add("--checkpoint", type=Path, default=Path(f"{name}.npz"), help="that Ctrl-C saves to")
    add("--resume", action="store_true", help="go on with the run that is saved")
    return parser


def load(args: argparse.Namespace) -> Corpus[Any]:
    """Load the data that the options name, and say what it is."""
    data: Corpus[Any] = getattr(datasets, args.data)()
    if args.data_limit is not None:
        data = data.limit(args.data_limit)
    print(f"Data: {data.name} ({data.source})")
    print(f"      {len(data.train):,} + {len(data.valid):,} + {len(data.test):,} examples")
    return data


def vocabulary(sentences: Iterable[Sequence[str]], least: int = 2) -> dict[str, int]:
    """Number the words that occur at least so many times, from 2 on."""
    counts = Counter(word for words in sentences for word in words)
    return {word: 2 + k for k, word in enumerate(sorted(w for w in counts if counts[w] >= least))}


def numbers(words: Sequence[str], known: dict[str, int]) -> npt.NDArray[np.int32]:
    """Return the numbers of words."""
    return np.array([known.get(word, UNKNOWN) for word in words], np.int32)


def padded(sequences: Sequence[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.floating]]:
    """Put sequences side by side, the shorter ones filled up with zeros.

    The results have shape (steps, sequences, ...) and (steps, sequences); the second one is 1
    where there is something, else 0.
    """
    first, steps = sequences[0], max(map(len, sequences))
    shape = (steps, len(sequences))
    values, mask = np.zeros((*shape, *first.shape[1:]), first.dtype), np.zeros(shape, "float32")
    for k, sequence in enumerate(sequences):
        values[: len(sequence), k] = sequence
        mask[: len(sequence), k] = 1
    return values, mask


def thinned(x: Any, rate: float, stream: RandomStreams | None) -> Any:
    """Drop a part of the elements of `x`; without a stream scale all, to the same sum."""
    return x * (1 - rate) if stream is None else corrupt(stream, x, rate)


def fit(
    step: Callable[..., Any],
    minibatches: Callable[[np.random.Generator], Sequence[tuple[Any, ...]]],
    error: Callable[[list[Any]], float],
    show: Callable[[float], str],
    data: Corpus[Any],
    args: argparse.Namespace,
    parameters: Sequence[Any],
    state: Iterable[Any],
) -> Outcome:
    """Train for a number of epochs, and go back to the parameters of the best one.

    Parameters
    ----------
    step
        Takes the arguments that make a minibatch, and a learning rate; returns the cost.
    minibatches
        Makes these arguments for an epoch, as many in each.
    error
        Measures the error in examples.
    show
        Writes an error as the table has it.
    data
        Its validation part decides which epoch is best; the test part is measured there.
    args
        The options. Ctrl-C saves the run, and ``--resume`` takes the steps it would have taken.
    parameters
        The shared variables that are learned.
    state
        All that a run depends on, the parameters among them.
    """
    so_far = Progress(limit=0)
    best = [sn.shared(p.get_value()) for p in parameters]
    checkpoint = Checkpoint(args.checkpoint, [*state, *best])
    if args.resume:
        so_far = checkpoint.load()
        print(f"Going on after {so_far.step:,} steps, from {checkpoint.path}")
    started = time.perf_counter() - so_far.seconds

    def drawn(epoch: int) -> Sequence[tuple[Any, ...]]:
        return minibatches(np.random.default_rng((args.seed, epoch)))

    def row(line: Validation) -> str:
        found = "" if line.test_error is None else show(line.test_error)
        return f"{line.epoch:5}   {show(line.error):>10}   {found:>10}   {line.seconds:7.1f}"

    def measured(epoch: int) -> Validation:
        found, at_best = error(data.valid), None
        if found < so_far.best:
            so_far.best, so_far.test_error = found, error(data.test)
            at_best = so_far.test_error
            copy(parameters, best)
        return Validation(epoch, found, at_best, time.perf_counter() - started)

    print("epoch   validation         test   seconds")
    for line in so_far.history:
        print(row(line))
    count = len(drawn(0))
    if not count:
        raise SystemExit("too few examples for a single step: give a smaller --batch-size")
    total = args.epochs * count
    with (
        Interruption() as interruption,
        tqdm(total=total, initial=so_far.step, unit="step", leave=False) as bar,
    ):
        for epoch in range(so_far.step // count, args.epochs):
            for minibatch in drawn(epoch)[so_far.step % count :]:
                rate = args.learning_rate * (1 - so_far.step / total)
                cost = step(*minibatch, rate)
                so_far.step += 1
                bar.update()
                if interruption.pressed:
                    break
            bar.set_postfix(cost=f"{cost:.3f}")
            whole = so_far.step % count == 0
            if whole and ((epoch + 1) % args.every == 0 or so_far.step == total):
                so_far.history.append(measured(epoch + 1))
                bar.write(row(so_far.history[-1]))
            if interruption.pressed:
                break
    so_far.seconds = time.perf_counter() - started
    if interruption.pressed:
        checkpoint.save(so_far)
        print(f"Interrupted: saved in {checkpoint.path}, --resume goes on from there")
    elif so_far.history:
        copy(best, parameters)
        print(f"Best validation {show(so_far.best)}, there test {show(so_far.test_error)}")
    print(f"Trained {so_far.step:,} steps in {so_far.seconds:.1f} s, validation included")
    return Outcome(
        so_far.best,
        so_far.test_error,
        so_far.step,
        so_far.seconds,
        so_far.history,
        interruption.pressed,
    )


def copy(sources: Sequence[Any], targets: Sequence[Any]) -> None:
    """Give shared variables the values of others."""
    for source, target in zip(sources, targets, strict=True):
        target.set_value(source.get_value(borrow=True))


def canvas(width: float, height: float, layout: str | None = "constrained") -> Any:
    """Return a figure that is drawn in memory: needs no screen, whatever the user's settings."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure
