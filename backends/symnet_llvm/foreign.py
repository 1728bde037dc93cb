"""What users' own rows of the scalar table mean, as text for the key of cached code.

A program prints calls of rows by name, and the sources of symnet's own rows are part of every key.
A row from elsewhere may be redefined at any time, so its definition must be in the key too.
"""

from __future__ import annotations

from collections.abc import Iterator

from symnet.kernel import Kernel, expressions
from symnet.program import Program
from symnet.scalar import Call, Expr, Symbol, cast, expand, show, walk


def definitions(program: Program) -> str:
    """Expansions of the rows from outside symnet that a program uses; usually empty."""
    found: dict[str, None] = {}
    for root in _expressions(program):
        for x in walk(root):
            if isinstance(x, Call) and x.op.expand is not None and _is_foreign(x):
                operands = tuple(Symbol(f"a{i}", a.dtype) for i, a in enumerate(x.operands))
                meaning = expand(cast(x.op.expand(*operands), x.dtype), frozenset())
                found[f"{x.op.name} {[a.dtype for a in operands]} {show(meaning)}"] = None
    return "\n".join(found)


def _is_foreign(x: Call) -> bool:
    return not getattr(x.op.expand, "__module__", "").startswith("symnet.")


def _expressions(program: Program) -> Iterator[Expr]:
    for work in program.works:
        if isinstance(work, Kernel):
            yield from expressions(work.body)
        else:
            yield from (work.left, work.right)
            yield from expressions(work.epilogue)
