from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.digest import NoDigestError, digest
from symnet.dtypes import floating
from symnet.graph import Apply, Variable
from symnet.op import Op
from symnet.scalar import ScalarOp

Build = Callable[..., Variable]


def made(build: Build, dtype: str = "float32", name: str | None = "x", *facts: object) -> str:
    x = T.TensorType(dtype, (None, None))(name)
    return digest([build(x)], [x], *facts)


BUILDERS: dict[str, Build] = {
    "exp": lambda x: T.exp(x),
    "tanh": lambda x: T.tanh(x),
    "constant": lambda x: x * np.float32(0.0),
    "negative zero": lambda x: x * np.float32(-0.0),
    "longer constant": lambda x: x * np.zeros((1, 2), "float32"),
    "axis 0": lambda x: x.sum(axis=0),
    "axis 1": lambda x: x.sum(axis=1),
    "shared part": lambda x: T.exp(x) + T.exp(x),
    "scan": lambda x: sn.scan(lambda row, s: s + row, [x], x[0])[0],
    "another scan": lambda x: sn.scan(lambda row, s: s * row, [x], x[0])[0],
    "two scans": lambda x: (
        sn.scan(lambda row, s: s + row, [x], x[0])[0]
        + sn.scan(lambda row, s: s * row, [x], x[0])[0]
    ),
    "slice": lambda x: x[1:],
    "other slice": lambda x: x[2:],
}


def test_what_makes_a_difference() -> None:
    found, again = ({name: made(build) for name, build in BUILDERS.items()} for _ in range(2))
    assert found == again
    assert len(set(found.values())) == len(found)
    exp = BUILDERS["exp"]
    others = [made(exp, "float64"), made(exp, name="y"), made(exp, name=None)]
    others += [made(exp, "float32", "x", 1), made(exp, "float32", "x", (1, 2), "a")]
    assert len({found["exp"], *others}) == 6


def test_a_line_is_in_messages() -> None:
    x = T.vector("x")
    here = T.exp(x)
    there = T.exp(x)
    assert digest([here], [x]) != digest([there], [x])


SCRIPT = """
import symnet as sn, symnet.tensor as T
from symnet.digest import digest
x = T.matrix("x")
y, _ = sn.scan(lambda row, s: T.tanh(s + row), [x], x[0])
print(digest([y.sum(), T.exp(x)[::2], T.nnet.softmax(x)], [x], frozenset(["a", "b", "c"])))
"""


def test_processes_agree() -> None:
    """Hashes of strings differ from process to process; digests do not."""
    found = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


@dataclass(frozen=True)
class Mine(Op):
    def infer_types(self, types: object, operands: list[Variable]) -> list[object]:
        return [operands[0].type]


def apply_mine(x: Variable) -> Variable:
    node: Apply = Mine().make_node(x)
    return node.outputs[0]


@pytest.mark.parametrize(
    "build",
    [
        apply_mine,
        lambda x: ScalarOp("mish", 1, floating, np.exp)(x),
        lambda x: sn.as_op([T.fmatrix], [T.fmatrix])(lambda v: v * 2)(x),
    ],
    ids=["op", "row", "python"],
)
def test_what_is_the_users_has_none(build: Build) -> None:
    with pytest.raises(NoDigestError, match="no meaning outside this process"):
        made(build)


def test_a_leaf_that_is_missing() -> None:
    x = T.vector("x")
    with pytest.raises(NoDigestError, match="x comes from nowhere"):
        digest([T.exp(x)], [])
