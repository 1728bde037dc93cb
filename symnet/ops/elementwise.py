"""Elementwise operations: a row of the scalar table applied to whole tensors.

`apply_row` is what operators on variables call: it takes variables, arrays and Python numbers,
gives them a common number of dimensions and applies `Elemwise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.graph import Apply, Variable
from symnet.op import Array, ElementContext, Index, IndexedOp, ShapeContext, constant
from symnet.ops import build, shape
from symnet.scalar import Expr, ScalarOp, const
from symnet.scalar.primitives import neg
from symnet.types import Shape, TensorType

_REMEDY = (
    "a length that merely happens to be 1 does not broadcast: say that it is 1 with "
    "T.addbroadcast(x, axis), T.specify_shape or a static shape in the variable's type"
)


@dataclass(frozen=True, slots=True)
class Elemwise(IndexedOp):
    """A scalar operation on corresponding elements of tensors of one number of dimensions.

    Lengths statically 1 broadcast; all others must agree.

    Parameters
    ----------
    scalar
        The row of the scalar table.
    """

    scalar: ScalarOp

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        if len(types) != self.scalar.arity:
            raise TypeError(f"{self} takes {self.scalar.arity} operands, got {len(types)}")
        if len({t.ndim for t in types}) != 1:
            raise TypeError(
                f"{self}: operands differ in their number of dimensions "
                f"({_listed(types)}); pad them with DimShuffle as apply_row does"
            )
        try:
            dtype = self.scalar.rule(tuple(t.dtype for t in types)).result
        except TypeError as error:
            raise TypeError(f"{self}: {error} (operands {_listed(types)})") from None
        return [TensorType(dtype, self._broadcast(types))]

    def _broadcast(self, types: Sequence[TensorType]) -> Shape:
        lengths: list[int | None] = []
        for axis in range(types[0].ndim):
            found = {t.shape[axis] for t in types} - {1}
            known = found - {None}
            if len(known) > 1:
                raise TypeError(
                    f"{self}: lengths of dimension {axis} differ: {_listed(types)}. Only a length "
                    "of 1 broadcasts"
                )
            lengths.append(known.pop() if known else None if found else 1)
        return tuple(lengths)

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        what = f"lengths of dimension {{}} differ ({_REMEDY})"
        dims: list[Expr] = []
        for axis, static in enumerate(node.out.type.shape):
            found: Expr | None = None if static is None else const(static)
            for k, v in enumerate(node.inputs):
                if v.type.shape[axis] is None:
                    length = context.shape(k)[axis]
                    if found is not None:
                        length = context.require_equal(found, length, what.format(axis))
                    found = length
            dims.append(const(1) if found is None else found)
        return [tuple(dims)]

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        operands = [
            context.read(
                k,
                tuple(const(0) if n == 1 else i for n, i in zip(v.type.shape, index, strict=True)),
            )
            for k, v in enumerate(node.inputs)
        ]
        value: Expr = self.scalar(*operands)
        return value

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        (g,) = cotangents
        partials = self.scalar.partials or (None,) * len(node.inputs)
        if g is None or not dtypes.is_float(node.out.dtype):
            return [None] * len(node.inputs)
        found: list[Variable | None] = []
        for v, partial in zip(node.inputs, partials, strict=True):
            if partial is None or not dtypes.is_float(v.dtype):
                found.append(None)
                continue
            slope = partial(*node.inputs, node.out)
            found.append(build.cast(build.sum_to(_scaled(g, slope), v.type), v.dtype))
        return found

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        pairs = zip(operands, batched, strict=True)
        return [self(*(x if b else build.insert_axes(x, (0,)) for x, b in pairs))]

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        return [self.scalar.evaluate(*inputs)]

    def __str__(self) -> str:
        return self.scalar.name


def _scaled(g: Variable, slope: Any) -> Variable:
    """Return ``g * slope``, where a slope may be a plain number."""
    if isinstance(slope, Variable) or slope not in (1, -1):
        scaled: Variable = g * slope
        return scaled
    return g if slope == 1 else neg(g)


def _listed(types: Sequence[TensorType]) -> str:
    return ", ".join(map(str, types))


def apply_row(op: ScalarOp, operands: Sequence[Any]) -> Variable:
    """Apply a table row to variables, arrays and Python numbers, with broadcasting.

    Parameters
    ----------
    op
        The row.
    operands
        Variables; NumPy arrays and scalars, which keep their dtype; Python numbers, which are weak:
        they take the dtype of the other operands. A Python float beside integers alone turns these
        into ``config.floatX``.

    Raises
    ------
    TypeError
        If the row has no meaning for the dtypes, or the static lengths do not broadcast.
    OverflowError
        If a Python integer does not fit the dtype of its partners.
    """
    if len(operands) != op.arity:
        raise TypeError(f"{op.name} takes {op.arity} operands, got {len(operands)}")
    given: list[Any] = [x if _is_weak(x) else _variable(x) for x in operands]
    # The condition of a selection has no say in the dtype of what is selected.
    first = 1 if op.rule is dtypes.selection else 0
    partners = given[first:]
    weak = [x for x in partners if _is_weak(x)]
    strong = [x.dtype for x in partners if not _is_weak(x)]
    if not strong:
        strong = [dtypes.weak(max(weak, key=_kind), [])]
    elif any(isinstance(x, float) for x in weak) and all(map(dtypes.is_discrete, strong)):
        given[first:] = [x if _is_weak(x) else build.cast(x, config.floatX) for x in partners]
        strong = [config.floatX]
    ndim = max((x.ndim for x in given if not _is_weak(x)), default=0)
    typed = [
        constant(np.full((1,) * ndim, x, dtypes.weak(x, strong if k >= first else [])))
        if _is_weak(x)
        else _padded(x, ndim)
        for k, x in enumerate(given)
    ]
    applied: Variable = Elemwise(op)(*typed)
    return applied


def _is_weak(x: Any) -> bool:
    return isinstance(x, (bool, int, float, complex)) and not isinstance(x, np.generic)


def _kind(x: Any) -> int:
    """Return the rank of a Python number's type: booleans, integers, the rest."""
    return 0 if isinstance(x, bool) else 1 if isinstance(x, int) else 2


def _variable(x: Any) -> Variable:
    return x if isinstance(x, Variable) else constant(x)


def _padded(x: Variable, ndim: int) -> Variable:
    """Return `x` with dimensions of length 1 in front."""
    if x.ndim == ndim:
        return x
    padded: Variable = shape.DimShuffle((None,) * (ndim - x.ndim) + tuple(range(x.ndim)))(x)
    return padded
