"""What a kernel means, by NumPy: the oracle of the tests of code generators.

A loop becomes a dimension of the arrays that stand for values, so that kernels of a few thousand
iterations take milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from symnet.kernel import Kernel, Let, Loop, Ordered, Reduce, Stmt, Store
from symnet.scalar import Expr, evaluate

Array = np.ndarray


def interpret(
    kernel: Kernel, memory: Mapping[str, Array], ints: Mapping[str, int] | None = None
) -> None:
    """Run a kernel on flat arrays, changing those it writes."""
    values: dict[Expr, Array] = {s: np.int64((ints or {})[s.name]) for s in kernel.ints}
    _block(kernel.body, values, memory)


def _block(stmts: tuple[Stmt, ...], values: dict[Expr, Array], memory: Mapping[str, Array]) -> None:
    for stmt in stmts:
        match stmt:
            case Let():
                values[stmt.symbol] = evaluate(stmt.value, values, memory)
            case Store():
                offset = evaluate(stmt.offset, values, memory)
                memory[stmt.buffer][offset] = evaluate(stmt.value, values, memory)
            case Loop():
                inner, _ = _with_axis(stmt, values)
                _block(stmt.body, inner, memory)
            case Ordered():
                inner = dict(values)
                inner.update((c.symbol, evaluate(c.first, values, memory)) for c in stmt.carried)
                for k in range(int(evaluate(stmt.extent, values))):
                    inner[stmt.axis] = np.int64(k)
                    _block(stmt.body, inner, memory)
                    inner.update(
                        [(c.symbol, evaluate(c.following, inner, memory)) for c in stmt.carried]
                    )
            case Reduce():
                inner, shape = _with_axis(stmt, values)
                _block(stmt.body, inner, memory)
                for a in stmt.accumulators:
                    value = np.broadcast_to(evaluate(a.value, inner, memory), shape)
                    if shape[-1] == 0:
                        identity = a.combine.identity
                        if np.isinf(identity) and a.value.dtype[0] in "iu":
                            info = np.iinfo(a.value.dtype)
                            identity = info.max if identity > 0 else info.min
                        total = np.full(shape[:-1], identity)
                    else:
                        total = a.combine.numpy.reduce(value, axis=-1)
                    values[a.symbol] = total.astype(a.value.dtype)


def _with_axis(
    stmt: Loop | Reduce, values: dict[Expr, Array]
) -> tuple[dict[Expr, Array], tuple[int, ...]]:
    """Values with one more dimension, along which the axis runs."""
    extent = int(evaluate(stmt.extent, values))
    inner = {s: v[..., None] if np.ndim(v) else v for s, v in values.items()}
    inner[stmt.axis] = np.arange(extent)
    outer = np.broadcast_shapes(*(np.shape(v) for v in values.values()))
    return inner, (*outer, extent)
