r"""
An Elman network that fills slots
=================================

"A flight from Boston to Denver on Sunday morning": a machine that answers has to find out which
word is the place to start from, which one the goal, which the day. Every word gets a tag. *Boston*
alone does not say which: the words before it do. A recurrent network remembers them.

Run it with ``make train TUTORIAL=elman_slot_filling``, or ``python
tutorials/elman_slot_filling.py --help`` for the options. Ctrl-C saves the run, ``--resume`` goes on
with it.

The network is that of Elman, *Finding structure in time*, Cognitive Science 14, 1990. For these
slots it was tried by Mesnil, He, Deng and Bengio, *Investigation of recurrent-neural-network
architectures and learning methods for spoken language understanding*, Interspeech 2013, who reach
an F1 of 94.98; the chapter at deeplearning.net goes from there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from _conlleval import score
from _sequences import (
    PADDING,
    UNKNOWN,
    Outcome,
    canvas,
    fit,
    load,
    numbers,
    options,
    thinned,
    vocabulary,
)

import symnet as sn
import symnet.tensor as T
from symnet.datasets import Tagged
from symnet.nn import init
from symnet.random import RandomStreams

# %%
# Words in a window
# -----------------
#
# To the network a word is a number. Those met only once in training share one, so that it learns
# what to do about words it has never met; and digits are all alike, or every hour of the day would
# be such a word.
#
# What it reads at a word is a window: the word with three on either side. What is to come matters
# as well as what has been, and the recurrence below runs only one way.


def plain(words: Sequence[str]) -> list[str]:
    """Return words with their digits made equal."""
    return [re.sub(r"\d", "0", word) for word in words]


def windows(words: npt.NDArray[np.int32], width: int) -> npt.NDArray[np.int32]:
    """Return a row for every word, of itself in the middle of its neighbours."""
    filled = np.pad(words, width // 2, constant_values=PADDING)
    return np.lib.stride_tricks.sliding_window_view(filled, width).copy()


# %%
# The network
# -----------
#
# An *embedding* gives each word a hundred numbers, a row of a matrix that is learned like any
# other weights. The rows of a window, one behind the other, are :math:`x_t`. A hidden layer sees
# them, and itself one word earlier:
#
# .. math:: h_t = \mathrm{sigmoid}(x_t W_x + h_{t-1} W_h + b_h), \qquad
#           P(\mathrm{tag}_t) = \mathrm{softmax}(h_t W + b)
#
# That is all there is to an Elman network. ``scan`` walks along the sentence. Only what needs
# the walk is in its step: the products :math:`x_t W_x` of all words are one product of
# matrices outside, and so is the output layer.
#
# Dropout as in the `tutorial on it <dropout_mlp.html>`_ thins what either layer reads, in training.


@dataclass(frozen=True)
class Network:
    """The parameters: the embedding, and weights and offsets of two layers."""

    embedding: Any
    W_x: Any
    W_h: Any
    b_h: Any
    h_start: Any
    W: Any
    b: Any

    @property
    def parameters(self) -> list[Any]:
        """What is learned."""
        return [getattr(self, field.name) for field in fields(self)]

    def tags(self, window: Any, dropped: float, stream: RandomStreams | None) -> Any:
        """Return the probabilities of all tags, a row for each row of `window`."""
        n_in = self.W_x.shape[0]
        x = thinned(self.embedding[window].reshape((window.shape[0], n_in)), dropped, stream)
        h, _ = sn.scan(
            lambda seen, h: T.nnet.sigmoid(seen + T.dot(h, self.W_h)),
            sequences=T.dot(x, self.W_x) + self.b_h,
            outputs_info=self.h_start,
        )
        return T.nnet.softmax(T.dot(thinned(h, dropped, stream), self.W) + self.b)


def random_network(words: int, tags: int, args: Any) -> Network:
    """Return a network with random weights and no offsets."""
    rng = np.random.default_rng(args.seed)
    n_in = args.window * args.embedding

    def weights(name: str, *shape: int) -> Any:
        return sn.shared(init.uniform(shape, rng, -0.2, 0.2), name=name)

    def offsets(name: str, n: int) -> Any:
        return sn.shared(init.constant((n,)), name=name)

    return Network(
        weights("embedding", words, args.embedding),
        weights("W_x", n_in, args.hidden),
        weights("W_h", args.hidden, args.hidden),
        offsets("b_h", args.hidden),
        offsets("h_start", args.hidden),
        weights("W", args.hidden, tags),
        offsets("b", tags),
    )


# %%
# A sentence, a step
# ------------------
#
# Each step of training takes one sentence, whatever its length: that length is a symbol in the
# compiled function. A first version of it is compiled for the first sentence's length and a second
# one for all the others.
#
# A sentence touches a few rows of the embedding. The slope of the cost is zero in all other rows,
# and it would be a waste to write down these zeros, multiply them with the learning rate and
# subtract them. symnet sees that: what is compiled adds to the rows of the sentence where they are.


def training_step(
    network: Network, stream: RandomStreams, args: Any
) -> tuple[Any, sn.optim.Updates]:
    """Return a function of windows, tags and rate, and what it updates."""
    window, tags, rate = T.imatrix("window"), T.ivector("tags"), T.scalar("rate")
    probabilities = network.tags(window, args.drop, stream)
    cost = T.nnet.categorical_crossentropy(probabilities, tags).mean()
    updates = sn.optim.sgd(cost, network.parameters, rate)
    return sn.function([window, tags, rate], cost, updates=updates, mode=args.mode), updates


# %%
# How well it does
# ----------------
#
# Most words are in no slot, so counting right tags says little. What counts is a slot as a whole:
# found is "New York" as the goal, not "York". *Precision* is the part that is right of the slots
# found, *recall* the part that is found of the slots there are, and F1 their harmonic mean. The
# module ``_conlleval`` counts as the script of that name does, by which everyone's results on these
# sentences are compared.


class Tagger:
    """A network that reads sentences of words, and writes tags."""

    def __init__(self, network: Network, known: dict[str, int], names: list[str], args: Any):
        window = T.imatrix("window")
        best = T.argmax(network.tags(window, args.drop, None), axis=1)
        self._best = sn.function([window], best, mode=args.mode)
        self._known, self._names, self._width = known, names, args.window

    def read(self, words: Sequence[str]) -> npt.NDArray[np.int32]:
        """Return the windows of a sentence."""
        return windows(numbers(plain(words), self._known), self._width)

    def tags(self, words: Sequence[str]) -> list[str]:
        """Return a tag for each word."""
        return [self._names[k] for k in self._best(self.read(words))]

    def score(self, sentences: Sequence[Tagged]) -> Any:
        """Return the score of all slots together, and of each by its name."""
        return score((s.tags for s in sentences), (self.tags(s.words) for s in sentences))


# %%
# What it has learned
# -------------------
#
# The embedding starts at random, and nobody tells the network what a city is. But cities are
# found in the same places in the same slots, so what it learns about one is what it learns about
# another: their rows move together. The picture shows the rows of the most frequent words that
# fill slots, projected to the plane in which they differ most; the colour is a word's usual slot.


def neighbours(network: Network, known: dict[str, int], word: str, count: int = 4) -> list[str]:
    """Return the words whose rows of the embedding point most nearly where that of `word` does."""
    rows = network.embedding.get_value()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    order = np.argsort(-rows @ rows[known[word]])
    names = {number: name for name, number in known.items()}
    return [names[k] for k in order if k > UNKNOWN and names[k] != word][:count]


def usual_slots(sentences: Sequence[Tagged], known: dict[str, int], most: int) -> dict[str, str]:
    """Return the most frequent words of slots, and the kind of slot each mostly fills."""
    kinds: dict[str, Counter[str]] = {}
    for words, tags in sentences:
        for word, tag in zip(plain(words), tags, strict=True):
            if tag != "O" and word in known:
                kinds.setdefault(word, Counter())[re.split(r"[-.]", tag)[-1]] += 1
    frequent = sorted(kinds, key=lambda word: -kinds[word].total())[:most]
    return {word: kinds[word].most_common(1)[0][0] for word in frequent}


def draw_words(
    network: Network, known: dict[str, int], kinds: dict[str, str], picture: Path
) -> None:
    """Save a map of words."""
    rows = network.embedding.get_value()[[known[word] for word in kinds]]
    rows -= rows.mean(axis=0)
    across, along = (rows @ np.linalg.svd(rows, full_matrices=False)[2][:2].T).T
    colours = {kind: f"C{k}" for k, (kind, _) in enumerate(Counter(kinds.values()).most_common(7))}
    figure = canvas(9, 7, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.scatter(across, along, s=0)
    for x, y, (word, kind) in zip(across, along, kinds.items(), strict=True):
        axes.text(x, y, word, color=colours.get(kind, "0.5"), fontsize=8, ha="center", va="center")
    for kind, colour in colours.items():
        axes.plot([], [], "s", color=colour, label=kind)
    axes.legend(fontsize=8)
    figure.savefig(picture, dpi=120)


# %%
# Training
# --------
#
# Sentences come in another order in every epoch, and the learning rate falls steadily to zero.
# What is printed in the table is F1; the test part is looked at only where validation has reached a
# new best, so choosing the epoch by validation chooses the number to report.


def main(argv: Sequence[str] | None = None) -> Outcome:
    """Train, report, draw; return what was reached."""
    parser = options(
        "elman_slot_filling",
        "An Elman network that fills the slots of questions about flights.",
        ["atis", "requests"],
        epochs=30,
        learning_rate=0.5,
    )
    parser.add_argument("--embedding", type=int, default=100, help="numbers for each word")
    parser.add_argument("--window", type=int, default=7, help="words in a window, an odd number")
    parser.add_argument("--drop", type=float, default=0.3, help="part of each layer to drop")
    args = parser.parse_args(argv)
    data = load(args)

    known = vocabulary(plain(s.words) for s in data.train)
    names = sorted({tag for s in data.train for tag in s.tags})
    number = {name: k for k, name in enumerate(names)}
    print(f"      {len(known):,} words, {len(names)} tags")
    network = random_network(len(known) + 2, len(names), args)
    stream = RandomStreams(args.seed)
    step, updates = training_step(network, stream, args)
    tagger = Tagger(network, known, names, args)
    examples = [
        (tagger.read(words), np.array([number[tag] for tag in tags], np.int32))
        for words, tags in data.train
    ]

    states = [state for state, _ in stream.state_updates]
    outcome = fit(
        step,
        lambda rng: [examples[k] for k in rng.permutation(len(examples))],
        lambda sentences: 1 - tagger.score(sentences)[0].f1,
        lambda error: f"F1 {100 * (1 - error):.2f}",
        data,
        args,
        network.parameters,
        [*updates, *states],
    )
    if not outcome.interrupted:
        report(network, tagger, known, data, args.picture)
    return outcome


def report(network: Network, tagger: Tagger, known: dict[str, int], data: Any, path: Path) -> None:
    """Print what is found in the test part, slot by slot, and which words are alike; draw them."""
    whole, by_name = tagger.score(data.test)
    frequent = sorted(by_name.items(), key=lambda item: -item[1].there)[:10]
    print(f"{'slot of the test part':28} there  found  right  precision   recall       F1")
    for name, part in [*frequent, ("all", whole)]:
        rates = (100 * rate for rate in (part.precision, part.recall, part.f1))
        print(
            f"{name:28} {part.there:5}  {part.found:5}  {part.right:5}   "
            + "   ".join(f"{rate:6.2f}" for rate in rates)
        )
    kinds = usual_slots(data.train, known, 90)
    for kind, _ in Counter(kinds.values()).most_common(6):
        word = next(word for word in kinds if kinds[word] == kind)
        print(f"Near {word}: {', '.join(neighbours(network, known, word))}")
    draw_words(network, known, kinds, path)
    print(f"Words drawn in {path}")


if __name__ == "__main__":
    main()
