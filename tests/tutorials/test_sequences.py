"""The tutorials on sequences: they learn, go on after Ctrl-C, and compile at most twice."""

import importlib
import os
import signal
from argparse import Namespace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet import datasets
from symnet.random import RandomStreams

#: Options under which a tutorial takes seconds, and an error that only learning reaches.
SMALL = {
    "elman_slot_filling": (
        "--data requests --hidden 40 --embedding 30 --epochs 6",
        0.02,
    ),
    "lstm_sentiment": (
        "--data opinions --hidden 20 --embedding 16 --epochs 8 --learning-rate 0.02",
        0.10,
    ),
    "rnn_rbm_music": (
        "--data cadences --data-limit 100 --hidden 20 --units 20 --epochs 10 --every 5"
        " --gibbs-steps 5 --turns 100 --chains 2 --beats 8 --learning-rate 0.01",
        7.5,
    ),
}


#: What makes a tutorial quick that measures much.
QUICK = {"rnn_rbm_music": ["--turns", "20", "--chains", "1"]}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    pytest.importorskip("matplotlib")
    return ["--picture", str(tmp_path / "drawn.png"), "--checkpoint", str(tmp_path / "run.npz")]


def _run(name: str, *arguments: str):
    return importlib.import_module(name).main([*SMALL[name][0].split(), *arguments])


def _music(tmp_path: Path, name: str) -> list[str]:
    if name != "rnn_rbm_music":
        return []
    pytest.importorskip("mido")
    return ["--music", str(tmp_path / "piece.mid")]


@pytest.mark.parametrize("name", SMALL)
def test_tutorial(name: str, files: list[str], tmp_path: Path, capsys) -> None:
    outcome = _run(name, *files, *_music(tmp_path, name))
    assert outcome.validation_error <= SMALL[name][1]
    assert outcome.test_error <= 1.1 * SMALL[name][1]
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")
    assert "Best validation" in capsys.readouterr().out


@pytest.mark.parametrize("name", SMALL)
def test_compiled_and_interpreted_runs_agree(name: str, files: list[str], tmp_path: Path) -> None:
    # A toss that rounding turns leads the chains apart: few steps, and errors only about alike.
    arguments = ["--epochs", "1", "--data-limit", "16", *QUICK.get(name, [])]
    arguments += [*files, *_music(tmp_path, name)]
    compiled, interpreted = _run(name, *arguments), _run(name, *arguments, "--mode", "reference")
    assert compiled.steps == interpreted.steps > 0
    assert compiled.validation_error == pytest.approx(interpreted.validation_error, rel=1e-2)


@pytest.mark.parametrize("name", SMALL)
def test_an_interrupted_run_goes_on_where_it_was(
    name: str, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--epochs", "3", "--every", "1", "--data-limit", "32", *QUICK.get(name, [])]
    arguments += [*files, *_music(tmp_path, name)]
    whole = _run(name, *arguments)
    shared = importlib.import_module("_sequences")
    progress = shared.tqdm

    class Pressing(progress):
        """A bar that presses Ctrl-C when half of the run is done, in the middle of an epoch."""

        def update(self, n: int = 1) -> None:
            super().update(n)
            if self.n == whole.steps // 2:
                signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(shared, "tqdm", Pressing)
        first = _run(name, *arguments)
    assert (first.interrupted, first.steps) == (True, whole.steps // 2)
    rest = _run(name, *arguments, "--resume")
    assert not rest.interrupted
    assert rest.steps == whole.steps
    # The order of the examples, the running means and the coins go on, too.
    for one, other in zip(rest.history, whole.history, strict=True):
        assert (one.epoch, one.error, one.test_error) == (
            other.epoch,
            other.error,
            other.test_error,
        )


@pytest.mark.slow
@pytest.mark.skipif("SYMNET_DATA" not in os.environ, reason="SYMNET_DATA names no ATIS")
def test_elman_network_reaches_the_goal(files: list[str]) -> None:
    outcome = importlib.import_module("elman_slot_filling").main(files)
    assert 1 - outcome.test_error >= 0.94


@pytest.mark.slow
@pytest.mark.skipif("SYMNET_DATA" not in os.environ, reason="SYMNET_DATA names no reviews")
def test_lstm_reaches_the_goal(files: list[str]) -> None:
    outcome = importlib.import_module("lstm_sentiment").main(["--epochs", "2", *files])
    assert 1 - outcome.test_error >= 0.73


def test_too_few_examples_for_a_step_are_refused(files: list[str]) -> None:
    with pytest.raises(SystemExit, match="smaller --batch-size"):
        _run("lstm_sentiment", "--data-limit", "15", *files)


def test_sentences_of_all_lengths_take_two_compilations() -> None:
    elman = importlib.import_module("elman_slot_filling")
    args = Namespace(seed=0, window=3, embedding=4, hidden=5, drop=0.3, mode=None)
    network = elman.random_network(10, 3, args)
    step, _ = elman.training_step(network, RandomStreams(0), args)
    for length in (4, 7, 1, 4, 12, 2):
        words = elman.windows(np.arange(length, dtype=np.int32) % 10, args.window)
        assert np.isfinite(step(words, np.zeros(length, np.int32), 0.1))
    assert len(step.programs) == 2


def test_minibatches_of_all_lengths_take_two_compilations() -> None:
    lstm = importlib.import_module("lstm_sentiment")
    args = Namespace(seed=0, embedding=4, hidden=5, drop=0.5, mode=None)
    step, _ = lstm.training_step(lstm.random_network(10, args), RandomStreams(0), args)
    for length in (4, 7, 1, 12, 2):
        words = np.zeros((length, 3), np.int32)
        assert np.isfinite(step(words, np.ones((length, 3), "float32"), np.int32([0, 1, 1]), 0.1))
    assert len(step.programs) == 2


def test_what_fills_a_sentence_up_does_not_count() -> None:
    lstm = importlib.import_module("lstm_sentiment")
    args = Namespace(seed=0, embedding=4, hidden=5, drop=0.5, mode=None)
    known = {word: 2 + k for k, word in enumerate("abcdefg")}
    reader = lstm.Reader(lstm.random_network(9, args), known, args)
    reviews = [datasets.Review(tuple(words), 1) for words in ("abcdefg", "ab", "gfed")]
    together = reader.praise(reviews)
    alone = [reader.praise([review])[0] for review in reviews]
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    np.testing.assert_allclose(reader.along(reviews[0])[-1], alone[0], rtol=1e-5)
    np.testing.assert_allclose(reader.along(reviews[0])[1], alone[1], rtol=1e-5)


def test_annealing_finds_the_sum_over_all_chords() -> None:
    pytest.importorskip("mido")
    music = importlib.import_module("rnn_rbm_music")
    machine_of = importlib.import_module("restricted_boltzmann_machine").Machine
    rng = np.random.default_rng(0)
    rows, keys, hidden = 3, 12, 6
    W = rng.normal(0, 1, (keys, hidden)).astype("float32")
    a, b = (rng.normal(0, 1, (rows, n)).astype("float32") for n in (keys, hidden))
    base = rng.normal(0, 1, keys).astype("float32")
    machine = machine_of(sn.shared(W), sn.shared(b), sn.shared(a), RandomStreams(1))
    betas = T.vector("betas")
    weights, updates = music.annealed(machine, base, betas, rows)
    run = sn.function([betas], weights, updates=updates)
    turns = np.linspace(0, 1, 201).astype("float32")
    found = np.logaddexp.reduce([run(turns) for _ in range(50)]) - np.log(50)
    found += np.logaddexp(0, base).sum() + hidden * np.log(2)

    h = np.array(list(product([0, 1], repeat=hidden)), "float32")
    sums = np.logaddexp(0, h @ W.T + a[:, None]).sum(axis=2) + b @ h.T
    np.testing.assert_allclose(found, np.logaddexp.reduce(sums, axis=1), atol=0.1)


def test_a_piece_is_written_as_it_sounds(tmp_path: Path) -> None:
    mido = pytest.importorskip("mido")
    music = importlib.import_module("rnn_rbm_music")
    keys = music.roll(((60, 64), (60,), (), (62,)))
    music.write_midi(keys, tmp_path / "piece.mid", tempo=60)
    file = mido.MidiFile(tmp_path / "piece.mid")
    clock, sounding, heard = 0.0, {}, []
    for message in file:
        clock += message.time
        if message.type == "note_on":
            sounding[message.note] = clock
        elif message.type == "note_off":
            heard.append((message.note, sounding.pop(message.note), clock))
    assert sorted(heard) == [(60, 0, 2), (62, 3, 4), (64, 0, 1)]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O", []),
        ("B-a I-a O", [("a", 0, 2)]),
        ("B-a B-a", [("a", 0, 1), ("a", 1, 2)]),
        ("I-a I-a I-b", [("a", 0, 2), ("b", 2, 3)]),
        ("B-a I-b O I-b", [("a", 0, 1), ("b", 1, 2), ("b", 3, 4)]),
        ("O B-a.c I-a.c", [("a.c", 1, 3)]),
    ],
)
def test_slots_begin_and_end_as_conlleval_has_it(tags: str, expected: list) -> None:
    conlleval = importlib.import_module("_conlleval")
    assert conlleval.slots(tags.split()) == expected


def test_a_slot_counts_if_all_of_it_is_right() -> None:
    conlleval = importlib.import_module("_conlleval")
    there = [["B-to", "I-to", "O", "B-day"], ["O", "B-from"]]
    found = [["B-to", "O", "O", "B-day"], ["B-day", "B-from"]]
    whole, by_name = conlleval.score(there, found)
    assert whole == (3, 4, 2)
    assert (whole.precision, whole.recall) == (2 / 4, 2 / 3)
    assert whole.f1 == pytest.approx(4 / 7)
    assert by_name == {"day": (1, 2, 1), "from": (1, 1, 1), "to": (1, 1, 0)}
    assert conlleval.score([["O"]], [["O"]])[0].f1 == 0
