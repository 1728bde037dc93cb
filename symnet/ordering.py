"""Chains: from the steps of a result to statements of the loop IR.

In go a `Chain` whose expressions have formal names; out come loops over its lanes, in any order,
around loops over its steps, in order.
"""

from __future__ import annotations

from symnet.kernel import Carried, Let, Loop, Ordered, Stmt, Store
from symnet.nest import axes
from symnet.scalar import Expr, Load, Symbol, const, substitute
from symnet.values import Chain, before


def ordered(
    chain: Chain, buffer: str, offset: Expr, value: Expr, first: Expr | None
) -> tuple[Stmt, ...]:
    """The statements of a chain.

    Parameters
    ----------
    chain
        Where its loops are.
    buffer
        What it writes.
    offset, value, first
        Its expressions, with formal names.
    """
    dtype = chain.result.variable.dtype
    carried: tuple[Carried, ...] = ()
    body: tuple[Stmt, ...]
    if first is None:
        held = substitute(value, {before(dtype): Load(buffer, offset, dtype)})
        body = (Store(buffer, offset, held),)
    else:
        new = Symbol("s0", dtype)
        body = (Let(new, value), Store(buffer, offset, new))
        carried = (Carried(before(dtype), first, new),)
    own = axes(len(chain.lanes) + len(chain.steps))
    count = len(chain.lanes)
    for axis, extent in reversed(list(zip(own[count:], chain.steps, strict=True))):
        if extent != const(1) or carried:
            body = (Ordered(axis, extent, body, carried),)
            carried = ()
    for axis, extent in reversed(list(zip(own[:count], chain.lanes, strict=True))):
        if extent != const(1):
            body = (Loop(axis, extent, body),)
    return body
