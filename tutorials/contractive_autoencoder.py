r"""
A contractive autoencoder
=========================

The denoising autoencoder learns features that noise does not disturb by being shown noise. The same
can be asked for directly: let the hidden units change little when the image does. How much they
change is their derivative, so that the cost of this page has a derivative in it, and training takes
the derivative of that.

Run it with ``make train TUTORIAL=contractive_autoencoder``, or ``python
tutorials/contractive_autoencoder.py --help`` for the options. Ctrl-C saves the run, ``--resume``
goes on with it.

The method is that of Rifai, Vincent, Muller, Glorot and Bengio, *Contractive auto-encoders:
explicit invariance during feature extraction*, ICML 2011; the settings are those of the chapter of
the same name at deeplearning.net.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _pretraining import Outcome, compile_step, learn, options, report
from _training import Checkpoint, load
from denoising_autoencoder import decode, encode, random_weights, surprise, zeros

import symnet as sn
import symnet.tensor as T

# %%
# The price of change
# -------------------
#
# The derivative of hidden unit :math:`j` by pixel :math:`i` is that of the sigmoid times the weight
# between them, :math:`h_j (1 - h_j) W_{ij}`. The price is the sum of the squares of all of these.
# Written down as it stands it would need a number for every image, unit and pixel of the batch,
# four million for ten images. But the first factor knows no pixel and the second no image:
#
# .. math:: \sum_{i,j} \left( h_j (1 - h_j) W_{ij} \right)^2
#           = \sum_j \left( h_j (1 - h_j) \right)^2 \sum_i W_{ij}^2
#
# which is a product of a matrix and a vector. Its gradient, in turn, needs nothing from us.


def contraction(h: Any, W: Any) -> Any:
    """Return for each image the sum of the squared derivatives of its hidden units."""
    slope = h * (1 - h)
    return T.dot(T.sqr(slope), T.sqr(W).sum(axis=0))


# %%
# Training
# --------
#
# Everything else is taken from the previous page: the encoder, the decoder and the surprise at the
# image. Two forces now work on the weights. To draw the image well, the units must tell images
# apart; to be cheap, they must not care. What remains is sensitivity to just those changes that
# occur between images of digits.


def main(argv: Sequence[str] | None = None) -> list[Outcome]:
    """Train, report, draw; return what was reached."""
    parser = options(
        "A contractive autoencoder of handwritten digits.",
        epochs=20,
        batch_size=10,
        learning_rate=0.01,
    )
    parser.add_argument("--contraction", type=float, default=0.1, help="price of change")
    args = parser.parse_args(argv)
    data = load(args)

    W = random_weights(np.random.default_rng(args.seed), data.features, args.hidden)
    b_hidden, b_visible = zeros(args.hidden, "b_hidden"), zeros(data.features, "b_visible")
    parameters = [W, b_hidden, b_visible]
    x = T.matrix("x")
    h = encode(x, W, b_hidden)
    price = args.contraction * contraction(h, W)
    cost = (surprise(x, decode(h, W, b_visible)) + price).mean()
    images = sn.shared(data.train.inputs, borrow=True)
    step = compile_step(x, cost, parameters, images, args.batch_size, args.learning_rate, args.mode)

    checkpoint = Checkpoint(args.checkpoint or Path("contractive_autoencoder.npz"), parameters)
    batches = len(data.train.inputs) // args.batch_size
    outcome = learn(step, batches, args.epochs, checkpoint, args.resume)
    picture = args.picture or Path("contractive_autoencoder.png")
    return [report(outcome, W.get_value(borrow=True), data.image_shape, picture)]


if __name__ == "__main__":
    main()
