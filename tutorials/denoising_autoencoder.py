r"""
A denoising autoencoder
=======================

So far every image came with its label. An autoencoder does without: it learns to squeeze an image
through a layer of hidden units and to draw it again from what they say. To do that well the units
have to find what images are made of. If on top of that the image comes with a third of its pixels
blotted out, they have to know which pixels go together.

Run it with ``make train TUTORIAL=denoising_autoencoder``, or ``python
tutorials/denoising_autoencoder.py --help`` for the options. Ctrl-C saves the run, ``--resume`` goes
on with it.

The method is that of Vincent, Larochelle, Bengio and Manzagol, *Extracting and composing robust
features with denoising autoencoders*, ICML 2008; the settings are those of the chapter of the same
name at deeplearning.net.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _pretraining import Outcome, compile_step, learn, options, report
from _training import Checkpoint, load

import symnet as sn
import symnet.tensor as T
from symnet.nn import init
from symnet.random import RandomStreams

# %%
# There and back with one matrix
# ------------------------------
#
# The hidden layer is :math:`h = \mathrm{sigmoid}(x W + b)`, and the reconstruction goes back with
# the same weights the other way round:
#
# .. math:: z = \mathrm{sigmoid}(h W^\top + b')
#
# Tying both to one matrix halves the number of weights, and keeps the units honest: what one
# answers to is also what it draws. With sigmoid units the weights start four times as wide as with
# tanh units; ``symnet.nn.init`` draws them, as it does other ways to begin.


def random_weights(rng: np.random.Generator, n_in: int, n_out: int) -> Any:
    """Return a shared matrix of weights into sigmoid units."""
    return sn.shared(init.glorot_uniform((n_in, n_out), rng, gain=4), name="W")


def zeros(n: int, name: str) -> Any:
    """Return a shared vector of offsets."""
    return sn.shared(np.zeros(n, sn.config.floatX), name=name)


def encode(x: Any, W: Any, b: Any) -> Any:
    """Return the hidden units for a batch of images."""
    return T.nnet.sigmoid(T.dot(x, W) + b)


def decode(h: Any, W: Any, b: Any) -> Any:
    """Return the images that hidden units stand for."""
    return T.nnet.sigmoid(T.dot(h, W.T) + b)


# %%
# What a good drawing is
# ----------------------
#
# A pixel between 0 and 1 can be read as the probability of ink. The cost is then the surprise at
# the image when the drawing is believed, the cross-entropy summed over the pixels:
#
# .. math:: L(x, z) = -\sum_k \left( x_k \log z_k + (1 - x_k) \log (1 - z_k) \right)
#
# The logarithm of a sigmoid would overflow where a unit is very sure. The compiler knows that, and
# computes it in another way.


def surprise(x: Any, z: Any) -> Any:
    """Return the cross-entropy of each image of a batch with its reconstruction."""
    return T.nnet.binary_crossentropy(z, x).sum(axis=1)


# %%
# Noise
# -----
#
# A random stream draws a new mask of zeros and ones in every step, inside the compiled function:
# its state is a shared variable which the function moves on by itself. Only what goes into the
# hidden layer is masked. The cost compares with the whole image.


def corrupt(stream: RandomStreams, x: Any, level: float) -> Any:
    """Return images with a fraction `level` of the pixels, chosen at random, set to 0."""
    if level == 0:
        return x
    kept = stream.binomial(x.shape, n=1, p=1 - level, dtype=sn.config.floatX)
    return x * kept


def train_autoencoder(args: Any, data: Any, level: float, picture: Path, saved: Path) -> Outcome:
    """Train one autoencoder on images with a fraction `level` of their pixels missing."""
    rng, stream = np.random.default_rng(args.seed), RandomStreams(args.seed)
    W = random_weights(rng, data.features, args.hidden)
    b_hidden, b_visible = zeros(args.hidden, "b_hidden"), zeros(data.features, "b_visible")
    parameters = [W, b_hidden, b_visible]

    x = T.matrix("x")
    h = encode(corrupt(stream, x, level), W, b_hidden)
    cost = surprise(x, decode(h, W, b_visible)).mean()
    images = sn.shared(data.train.inputs, borrow=True)
    step = compile_step(x, cost, parameters, images, args.batch_size, args.learning_rate, args.mode)

    states = [state for state, _ in stream.state_updates]
    checkpoint = Checkpoint(saved, [*parameters, *states])
    batches = len(data.train.inputs) // args.batch_size
    outcome = learn(step, batches, args.epochs, checkpoint, args.resume)
    return report(outcome, W.get_value(borrow=True), data.image_shape, picture)


# %%
# Two of them
# -----------
#
# The program trains one autoencoder on clean images and one on images with 30 % of the pixels
# missing, and draws the weights of a hundred hidden units of each. Many filters of the first are
# grainy: with 500 units for 784 pixels it can do well without finding much. Noise forbids that, and
# the filters of the second are strokes, spots and pieces of curves.


def main(argv: Sequence[str] | None = None) -> list[Outcome]:
    """Train, report, draw; return what was reached at every level of noise."""
    parser = options(
        "A denoising autoencoder of handwritten digits.",
        epochs=15,
        batch_size=20,
        learning_rate=0.1,
    )
    parser.add_argument(
        "--corruption",
        type=float,
        nargs="+",
        default=[0.0, 0.3],
        help="parts of pixels to hide",
    )
    args = parser.parse_args(argv)
    data = load(args)
    outcomes: list[Outcome] = []
    for level in args.corruption:
        print(f"Hiding {level:.0%} of the pixels")
        name = f"_{100 * level:02.0f}"
        picture = args.picture or Path("denoising_autoencoder.png")
        saved = args.checkpoint or Path("denoising_autoencoder.npz")
        outcomes.append(
            train_autoencoder(
                args,
                data,
                level,
                picture.with_stem(picture.stem + name),
                saved.with_stem(saved.stem + name),
            )
        )
        if outcomes[-1].interrupted:
            break
    return outcomes


if __name__ == "__main__":
    main()
