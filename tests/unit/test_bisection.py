"""Bisection finds faults that the test puts in: in rules, fusion, updates in place, code."""

import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet import fusion, lowering, rewriting, trials
from symnet.bisection import Outcome, Settings, Told, bisect, search
from symnet.ops import Elemwise
from symnet.rewriting import OpRule, Rule
from symnet.rewriting.pattern import Hole
from symnet.scalar import TABLE

A, B = Hole("a"), Hole("b")
X = np.array([0.3, -1.2, 2.0])


def build():
    """A step of training and its parameter."""
    x, w = T.dvector("x"), sn.shared(np.array([0.5, -1.0, 2.0]), name="w")
    cost = T.log(1 + T.sqr(T.tanh(x * w) - w.sum())).sum()
    f = sn.function([x], cost, updates=[(w, w - 0.1 * sn.grad(cost, w))])
    return f, w


def check(built):
    f, w = built
    old = w.get_value()
    t = np.tanh(X * old)
    inner = t - old.sum()
    np.testing.assert_allclose(f(X), np.log(1 + inner**2).sum())
    outer = 2 * inner / (1 + inner**2)
    slope = outer * (1 - t**2) * X - outer.sum()
    np.testing.assert_allclose(w.get_value(), old - 0.1 * slope)


def with_rule(monkeypatch, rule):
    monkeypatch.setitem(rewriting.PHASES, "specialize", [*rewriting.PHASES["specialize"], rule])


def test_nothing_is_wrong():
    assert "nothing is wrong" in str(bisect(build, check))


def test_a_wrong_rule(monkeypatch):
    with_rule(monkeypatch, Rule("wrong_sqr", TABLE["sqr"](A), A * 2, "an error"))
    found = bisect(build, check)
    assert found.culprit.kind == "rewrite"
    assert found.culprit.name == "wrong_sqr"
    assert "in build" in found.culprit.line
    text = str(found)
    assert "wrong with the next:\nthe rule 'wrong_sqr' (an error)\n  of  " in text
    assert text.endswith("without it all is right: SYMNET_FLAGS=optimizer_excluding=wrong_sqr")


def test_a_wrong_fusion(monkeypatch):
    element_of = fusion.Fusion._element_of

    def wrong_element(self, node, out, index):
        x = element_of(self, node, out, index)
        fused = out not in self._apart and self._readers.get(out)
        return x * 1.5 if fused and node.op == Elemwise(TABLE["tanh"]) else x

    monkeypatch.setattr(fusion.Fusion, "_element_of", wrong_element)
    found = bisect(build, check)
    assert found.culprit.kind == "fusion"
    assert found.culprit.name == "tanh"
    assert "optimizer_excluding=fusion" in str(found)


def test_a_wrong_update_in_place(monkeypatch):
    def overwrite(self, name, value, draft):
        """Waits for nobody who reads the old value."""
        return self._inplace and lowering.allowed("in place", name, "quick", value)

    monkeypatch.setattr(lowering._Lowering, "_overwrite", overwrite)

    def product():
        a, m = sn.shared(np.ones((3, 3)), name="a"), sn.shared(2 * np.eye(3), name="m")
        return sn.function([], T.tanh(a), updates=[(a, T.dot(m, m))])

    found = bisect(product, lambda f: np.allclose(f(), np.tanh(1)))
    assert found.culprit.kind == "in place"
    assert "optimizer_excluding=inplace" in str(found)


def test_a_slow_rule(monkeypatch):
    @sn.as_op([T.dvector], [T.dvector], infer_shape=lambda node, shapes: shapes)
    def slowly(x):
        time.sleep(0.02)
        return np.tanh(x)

    def rule(node):
        is_tanh = node.op == Elemwise(TABLE["tanh"]) and node.out.ndim == 1
        return slowly(node.inputs[0]) if is_tanh else None

    x = T.dvector("x")
    with_rule(monkeypatch, OpRule("slow_tanh", Elemwise, rule, "to see", lambda draw: T.tanh(x)))

    def quick(f):
        f(X)
        start = time.perf_counter()
        for _ in range(3):
            f(X)
        return time.perf_counter() - start < 0.05

    found = bisect(lambda: sn.function([x], T.tanh(x) * 2), quick)
    assert found.culprit.name == "slow_tanh"


def test_the_graph_itself_is_wrong():
    found = bisect(build, lambda built: built[0](X) == 17)
    assert "not the compiler" in str(found)
    assert found.culprit is None


def test_wrong_code(monkeypatch):
    right = Elemwise.element

    def element(self, node, output, index, context):
        if self.scalar is TABLE["tanh"]:
            return TABLE["sin"](context.read(0, index))
        return right(self, node, output, index, context)

    monkeypatch.setattr(Elemwise, "element", element)
    text = str(bisect(build, check))
    assert (
        "the code is wrong. Debug mode says\nsymnet.debugging.WrongStep: step(): the comp" in text
    )
    assert "wrong in tanh, built at" in text


@pytest.mark.parametrize("known", [True, False])
def test_the_search(known):
    """Whether or not a trial that fails lives to say how many decisions there are."""
    culprit = Told("rewrite", "seventh", "", "", "x", "y")
    limits = []

    def trial(settings: Settings) -> Outcome:
        limits.append(settings.limit)
        right = settings.limit is not None and settings.limit < 7
        refused = culprit if settings.limit == 6 else Told("fusion", "other", "", "", "z")
        return Outcome(right, 100 if right or known else None, refused)

    found = search(trial)
    assert found.culprit is culprit
    assert found.number == 6
    assert len(limits) < 14


SCRIPT = """
import sys
import numpy as np
import symnet as sn, symnet.tensor as T
from symnet import rewriting
from symnet.rewriting import Rule
from symnet.rewriting.pattern import Hole
from symnet.scalar import TABLE

a = Hole("a")
tanh, sin = TABLE["tanh"], TABLE["sin"]
rewriting.PHASES["stabilize"].append(Rule("wrong_tanh", tanh(a), sin(a), "an error"))
x = T.dvector("x")
f = sn.function([x], T.tanh(x) * 2 - x.sum() * 3)
assert sys.argv[1:] == ["now"]
assert f([1.0]) == np.tanh(1.0) * 2 - 3, "the result is wrong"
"""


def test_a_script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT))
    run = [sys.executable, "-m", "symnet", "bisect", str(path), "now"]
    done = subprocess.run(run, capture_output=True, text=True)
    assert "the rule 'wrong_tanh' (an error)" in done.stdout
    assert 'script.py", line 14' in done.stdout
    assert "right with none" in done.stderr
    assert done.returncode == 0


def test_a_script_that_is_slow_or_not_there(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("import symnet")
    script = trials.Script(str(path), slower_than=0.0)
    outcome = script(Settings())
    assert not outcome.right
    assert outcome.message.startswith("it took")
    path.write_text("import os; os._exit(11)")
    outcome = script(Settings())
    assert outcome == Outcome(False, message="it ended with 11\n")
    with pytest.raises(SystemExit):
        trials.main([str(tmp_path / "none.py")])
