from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.function import Function
from symnet.remembered import Remembered
from tests.property.graphs import graphs
from tests.property.test_random_graphs import QUICK, given, run

X = np.arange(12, dtype="float32").reshape(3, 4)


def step(mode: str | None = None, profile: bool = False) -> tuple[Function, sn.SharedVariable]:
    """The same graph every time, and the shared variable that it updates."""
    x, k = T.fmatrix("x"), T.iscalar("k")
    w = sn.shared(np.ones(4, "float32"), name="w")
    cost = T.tanh(T.dot(x[:k], w)).sum()
    f = sn.function(
        [x, k], [cost, x * 2], updates=[(w, w - T.grad(cost, w))], mode=mode, profile=profile
    )
    return f, w


def first_call() -> list[np.ndarray]:
    f, w = step()
    return [*f(X, 2), w.get_value()]


def is_remembered(f: Function) -> bool:
    return isinstance(f._compiled, Remembered)


@pytest.fixture
def remembered(remembering: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step has been compiled for 3 by 4, of which 2 are used."""
    f, _ = step()
    f(X, 2)
    assert not is_remembered(f)


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the graph was looked at")

    monkeypatch.setattr(sys.modules["symnet.function"], "optimize", refuse)


def test_what_is_remembered_needs_no_graph(
    remembering: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, again = [], []
    for results in (fresh, again):
        f, w = step()
        if results is again:
            assert is_remembered(f)
            forbid(monkeypatch)
        for _ in range(3):
            results += [*f(X, 2), w.get_value()]
        w.set_value(np.zeros(4, "float32"))
        results += [*f(X, 2), w.get_value()]
    for a, b in zip(fresh, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(list(remembering.iterdir())) == 1


def test_other_sizes_are_compiled_for(remembering: Path) -> None:
    def calls() -> list[np.ndarray]:
        f, w = step()
        found = []
        for rows, k in ((3, 2), (2, 2), (3, 3), (3, 2)):
            found += [*f(X[:rows], k), w.get_value()]
        return found

    expected = calls()
    for a, b in zip(calls(), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_program_for_other_sizes_is_remembered_too(
    remembered: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    f, _ = step()
    f(X[:1], 1)
    f, _ = step()
    assert is_remembered(f)
    forbid(monkeypatch)
    f(X[:1], 1)


def test_mistakes_are_reported_as_ever(remembered: None) -> None:
    messages = []
    for mode in ("reference", None):
        f, w = step(mode)
        w.set_value(np.ones(5, "float32"))
        with pytest.raises(ValueError, match=r"test_remembered.py.*in step|shapes"):
            f(X, 2)
        with pytest.raises(TypeError) as error:
            f(X)
        messages.append(str(error.value))
        assert w.get_value().tolist() == [1] * 5
    assert messages[0] == messages[1]


def test_who_looks_sees_all(remembered: None) -> None:
    f, _ = step()
    assert is_remembered(f)
    f(X, 2)
    (program,) = f.programs
    assert any("tanh" in str(s) for s in program.steps)
    assert program.names
    assert "tanh" in str(sn.printing.explain(f))
    f(X, 2)


def test_what_is_not_remembered(remembered: None) -> None:
    assert not is_remembered(step(profile=True)[0])
    assert not is_remembered(step("debug")[0])
    assert not is_remembered(step("reference")[0])
    with sn.config.change(cache=False):
        assert not is_remembered(step()[0])
    with sn.config.change(optimizer_excluding="fusion"):
        assert not is_remembered(step()[0])
    assert is_remembered(step()[0])


def test_programs_that_call_python(remembering: Path) -> None:
    for _ in range(2):
        x = T.fvector("x")
        f = sn.function([x], T.sort(x))
        assert not is_remembered(f)
        assert f([2, 1]).tolist() == [1, 2]


def test_a_damaged_entry(remembered: None, remembering: Path) -> None:
    (entry,) = remembering.iterdir()
    entry.write_bytes(entry.read_bytes()[:-1])
    assert not is_remembered(step()[0])


@QUICK
@given(drawn=graphs())
def test_random_graphs(drawn, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMNET_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        real = sys.modules["symnet.remembered"].record_of
        patch.setattr(sys.modules["symnet.function"], "record_of", real)
        first, second = (run(drawn, "default") for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
