r"""
Music by a recurrent Boltzmann machine
======================================

Four voices sing a chorale. What the next chord may be depends on the ones before, and which notes
go together in it on each other. A recurrent network is good at the first, a restricted Boltzmann
machine at the second: here the network tells the machine, at every beat, which chords to expect,
and the machine makes one of them. In the end it composes, and leaves a MIDI file to listen to.

Run it with ``make train TUTORIAL=rnn_rbm_music``, or ``python tutorials/rnn_rbm_music.py --help``
for the options. Ctrl-C saves the run, ``--resume`` goes on with it.

The model is that of Boulanger-Lewandowski, Bengio and Vincent, *Modeling temporal dependencies in
high-dimensional sequences: application to polyphonic music generation and transcription*, ICML
2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import mido
import numpy as np
import numpy.typing as npt
from _sequences import Outcome, canvas, fit, load, options, padded, thinned
from restricted_boltzmann_machine import Machine, gibbs_chain

import symnet as sn
import symnet.tensor as T
from symnet.datasets import Piece
from symnet.nn import init
from symnet.random import RandomStreams

# %%
# Piano rolls
# -----------
#
# A piece is a matrix: a row for each beat, a column for each of a piano's 88 keys, and a one where
# a key is down. Its pitches are MIDI's, from 21 to 108.

KEYS, LOWEST = 88, 21


def roll(piece: Piece) -> npt.NDArray[np.floating]:
    """Return the matrix of a piece: (beats, keys)."""
    keys = np.zeros((len(piece), KEYS), sn.config.floatX)
    for beat, pitches in enumerate(piece):
        keys[beat, [pitch - LOWEST for pitch in pitches]] = 1
    return keys


# %%
# The model
# ---------
#
# The network's state :math:`u` sums up what has been played. From it come the offsets of a
# restricted Boltzmann machine, one machine for each beat, with weights :math:`W` in common:
#
# .. math::
#
#     b_v(t) &= b_v + u_{t-1} W_{uv}, \qquad b_h(t) = b_h + u_{t-1} W_{uh} \\
#     u_t &= \tanh(b_u + v_t W_{vu} + u_{t-1} W_{uu})
#
# The class ``Machine`` of the `tutorial on it <restricted_boltzmann_machine.html>`_ is used as it
# is: offsets that are matrices, a row for each beat, are as good as vectors there.


@dataclass(frozen=True)
class Composer:
    """The parameters of the machine and of the network that drives it."""

    W: Any
    b_v: Any
    b_h: Any
    W_uv: Any
    W_uh: Any
    W_vu: Any
    W_uu: Any
    b_u: Any

    @property
    def parameters(self) -> list[Any]:
        """What is learned."""
        return [getattr(self, field.name) for field in fields(self)]

    def machine(self, u: Any, stream: RandomStreams) -> Machine:
        """Return the machine for the next beat after the state `u`, or one for each row of it."""
        b_h, b_v = self.b_h + T.dot(u, self.W_uh), self.b_v + T.dot(u, self.W_uv)
        return Machine(self.W, b_h, b_v, stream)

    def heard(self, v: Any, u: Any) -> Any:
        """Return the state after `u` when the keys `v` are played."""
        return T.tanh(self.b_u + T.dot(v, self.W_vu) + T.dot(u, self.W_uu))

    def memory(self, v: Any) -> Any:
        """Return the states before each beat of pieces: (beats, pieces, units)."""
        silence = T.zeros((v.shape[1], self.b_u.shape[0]))
        u, _ = sn.scan(self.heard, sequences=v, outputs_info=silence)
        return T.concatenate([silence[None], u[:-1]])


def random_composer(often: npt.NDArray[np.floating], args: Any) -> Composer:
    """Return a composer that starts as one who plays each key as often as it is played."""
    rng = np.random.default_rng(args.seed)

    def normal(name: str, std: float, *shape: int) -> Any:
        return sn.shared(init.normal(shape, rng, std), name=name)

    n, units = args.hidden, args.units
    return Composer(
        normal("W", 0.2, KEYS, n),
        sn.shared(log_odds(often), name="b_v"),
        sn.shared(init.constant((n,)), name="b_h"),
        normal("W_uv", 0.01, units, KEYS),
        normal("W_uh", 0.01, units, n),
        sn.shared(init.glorot_uniform((KEYS, units), rng), name="W_vu"),
        sn.shared(init.orthogonal((units, units), rng), name="W_uu"),
        sn.shared(init.constant((units,)), name="b_u"),
    )


def log_odds(p: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return what the logistic function makes `p` of."""
    return np.log(p / (1 - p)).astype(sn.config.floatX)


# %%
# Learning
# --------
#
# Contrastive divergence again: lower the free energy of what was played, raise that of what the
# machines make of it in a few steps of a Gibbs chain. All beats of several pieces take these steps
# together, a row each. The slope goes through the free energies into :math:`b_v(t)` and
# :math:`b_h(t)`, and from there back in time through the network; it does not go into the chain.
#
# There are two loops in this function, one along the beats and one along the chain, and the
# first runs backwards as well. There are few chorales, and without dropout a network of this size
# soon knows them by heart: it thins what the network hears, and what it tells the machines.


def training_step(
    composer: Composer, stream: RandomStreams, args: Any
) -> tuple[Any, dict[Any, Any]]:
    """Return a function of pieces, mask and rate, and what it updates."""
    v, mask, rate = T.tensor3("v"), T.matrix("mask"), T.scalar("rate")
    rows = v.shape[0] * v.shape[1]
    u = composer.memory(thinned(v, args.drop, stream))
    machine = composer.machine(thinned(u, args.drop, stream).reshape((rows, u.shape[2])), stream)
    played = v.reshape((rows, KEYS))
    (_, made, _), updates = gibbs_chain(machine, machine.hidden(played), args.gibbs_steps)
    end = made[-1]
    gap = machine.free_energy(played) - machine.free_energy(end)
    cost = T.dot(gap, mask.flatten()) / mask.sum()
    slopes = T.grad(cost, composer.parameters, consider_constant=[end])
    updates.update(sn.optim.adam(slopes, composer.parameters, rate))
    return sn.function([v, mask, rate], cost, updates=updates, mode=args.mode), updates


# %%
# How well it does
# ----------------
#
# The measure is the log-likelihood of a beat given all before it. Of a machine's energy that is
#
# .. math:: \log P(v) = -F(v) - \log Z
#
# and the trouble is :math:`Z`, a sum over all :math:`2^{88}` chords. *Annealed importance sampling*
# (Salakhutdinov and Murray, *On the quantitative analysis of deep belief networks*, ICML 2008)
# estimates it. It starts with chords of a machine whose :math:`Z` is known: keys that know nothing
# of each other. Step by step that machine is turned into the one in question, by a weight
# :math:`\beta` that goes from 0 to 1, while a Gibbs chain keeps up with it. The ratios of the
# probabilities of each chord before and after each turn, multiplied, are on average the ratio
# of both :math:`Z`.
#
# The mean of several chains' products is unbiased; its logarithm errs to the low side, and the
# likelihood to the high one. With more turns the chains agree better, and the error goes with the
# square of what they are apart: that is printed beside the result.


class Critic:
    """Estimates the log-likelihood of every beat of pieces."""

    def __init__(self, composer: Composer, often: npt.NDArray[np.floating], args: Any) -> None:
        stream = RandomStreams(args.seed + 1)
        base = log_odds(often)
        v, betas = T.matrix("v"), T.vector("betas")
        machine = composer.machine(
            composer.memory(v[:, None] * (1 - args.drop))[:, 0] * (1 - args.drop), stream
        )
        weights, updates = annealed(machine, base, betas, v.shape[0])
        self._base = float(np.logaddexp(0, base).sum() + args.hidden * np.log(2))
        self._energies = sn.function([v], machine.free_energy(v), mode=args.mode)
        self._weights = sn.function([v, betas], weights, updates=updates, mode=args.mode)
        self.states = [state for state, _ in stream.state_updates]

    def log_likelihood(
        self, pieces: Sequence[Piece], turns: int, chains: int
    ) -> tuple[float, float]:
        """Return the mean over all beats, and how far single chains' log Z are apart."""
        betas = np.linspace(0, 1, turns + 1).astype(sn.config.floatX)
        found, spread = [], []
        for v in map(roll, pieces):
            weights = np.stack([self._weights(v, betas) for _ in range(chains)])
            log_z = self._base + np.logaddexp.reduce(weights) - np.log(chains)
            found.append(-self._energies(v) - log_z)
            spread.append(weights.std(axis=0))
        return float(np.concatenate(found).mean()), float(np.concatenate(spread).mean())


def annealed(machine: Machine, base: Any, betas: Any, rows: Any) -> tuple[Any, Any]:
    """Return the logarithms of the products of ratios, one for each of the machine's rows."""

    def step(before: Any, beta: Any, v: Any, weight: Any) -> list[Any]:
        sums = T.dot(v, machine.W) + machine.b_hidden
        ratio = T.nnet.softplus(beta * sums) - T.nnet.softplus(before * sums)
        lean = (v * (machine.b_visible - base)).sum(axis=1)
        h = machine.toss(T.nnet.sigmoid(beta * sums))
        expected = T.dot(h, machine.W.T) + machine.b_visible
        v = machine.toss(T.nnet.sigmoid(beta * expected + (1 - beta) * base))
        return [v, weight + ratio.sum(axis=1) + (beta - before) * lean]

    chance = T.nnet.sigmoid(T.zeros((rows, base.shape[0])) + base)
    start = [machine.toss(chance), T.zeros((rows,))]
    (_, weights), updates = sn.scan(step, [betas[:-1], betas[1:]], start)
    return weights[-1], updates


# %%
# Composing
# ---------
#
# Nothing is new in the making of music: a machine makes a chord, the network hears it, and the next
# machine is another one. The chain of each beat begins with the chord before. It is a loop
# in a loop, in one compiled function.


def compose(composer: Composer, beats: int, steps: int, args: Any) -> npt.NDArray[np.floating]:
    """Return the matrix of a new piece: (beats, keys)."""
    stream = RandomStreams(args.seed + 2)

    def beat(v: Any, u: Any) -> tuple[list[Any], Any]:
        machine = composer.machine(u * (1 - args.drop), stream)
        (_, made, _), updates = gibbs_chain(machine, machine.hidden(v), steps)
        v = made[-1]
        return [v, composer.heard(v * (1 - args.drop), u)], updates

    silence = [T.zeros((1, KEYS)), T.zeros((1, args.units))]
    (v, _), updates = sn.scan(beat, outputs_info=silence, n_steps=beats)
    piece: npt.NDArray[np.floating] = sn.function([], v[:, 0], updates=updates, mode=args.mode)()
    return piece


def write_midi(keys: npt.NDArray[np.floating], path: Path, tempo: int = 80) -> None:
    """Write a piece as a MIDI file; keys that stay down sound on."""
    file = mido.MidiFile()
    track = file.add_track("composed")
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    wait, silence = 0, np.zeros((1, keys.shape[1]))
    changes = np.diff(np.concatenate([silence, keys, silence]), axis=0)
    for change in changes:
        for key in np.flatnonzero(change):
            kind = "note_on" if change[key] > 0 else "note_off"
            track.append(mido.Message(kind, note=int(key) + LOWEST, velocity=70, time=wait))
            wait = 0
        wait += file.ticks_per_beat
    file.save(path)


def draw_rolls(rolls: dict[str, npt.NDArray[np.floating]], picture: Path) -> None:
    """Save pieces as pictures: a column for every beat, the high notes on top."""
    figure = canvas(9, 2.2 * len(rolls))
    rows = figure.subplots(len(rolls), squeeze=False, sharex=True, sharey=True).flat
    for axes, (name, keys) in zip(rows, rolls.items(), strict=True):
        extent = (0, len(keys), LOWEST, LOWEST + keys.shape[1])
        axes.imshow(keys.T, "Greys", aspect="auto", origin="lower", extent=extent)
        axes.set_title(name, fontsize=9)
        axes.set_ylabel("pitch")
        axes.set_ylim(45, 100)
    figure.savefig(picture, dpi=120)


# %%
# Training
# --------
#
# The table has estimates in few turns, which are good enough to tell which epoch is best but
# flatter all of them by half a nat or so. The last line's estimate, of the test part, is a careful
# one: a mean over all beats, as the paper's authors take it, near -6.7. For these chorales the
# paper has -6.27 for this model and -8.71 for a recurrent network alone. To know how far one gets
# without knowing anything, the log-likelihood of keys that are played as often as in
# training, each for itself, is printed as well: -11.06.


def main(argv: Sequence[str] | None = None) -> Outcome:
    """Train, report, compose; return what was reached."""
    parser = options(
        "rnn_rbm_music",
        "A recurrent network and a Boltzmann machine that compose.",
        ["chorales", "cadences"],
        epochs=70,
        learning_rate=0.006,
        every=10,
    )
    parser.add_argument("--units", type=int, default=100, help="recurrent units")
    parser.add_argument("--drop", type=float, default=0.4, help="part to drop of what is heard")
    parser.add_argument("--batch-size", type=int, default=4, help="pieces in a step")
    parser.add_argument("--gibbs-steps", type=int, default=15, help="steps of the chain")
    parser.add_argument("--turns", type=int, default=1000, help="of annealing, for the last result")
    parser.add_argument("--chains", type=int, default=5, help="to average, for the last result")
    parser.add_argument("--beats", type=int, default=64, help="length of the piece composed")
    parser.add_argument("--music", type=Path, default=Path("rnn_rbm_music.mid"), help="MIDI file")
    parser.set_defaults(hidden=150)
    args = parser.parse_args(argv)
    data = load(args)

    train = [roll(piece) for piece in data.train]
    played = np.concatenate(train)
    often = (played.sum(axis=0) + 1) / (len(played) + 2)
    composer, stream = random_composer(often, args), RandomStreams(args.seed)
    step, updates = training_step(composer, stream, args)
    critic = Critic(composer, often, args)

    def minibatches(rng: np.random.Generator) -> list[tuple[Any, ...]]:
        whole = len(train) // args.batch_size * args.batch_size
        groups = rng.permutation(len(train))[:whole].reshape(-1, args.batch_size)
        return [padded([train[k] for k in group]) for group in groups]

    states = [state for state, _ in stream.state_updates] + critic.states
    outcome = fit(
        step,
        minibatches,
        lambda pieces: -critic.log_likelihood(pieces, args.turns // 10, 1)[0],
        lambda error: f"{-error:.3f}",
        data,
        args,
        composer.parameters,
        [*updates, *states],
    )
    if not outcome.interrupted:
        report(composer, critic, often, data.test, args)
    return outcome


def report(composer: Composer, critic: Critic, often: Any, test: list[Piece], args: Any) -> None:
    """Print the log-likelihood of the test part, and compose."""
    frames = np.concatenate([roll(piece) for piece in test])
    alone = np.sum(frames * np.log(often) + (1 - frames) * np.log(1 - often), axis=1).mean()
    print(f"Log-likelihood of a beat of the test part, each key for itself: {alone:.3f}")
    found, spread = critic.log_likelihood(test, args.turns, args.chains)
    print(
        f"By this model: {found:.3f}, estimated by {args.chains} chains of {args.turns} turns, "
        f"whose log Z are {spread:.3f} apart"
    )
    piece = compose(composer, args.beats, 5 * args.gibbs_steps, args)
    write_midi(piece, args.music)
    draw_rolls({"a piece of the test part": roll(test[0]), "composed": piece}, args.picture)
    print(f"Composed: {args.music}, drawn in {args.picture}")


if __name__ == "__main__":
    main()
