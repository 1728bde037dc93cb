"""Operands drawn to fit rules, and their values: ordinary ones and the corners of the line."""

from __future__ import annotations

from typing import Any

import numpy as np

from symnet import dtypes
from symnet.graph import Variable, make_variable
from symnet.op import constant
from symnet.rewriting.pattern import Hole, Node, Number, Pattern, holes
from symnet.rewriting.rule import AnyRule, Rule
from symnet.types import TensorType


class Unfit(Exception):
    """A rule has nothing to say about the dtype that is drawn."""


NUMBERS = (0.5, 2.0, -1.25, 3.0, 0.25)
POSITIONS = range(-9, 10)


class Drawer:
    """Draws operands of one main dtype; the same seed draws the same.

    Parameters
    ----------
    dtype
        The main dtype: that of operands of which nothing is said but what kind they are.
    seed
        Of the random numbers.
    """

    def __init__(self, dtype: str, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.dtype = dtype
        self.static = bool(self.rng.integers(2))
        self.lengths = dict(zip("mnkb1", (*self.rng.permutation([3, 4, 5, 2]), 1), strict=True))
        self.operands: list[Variable] = []
        self.shapes: dict[Variable, tuple[int, ...]] = {}
        self.fixed: dict[Variable, np.ndarray[Any, Any]] = {}

    def __call__(self, dims: str, kind: str = "float", static: bool | None = None) -> Variable:
        shape = tuple(int(self.lengths[letter]) for letter in dims)
        known = self.static if static is None else static
        lengths = [n if known or n == 1 else None for n in shape]
        v = make_variable(TensorType(self._dtype(kind), lengths), name=f"x{len(self.operands)}")
        self.operands.append(v)
        self.shapes[v] = shape
        return v

    def _dtype(self, kind: str) -> str:
        if kind == "bool":
            return "bool"
        fits = {"any": dtypes.ALL, "float": dtypes.FLOAT, "integer": dtypes.INTEGER}[kind]
        if self.dtype not in fits:
            raise Unfit(f"{kind} is wanted, {self.dtype} drawn")
        return self.dtype

    def number(self, kind: str = "any", ndim: int = 0) -> Variable:
        dtype = self._dtype(kind)
        value = self.rng.choice([n for n in NUMBERS if np.asarray(n).astype(dtype)])
        return constant(np.full((1,) * ndim, value).astype(dtype))

    def length(self, letter: str) -> Variable:
        return self._fixed(self.lengths[letter])

    def position(self) -> Variable:
        return self._fixed(self.rng.choice(POSITIONS))

    def indices(self, letter: str) -> Variable:
        return self._fixed(self.rng.integers(-2, 2, self.lengths[letter]))

    def _fixed(self, value: Any) -> Variable:
        array = np.asarray(value, "int64")
        v = make_variable(TensorType("int64", (None,) * array.ndim), name=f"i{len(self.fixed)}")
        self.fixed[v] = array
        return v

    def values(self, pool: tuple[float, ...] = ()) -> dict[Variable, np.ndarray[Any, Any]]:
        """Values for all operands drawn: random ones, or random choices from a pool."""
        found = dict(self.fixed)
        for v in self.operands:
            shape = self.shapes[v]
            if v.dtype == "bool":
                value = self.rng.integers(0, 2, shape)
            elif dtypes.is_float(v.dtype):
                value = self.rng.choice(pool, shape) if pool else self.rng.standard_normal(shape)
            else:
                info = np.iinfo(v.dtype)
                ends = np.array([info.min, info.min + 1, info.max - 1, info.max], v.dtype)
                value = self.rng.integers(max(info.min, -9), 9, shape)
                value = np.where(self.rng.random(shape) < 0.3, self.rng.choice(ends, shape), value)
            found[v] = np.asarray(value).astype(v.dtype)
        return found


def drawn(rule: AnyRule, draw: Drawer) -> Variable:
    """Something that a rule applies to; `Unfit` if it is not for the dtype."""
    if not isinstance(rule, Rule):
        return rule.example(draw)
    for _ in range(40):
        bound = {}
        draw.operands.clear()
        draw.fixed.clear()
        for number, hole in enumerate(holes(rule.pattern)):
            dims = "mn" if not number else str(draw.rng.choice(["mn", "mn", "1n", "m1", "11"]))
            bound[hole] = hole.kind.example(draw, dims)
        try:
            left = built(rule.pattern, bound, draw)
        except (TypeError, OverflowError) as error:
            raise Unfit(str(error)) from None
        if rule.where is None or rule.where(bound):
            return left
    raise Unfit(f"in 40 draws the condition of {rule.name} did not hold")


def built(pattern: Pattern, bound: dict[Hole, Variable], draw: Drawer) -> Any:
    """The expression of a pattern; its numbers are constants now small, now large."""
    match pattern:
        case Hole():
            return bound[pattern]
        case Node():
            operands = [built(p, bound, draw) for p in pattern.operands]
            dtype = next((x.dtype for x in operands if isinstance(x, Variable)), None)
            for k, x in enumerate(operands):
                if not isinstance(x, Variable) and dtype is not None and draw.rng.integers(3) == 0:
                    operands[k] = full(x, dtype, draw)
            return pattern.op(*operands)
        case Number():
            return pattern.value
    raise TypeError(pattern)


def full(value: Any, dtype: str, draw: Drawer) -> Variable:
    """A constant that spans all operands, perhaps of a wider dtype than theirs."""
    wider = {"int8": "int64", "float32": "float64"}.get(dtype, dtype)
    chosen = wider if draw.rng.integers(2) else dtype
    shape = draw.lengths["m"], draw.lengths["n"]
    made = np.full(shape, value).astype(chosen)
    if made.flat[0] != value:
        raise TypeError(f"{value} is no {chosen}")
    return constant(made)
