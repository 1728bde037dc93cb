r"""
A multilayer perceptron with dropout
====================================

A large network can learn its images by heart, and its units come to rely on each other: one mends
what another does wrong, in just those images. Dropout ends that. In every training step half of the
hidden units and a fifth of the pixels, chosen by tossing a coin for each, are not there. A unit has
to be of use in whatever company it finds itself.

Run it with ``make train TUTORIAL=dropout_mlp``, or ``python tutorials/dropout_mlp.py --help`` for
the options. Ctrl-C saves the run, ``--resume`` goes on with it.

The method is that of Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, *Dropout: a
simple way to prevent neural networks from overfitting*, JMLR 15, 2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from _training import Patience, Result, checkpoint_of, fit, load, options, report
from denoising_autoencoder import corrupt
from logistic_regression import compile_functions, error_rate, negative_log_likelihood

import symnet as sn
import symnet.tensor as T
from symnet import optim
from symnet.nn import init
from symnet.random import RandomStreams

# %%
# One set of weights, read in two ways
# ------------------------------------
#
# In training each layer reads what the coins have left of the one below; the mask is that of the
# denoising autoencoder. In use all units are there. So that the next layer sees the same sum on
# average, what it reads is then scaled by the part that was kept. ``network`` builds either
# expression of the same shared weights: with a stream to toss coins, and without.
#
# Units are rectified linear ones, whose weights start normal with variance
# :math:`2 / n_\mathrm{in}` (He, Zhang, Ren and Sun, *Delving deep into rectifiers*, ICCV 2015):
# ``he_normal`` of ``symnet.nn.init``. The softmax layer's start at zero, as in logistic regression.


def initial_parameters(rng: np.random.Generator, sizes: Sequence[int]) -> list[list[Any]]:
    """Return weights and offsets for every pair of neighbouring layers."""
    *hidden, top = pairwise(sizes)
    weights = [init.he_normal(shape, rng) for shape in hidden] + [init.constant(top)]
    return [
        [sn.shared(W, name="W"), sn.shared(init.constant(W.shape[1:]), name="b")] for W in weights
    ]


def network(
    x: Any, layers: list[list[Any]], rates: Sequence[float], stream: RandomStreams | None
) -> Any:
    """Return class probabilities; `rates` says which part of each layer's inputs is dropped."""
    for depth, ((W, b), rate) in enumerate(zip(layers, rates, strict=True)):
        read = x * (1 - rate) if stream is None else corrupt(stream, x, rate)
        scores = T.dot(read, W) + b
        x = T.nnet.relu(scores) if depth < len(layers) - 1 else T.nnet.softmax(scores)
    return x


# %%
# Momentum
# --------
#
# A slope seen through dropout is a noisy one. Momentum averages it over the last steps: parameters
# move with a velocity, which keeps a part :math:`\mu` of itself and is pushed by the slope.
#
# .. math:: u \leftarrow \mu u - \eta \nabla L, \qquad p \leftarrow p + u
#
# ``symnet.optim`` has this rule and its relatives. Each takes a cost and parameters, and returns
# what they become, expressions in a dictionary. The velocities are in it too: shared variables like
# any other, updated in the same native function.
#
# Training
# --------
#
# Only the cost tosses coins; the error rates of validation and test are those of the whole network.
# A run that is saved takes along whatever is updated, and the states of the streams. After twenty
# of the 200 epochs the test error is 2.0 %.


def main(argv: Sequence[str] | None = None) -> Result:
    """Train, report, draw; return what was reached."""
    parser = options(
        "A multilayer perceptron with dropout on handwritten digits.",
        epochs=200,
        batch_size=100,
        learning_rate=0.02,
        patience=20000,
    )
    parser.add_argument("--hidden", type=int, nargs="+", default=[800, 800], help="hidden units")
    parser.add_argument("--drop-inputs", type=float, default=0.2, help="part of pixels to drop")
    parser.add_argument("--drop-hidden", type=float, default=0.5, help="part of units to drop")
    parser.add_argument("--momentum", type=float, default=0.9, help="part of velocity kept")
    parser.add_argument("--seed", type=int, default=1234, help="of the weights and the coins")
    args = parser.parse_args(argv)
    data = load(args)

    x, y = T.matrix("x"), T.ivector("y")
    rng, stream = np.random.default_rng(args.seed), RandomStreams(args.seed)
    layers = initial_parameters(rng, [data.features, *args.hidden, data.classes])
    rates = [args.drop_inputs, *(args.drop_hidden for _ in args.hidden)]
    cost = negative_log_likelihood(network(x, layers, rates, stream), y)
    errors = error_rate(network(x, layers, rates, None), y)
    parameters = [parameter for layer in layers for parameter in layer]
    updates = optim.momentum(cost, parameters, args.learning_rate, args.momentum)
    train, validate, test = compile_functions(x, y, cost, errors, updates, data, args)

    states = [state for state, _ in stream.state_updates]
    result = fit(
        train,
        validate,
        test,
        len(data.train.labels) // args.batch_size,
        args.batch_size,
        args.epochs,
        Patience(args.patience),
        checkpoint_of(args, "dropout_mlp", [*updates, *states]),
        args.resume,
    )
    picture = args.picture or Path("dropout_mlp.png")
    return report(result, layers[0][0].get_value(borrow=True), data.image_shape, picture)


if __name__ == "__main__":
    main()
