"""Rows that are not primitive, written in those that are.

Small expansions are put in place of the call; a large one (`exp`, `tanh`) stays a call, of a
function that `symnet_llvm.expressions` writes once for all kernels that need it. In and out go
scalar expressions.
"""

from __future__ import annotations

from functools import cache

from symnet.scalar import Call, Const, Expr, ScalarOp, Symbol, cast, rebuild, walk

LARGE = 16
"""Calls in an expansion beyond which it becomes a function of its own."""


def parameters(x: Call) -> tuple[Expr, ...]:
    """The operands of a call with symbols `a0`, `a1` ... for all that are not constant."""
    return tuple(
        a if isinstance(a, Const) else Symbol(f"a{i}", a.dtype) for i, a in enumerate(x.operands)
    )


@cache
def expansion(op: ScalarOp, operands: tuple[Expr, ...], result: str) -> Expr:
    """What a row means in primitives and large rows."""
    assert op.expand is not None
    return lower(cast(op.expand(*operands), result))


@cache
def is_large(op: ScalarOp, operands: tuple[Expr, ...], result: str) -> bool:
    """Whether the expansion of a row deserves a function of its own."""
    found = walk(expansion(op, operands, result))
    return sum(isinstance(x, Call) for x in found) > LARGE


def lower(root: Expr, done: dict[Expr, Expr] | None = None) -> Expr:
    """Expand rows until only primitives and large rows remain.

    `done` is what earlier calls found, shared among the expressions of one kernel.
    """
    done = {} if done is None else done
    stack = [root]
    while stack:
        x = stack[-1]
        if x in done:
            stack.pop()
            continue
        missing = [a for a in x.args if a not in done]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        y = rebuild(x, tuple(done[a] for a in x.args))
        if (
            isinstance(y, Call)
            and y.op.expand is not None
            and not is_large(y.op, parameters(y), y.dtype)
        ):
            y = lower(cast(y.op.expand(*y.operands), y.dtype))
        done[x] = y
    return done[root]
