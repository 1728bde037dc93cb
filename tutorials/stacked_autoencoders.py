r"""
Stacked autoencoders
====================

Three hidden layers of a thousand units are hard to train from random weights: what the labels have
to say reaches the first layer only through the others. So the layers are first trained one by one,
each as a denoising autoencoder of what the layer below it says, without any label. Only then does a
softmax layer come on top, and the whole network learns the labels.

Run it with ``make train TUTORIAL=stacked_autoencoders``, or ``python
tutorials/stacked_autoencoders.py --help`` for the options. Ctrl-C saves the run, ``--resume`` goes
on with it. The published run takes one example a step, hours in all; ``--batch-size 20
--pretraining-rate 0.01`` is the way to see where it goes.

The method is that of Vincent, Larochelle, Lajoie, Bengio and Manzagol, *Stacked denoising
autoencoders*, JMLR 11, 2010; the settings are those of the chapter of the same name at
deeplearning.net.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from _pretraining import compile_step, layer_by_layer
from _training import Checkpoint, Patience, Result, Step, fit, load, options, report
from denoising_autoencoder import corrupt, decode, encode, random_weights, surprise, zeros
from logistic_regression import (
    compile_functions,
    descent,
    error_rate,
    negative_log_likelihood,
    softmax_layer,
)

import symnet.tensor as T
from symnet.random import RandomStreams

# %%
# One network, seen in two ways
# -----------------------------
#
# Each layer belongs to two expressions at once. In the network it turns what the layer below says
# into what the layer above hears. In its autoencoder the same weights take a corrupted version of
# what the layer below says, and must draw the clean one. Both read the same shared variables, so
# what one of them learns the other knows.


class Layer:
    """A layer of sigmoid units and its autoencoder."""

    def __init__(
        self, rng: np.random.Generator, stream: RandomStreams, x: Any, shape: tuple[int, int],
        level: float,
    ) -> None:  # fmt: skip
        self.W = random_weights(rng, *shape)
        self.b, b_visible = zeros(shape[1], "b_hidden"), zeros(shape[0], "b_visible")
        self.output = encode(x, self.W, self.b)
        hidden = encode(corrupt(stream, x, level), self.W, self.b)
        self.cost = surprise(x, decode(hidden, self.W, b_visible)).mean()
        self.autoencoder = [self.W, self.b, b_visible]


# %%
# Layer by layer
# --------------
#
# The cost of layer three is an expression of the pixels: the compiled step runs the image up
# through the two layers below, which stay as they are because no update names them. Deeper layers
# hide more of their input.


def pretrain(
    layers: Sequence[Layer], stream: RandomStreams, x: Any, data: Any, saved: Path, args: Any
) -> bool:
    """Train the layers one after the other; False if Ctrl-C came between."""

    def compiled(layer: Layer, images: Any) -> Step:
        parameters, rate = layer.autoencoder, args.pretraining_rate
        return compile_step(x, layer.cost, parameters, images, args.batch_size, rate, args.mode)

    states = [p for layer in layers for p in layer.autoencoder]
    states += [state for state, _ in stream.state_updates]
    return layer_by_layer([partial(compiled, layer) for layer in layers], states, data, saved, args)


# %%
# The whole network
# -----------------
#
# Fine-tuning is the page on multilayer perceptrons once more, but for where it starts.


def fine_tune(
    x: Any, top: Any, units: int, parameters: Sequence[Any], data: Any, saved: Path, args: Any
) -> Result:
    """Put a softmax layer on top of a network with so many units there, and train everything."""
    print("The whole network, with labels")
    y = T.ivector("y")
    probabilities, added = softmax_layer(top, units, data.classes)
    every = [*parameters, *added]
    cost = negative_log_likelihood(probabilities, y)
    errors = error_rate(probabilities, y)
    updates = descent(cost, every, args.learning_rate)
    train, validate, test = compile_functions(x, y, cost, errors, updates, data, args)
    return fit(
        train,
        validate,
        test,
        len(data.train.labels) // args.batch_size,
        args.batch_size,
        args.epochs,
        Patience(args.patience),
        Checkpoint(saved, every),
        args.resume and saved.exists(),
    )


# %%
# Training
# --------
#
# The picture shows the first ten units of the first layer.


def main(argv: Sequence[str] | None = None) -> Result | None:
    """Train, report, draw; return what was reached, None if Ctrl-C came before fine-tuning."""
    parser = options(
        "Stacked denoising autoencoders of handwritten digits.",
        epochs=1000,
        batch_size=1,
        learning_rate=0.1,
        patience=500_000,
    )
    parser.add_argument("--hidden", type=int, nargs="+", default=[1000, 1000, 1000])
    parser.add_argument("--corruption", type=float, nargs="+", default=[0.1, 0.2, 0.3])
    parser.add_argument("--pretraining-epochs", type=int, default=15)
    parser.add_argument("--pretraining-rate", type=float, default=0.001)
    parser.add_argument("--seed", type=int, default=89677, help="of the weights and of the noise")
    args = parser.parse_args(argv)
    if len(args.corruption) != len(args.hidden):
        parser.error("--corruption needs a level for each layer of --hidden")
    data = load(args)

    x = T.matrix("x")
    rng, stream = np.random.default_rng(args.seed), RandomStreams(args.seed)
    layers: list[Layer] = []
    sizes = [data.features, *args.hidden]
    for shape, level in zip(pairwise(sizes), args.corruption, strict=True):
        below = layers[-1].output if layers else x
        layers.append(Layer(rng, stream, below, shape, level))
    saved = args.checkpoint or Path("stacked_autoencoders.npz")
    if not pretrain(layers, stream, x, data, saved, args):
        return None
    parameters = [p for layer in layers for p in (layer.W, layer.b)]
    result = fine_tune(x, layers[-1].output, sizes[-1], parameters, data, saved, args)
    picture = args.picture or Path("stacked_autoencoders.png")
    return report(result, layers[0].W.get_value(borrow=True), data.image_shape, picture)


if __name__ == "__main__":
    main()
