"""Constants by which sums are multiplied, moved into the factor that has fewer elements.

``W - 0.01 * dot(x, g)`` multiplies every element of the sum, on the very units that make the
products. Where few products are summed, `g` has far fewer elements than the result and is read
many times: a packed copy of it that holds ``-0.01 * g`` leaves an addition of each sum, which
other units do, and lies in memory as the innermost loop reads it.
"""

from __future__ import annotations

import math
from dataclasses import replace

from symnet.kernel import Contraction, Let, Store, accumulated, map_expressions
from symnet.scalar import TABLE, Call, Const, Expr, Load, Symbol, substitute
from symnet_llvm.analysis import uses

TIMES = 8
"""Rows for each product of a sum from which on the copy is worth while."""

_ADD, _SUB, _MUL = (TABLE[name] for name in ("add", "sub", "mul"))


def scaled(work: Contraction) -> Contraction:
    """A contraction whose right factor has taken in the constant of ``y + c * sum``.

    Only if the factor is a plain load and small beside the result; else the contraction itself.
    """
    lengths = [a.extent for axes in (work.rows, work.inner) for a in axes]
    if len(lengths) != 2 or not isinstance(work.right, Load):
        return work
    rows, inner = (int(n.value) if isinstance(n, Const) else 0 for n in lengths)
    if not 0 < TIMES * inner <= rows:
        return work
    total = accumulated(work.dtype)
    found = _multiple(work, total)
    if found is None:
        return work
    term, other, constant = found
    whole: dict[Expr, Expr] = {term: Call(_ADD, (other, total), term.dtype)}
    changed = map_expressions(work.epilogue, lambda x: substitute(x, whole))
    return replace(
        work,
        right=Call(_MUL, (Const(constant, work.dtype), work.right), work.dtype),
        epilogue=tuple(s for s in changed if isinstance(s, Let | Store)),
    )


def _multiple(work: Contraction, total: Symbol) -> tuple[Call, Expr, float] | None:
    """Where a multiple of the sum is added or subtracted, to what, and by what it is multiplied.

    None if the sum is used elsewhere too.
    """
    count = uses(work.epilogue)
    if count[total] != 1:
        return None
    for x in count:
        if not isinstance(x, Call) or x.op not in (_ADD, _SUB):
            continue
        a, b = x.operands
        for product, other in ((b, a),) if x.op is _SUB else ((a, b), (b, a)):
            constant = _constant_of(product, total)
            if constant is not None and count[product] == 1:
                return x, other, -constant if x.op is _SUB else constant
    return None


def _constant_of(x: Expr, total: Symbol) -> float | None:
    """What an expression multiplies the sum by, if it is a multiple of the sum."""
    if isinstance(x, Call) and x.op is _MUL:
        for a, b in (x.operands, x.operands[::-1]):
            if isinstance(a, Const) and b == total and math.isfinite(a.value):
                return float(a.value)
    return None
