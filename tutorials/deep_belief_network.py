r"""
A deep belief network
=====================

Stacked autoencoders prepare a network for its labels layer by layer. Restricted Boltzmann machines
do it too, and did it first: each learns what its layer gets to see, until it could make such things
up itself, and hands on what its units say. When the top is reached there is a stack of machines
that has seen no label, and a network whose layers know what images are made of. From there it soon
learns to tell digits apart.

Run it with ``make train TUTORIAL=deep_belief_network``, or ``python
tutorials/deep_belief_network.py --help`` for the options. Ctrl-C saves the run, ``--resume`` goes
on with it.

The method is that of Hinton, Osindero and Teh, *A fast learning algorithm for deep belief nets*,
Neural Computation 18, 2006, in the greedy form of Bengio, Lamblin, Popovici and Larochelle, *Greedy
layer-wise training of deep networks*, NIPS 2006; the settings are those of the chapter of the same
name at deeplearning.net.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from _pretraining import compile_updates, layer_by_layer
from _training import Result, Step, load, options, report
from denoising_autoencoder import random_weights, surprise, zeros
from restricted_boltzmann_machine import Machine, contrast
from stacked_autoencoders import fine_tune

import symnet.tensor as T
from symnet.random import RandomStreams

# %%
# Machines in a stack
# -------------------
#
# A layer of the network is half a machine: given what is below, its sigmoid units say how probable
# it is that the machine's units are on. That is what the machine on top of it takes for pixels.
# They are no zeros and ones, but probabilities may stand for the coins that could be tossed with
# them: each image gives all of its coins at once, and the machine learns from less noise.
#
# A machine learns by contrastive divergence: the chain starts at the data and goes but a step. That
# is no exact slope of anything, but it points well enough, and a layer need not be perfect here.


class Layer:
    """A layer of sigmoid units and its restricted Boltzmann machine."""

    def __init__(
        self, rng: np.random.Generator, stream: RandomStreams, x: Any, shape: tuple[int, int],
        steps: int, rate: float,
    ) -> None:  # fmt: skip
        n_in, n_out = shape
        self.machine = Machine(
            random_weights(rng, n_in, n_out),
            zeros(n_out, "b_hidden"),
            zeros(n_in, "b_visible"),
            stream,
        )
        self.output = self.machine.excitement(x)
        start = self.machine.hidden(x)
        ink, _, self.updates = contrast(self.machine, x, start, steps, rate)
        self.cost = surprise(x, ink).mean()


# %%
# Layer by layer
# --------------
#
# As with stacked autoencoders, the compiled step of layer three runs the image up through the two
# layers below. They stay as they are: the slope of the free energy is asked for by the third
# machine's own weights only. What is printed is the cross-entropy of what a machine sees with its
# reconstruction, which is not what it minimises but goes down with it.


def pretrain(
    layers: Sequence[Layer], stream: RandomStreams, x: Any, data: Any, saved: Path, args: Any
) -> bool:
    """Train the machines one after the other; False if Ctrl-C came between."""

    def compiled(layer: Layer, images: Any) -> Step:
        return compile_updates(x, layer.cost, layer.updates, images, args.batch_size, args.mode)

    states = [p for layer in layers for p in layer.machine.parameters]
    states += [state for state, _ in stream.state_updates]
    return layer_by_layer([partial(compiled, layer) for layer in layers], states, data, saved, args)


# %%
# Training
# --------
#
# Then a softmax layer comes on top, and everything learns the labels. The published run trains each
# machine for a hundred epochs and the network for 46, in twelve hours, and reaches a test error of
# 1.34 %. With ``--pretraining-epochs 5 --batch-size 20 --pretraining-rate 0.05 --epochs 20``, a
# fraction of that, it comes to 1.96 %.


def main(argv: Sequence[str] | None = None) -> Result | None:
    """Train, report, draw; return what was reached, None if Ctrl-C came before fine-tuning."""
    parser = options(
        "A deep belief network of handwritten digits.",
        epochs=1000,
        batch_size=10,
        learning_rate=0.1,
        patience=20_000,
    )
    parser.add_argument("--hidden", type=int, nargs="+", default=[1000, 1000, 1000])
    parser.add_argument("--gibbs-steps", type=int, default=1, help="steps of the chain")
    parser.add_argument("--pretraining-epochs", type=int, default=100)
    parser.add_argument("--pretraining-rate", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=123, help="of the weights and of the coins")
    args = parser.parse_args(argv)
    data = load(args)

    x = T.matrix("x")
    rng, stream = np.random.default_rng(args.seed), RandomStreams(args.seed)
    layers: list[Layer] = []
    sizes = [data.features, *args.hidden]
    for shape in pairwise(sizes):
        below = layers[-1].output if layers else x
        layers.append(Layer(rng, stream, below, shape, args.gibbs_steps, args.pretraining_rate))
    saved = args.checkpoint or Path("deep_belief_network.npz")
    if not pretrain(layers, stream, x, data, saved, args):
        return None
    parameters = [p for layer in layers for p in (layer.machine.W, layer.machine.b_hidden)]
    result = fine_tune(x, layers[-1].output, sizes[-1], parameters, data, saved, args)
    picture = args.picture or Path("deep_belief_network.png")
    return report(result, parameters[0].get_value(borrow=True), data.image_shape, picture)


if __name__ == "__main__":
    main()
