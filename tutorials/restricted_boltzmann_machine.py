r"""
A restricted Boltzmann machine
==============================

An autoencoder learns to draw an image again. A restricted Boltzmann machine learns what images
there are: it gives every picture a probability, and new ones can be drawn from it. To learn it has
to be asked, over and over, what it would draw by itself, and that is a loop of coin tosses inside
the training step. `scan` writes the loop, and it is compiled with everything else.

Run it with ``make train TUTORIAL=restricted_boltzmann_machine``, or ``python
tutorials/restricted_boltzmann_machine.py --help`` for the options. Ctrl-C saves the run,
``--resume`` goes on with it.

The method is Hinton's contrastive divergence (*Training products of experts by minimizing
contrastive divergence*, Neural Computation 14, 2002) in the persistent form of Tieleman (*Training
restricted Boltzmann machines using approximations to the likelihood gradient*, ICML 2008); the
settings are those of the chapter of the same name at deeplearning.net.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _pretraining import Outcome, compile_updates, draw_filters, learn, options, report
from _training import Checkpoint, load
from denoising_autoencoder import random_weights, surprise, zeros

import symnet as sn
import symnet.tensor as T
from symnet import optim
from symnet.random import RandomStreams

# %%
# Energy
# ------
#
# Pixels :math:`v` and hidden units :math:`h` are zeros and ones. A configuration of both has an
# energy, and the lower it is the more probable the configuration:
#
# .. math:: E(v, h) = -v W h - v c - h b, \qquad P(v, h) \propto e^{-E(v, h)}
#
# No pixel is joined to a pixel and no unit to a unit; that is what *restricted* means. Given the
# pixels the units are therefore independent of each other, each on with probability
# :math:`\mathrm{sigmoid}(v W + b)`, and given the units so are the pixels. And the units can be
# summed out by hand, which leaves the *free energy* of an image:
#
# .. math:: F(v) = -v c - \sum_j \log \left( 1 + e^{(v W + b)_j} \right)


@dataclass(frozen=True)
class Machine:
    """Weights, offsets of hidden units and of pixels, and the stream that chance comes from."""

    W: Any
    b_hidden: Any
    b_visible: Any
    stream: RandomStreams

    @property
    def parameters(self) -> list[Any]:
        """What is learned."""
        return [self.W, self.b_hidden, self.b_visible]

    def free_energy(self, v: Any) -> Any:
        """Return the free energy of each image of a batch."""
        softplus = T.nnet.softplus(T.dot(v, self.W) + self.b_hidden)
        return -(v * self.b_visible).sum(axis=1) - softplus.sum(axis=1)

    def excitement(self, v: Any) -> Any:
        """Return the probability that each hidden unit is on, given pixels."""
        return T.nnet.sigmoid(T.dot(v, self.W) + self.b_hidden)

    def hidden(self, v: Any) -> Any:
        """Return hidden units drawn for a batch of images."""
        return self.toss(self.excitement(v))

    def scores(self, h: Any) -> Any:
        """Return how much hidden units want ink in each pixel: its sigmoid is the probability."""
        return T.dot(h, self.W.T) + self.b_visible

    def toss(self, p: Any) -> Any:
        """Return ones with probabilities `p`, else zeros."""
        return self.stream.binomial(p.shape, n=1, p=p, dtype=sn.config.floatX)


# %%
# The Gibbs chain
# ---------------
#
# Draw pixels for the units, units for these pixels, and so on: in the long run what comes up is
# drawn from :math:`P(v, h)`. The step function is written once, with two draws in it. In every turn
# of the loop they give other numbers, for the states of their streams go through the loop as well;
# where they are at its end is among the updates which `scan` returns. Whoever compiles a function
# of the chain hands them on, or each call would toss the same coins.
#
# The loop gives the scores of pixels, not their sigmoids. A sigmoid rounds to 0 or 1 where the
# machine is sure, and then its logarithm is infinite; the compiler computes the two together in a
# way that is not, but only where it sees both, and not with the one in the loop and the other out.


def gibbs_chain(machine: Machine, h: Any, steps: Any) -> tuple[list[Any], Any]:
    """Return, after each step from `h`, scores, pixels and units, and the updates."""

    def step(h: Any) -> list[Any]:
        scores = machine.scores(h)
        v = machine.toss(T.nnet.sigmoid(scores))
        return [scores, v, machine.hidden(v)]

    return sn.scan(step, outputs_info=[None, None, h], n_steps=steps)


# %%
# Learning
# --------
#
# The slope of the log-likelihood is a difference: that of the free energy at the images of the
# data, less its mean over what the machine would draw. The chain's end stands for the latter.
# Minimising :math:`F(\mathrm{data}) - F(\mathrm{chain\ end})` digs valleys where images are and
# raises hills where the machine merely dreams. How the chain came to its end must not be
# differentiated: ``consider_constant`` says so.
#
# *Contrastive divergence* starts the chain at the data in every step. The *persistent* kind goes
# on from where the chain was after the last one: its units are a shared variable, one row for every
# image of a minibatch. The machine has changed since, but only a little.


def contrast(
    machine: Machine, x: Any, start: Any, steps: Any, rate: float
) -> tuple[Any, Any, dict[Any, Any]]:
    """Return ink and units at the end of a chain, and updates that learn from data and chain."""
    (scores, pixels, units), updates = gibbs_chain(machine, start, steps)
    end = pixels[-1]
    cost = T.mean(machine.free_energy(x)) - T.mean(machine.free_energy(end))
    slopes = T.grad(cost, machine.parameters, consider_constant=[end])
    ink = T.nnet.sigmoid(scores[-1])
    return ink, units[-1], {**updates, **optim.sgd(slopes, machine.parameters, rate)}


def training_step(
    machine: Machine, chain: Any, bit: Any, images: Any, args: Any
) -> tuple[Any, list[Any]]:
    """Return a function of a minibatch's index that trains and returns a measure of progress.

    Returned with it are the shared variables that a run needs to go on, beside the parameters.
    """
    x = T.matrix("x")
    start = chain if args.persistent else machine.hidden(x)
    ink, units, updates = contrast(machine, x, start, args.gibbs_steps, args.learning_rate)
    if args.persistent:
        updates[chain] = units
        updates[bit] = (bit + 1) % machine.b_visible.shape[0]
        measure = pseudo_likelihood(machine, x, bit)
    else:
        measure = surprise(x, ink).mean()
    step = compile_updates(x, measure, updates, images, args.batch_size, args.mode)
    return step, [state for state, _ in machine.stream.state_updates]


# %%
# How well it does
# ----------------
#
# The likelihood itself cannot be computed: it is a sum over all pictures there could be. A stand-in
# is how well each pixel follows from all the others, the *pseudo-likelihood*. By Bayes' rule,
# the probability of a pixel given the rest compares only two free energies, that of the image and
# that of the image with this pixel turned over:
#
# .. math:: \log P(v_i \mid v_{-i}) = \log \mathrm{sigmoid}(F(\tilde v_i) - F(v))
#
# One pixel in every step is enough, times their number; a shared variable says whose turn it is.
# It is negative, and the nearer to 0 the better. Where the chain starts at the data the cross-
# entropy of images and reconstructions is measured instead, as of an autoencoder.


def pseudo_likelihood(machine: Machine, x: Any, bit: Any) -> Any:
    """Return the mean log-pseudo-likelihood of images, estimated by the pixel `bit`."""
    v = T.round(x)
    turned = T.set_subtensor(v[:, bit], 1 - v[:, bit])
    gap = machine.free_energy(turned) - machine.free_energy(v)
    return T.mean(x.shape[1] * T.log(T.nnet.sigmoid(gap)))


# %%
# Dreams
# ------
#
# In the end the machine is let run: twenty chains start at images of the test part, and every
# thousand steps the ink is drawn. One call makes one row of the picture, a loop that keeps nothing
# but its last state.


def dream(machine: Machine, images: Any, samples: int, steps: int, mode: Any) -> Any:
    """Return an array (samples + 1, chains, pixels): the images, then the chains' ink."""
    stream = RandomStreams(machine.W.get_value(borrow=True).size)
    sleeper = Machine(*machine.parameters, stream)
    v = sn.shared(images, name="v")
    (scores, pixels, _), updates = gibbs_chain(sleeper, sleeper.hidden(v), steps)
    updates[v] = pixels[-1]
    on = sn.function([], T.nnet.sigmoid(scores[-1]), updates=updates, mode=mode)
    return np.stack([images, *(on() for _ in range(samples))])


# %%
# Training
# --------
#
# Fifteen epochs of this program beside the published ones, which took 122 minutes:
#
# ========== ====== ====== ====== ====== ====== ====== ======
# epoch           1      3      5      6      8     11     15
# ========== ====== ====== ====== ====== ====== ====== ======
# published  -90.65 -74.91 -68.41 -63.27 -68.12 -61.52 -62.76
# here       -90.10 -73.88 -68.02 -62.26 -67.93 -60.17 -62.01
# ========== ====== ====== ====== ====== ====== ====== ======
#
# The two go down and up together, and that is not the machine's doing. The 2,500 steps of an epoch
# go round the 784 pixels three times and then 148 pixels further: some parts of the image have a
# fourth turn, others in the next epoch. Pixels at the margin are easy, those in the middle are not.
#
# The first picture shows the weights of a hundred units, most of them strokes; the second
# has a column for every chain, with the image it started from on top.


def main(argv: Sequence[str] | None = None) -> Outcome:
    """Train, report, draw; return what was reached."""
    parser = options(
        "A restricted Boltzmann machine of handwritten digits.",
        epochs=15,
        batch_size=20,
        learning_rate=0.1,
    )
    parser.add_argument("--gibbs-steps", type=int, default=15, help="steps of the chain")
    parser.add_argument(
        "--contrastive",
        dest="persistent",
        action="store_false",
        help="start the chains at the data in every step",
    )
    parser.add_argument("--chains", type=int, default=20, help="to draw samples from")
    parser.add_argument("--samples", type=int, default=10, help="drawn from each chain")
    parser.add_argument("--between", type=int, default=1000, help="steps between samples")
    args = parser.parse_args(argv)
    data = load(args)
    machine = Machine(
        random_weights(np.random.default_rng(args.seed), data.features, args.hidden),
        zeros(args.hidden, "b_hidden"),
        zeros(data.features, "b_visible"),
        RandomStreams(args.seed),
    )
    chain = sn.shared(np.zeros((args.batch_size, args.hidden), sn.config.floatX), name="chain")
    bit = sn.shared(np.int64(0), name="bit")
    images = sn.shared(data.train.inputs, borrow=True)
    step, states = training_step(machine, chain, bit, images, args)

    picture = args.picture or Path("restricted_boltzmann_machine.png")
    saved = args.checkpoint or Path("restricted_boltzmann_machine.npz")
    checkpoint = Checkpoint(saved, [*machine.parameters, chain, bit, *states])
    batches = len(data.train.inputs) // args.batch_size
    outcome = learn(step, batches, args.epochs, checkpoint, args.resume)
    outcome = report(outcome, machine.W.get_value(borrow=True), data.image_shape, picture)
    if not outcome.interrupted:
        sleep = data.test.inputs[: args.chains]
        dreams = dream(machine, sleep, args.samples, args.between, args.mode)
        drawn = picture.with_stem(picture.stem + "_samples")
        draw_filters(dreams.reshape(-1, data.features).T, data.image_shape, drawn, len(sleep))
        print(f"Samples drawn in {drawn}")
    return outcome


if __name__ == "__main__":
    main()
