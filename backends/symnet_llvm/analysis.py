"""What code generation asks of expressions and statements, each answer computed once.

In go the expressions and statements of one kernel; out come the symbols an expression mentions,
the buffers it reads, its strides, and what a statement binds, stores and makes vary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from symnet import kernel
from symnet.kernel import Let, Loop, Ordered, Reduce, Stmt, stores
from symnet.scalar import Const, Expr, Load, Symbol
from symnet.scalar.integer import NotAffineError, split

_NOTHING: frozenset[Symbol] = frozenset()
_NO_BUFFERS: frozenset[str] = frozenset()


class Facts:
    """Answers about the expressions of one function being generated."""

    def __init__(self) -> None:
        self._known: dict[Expr, tuple[frozenset[Symbol], frozenset[str]]] = {}
        self._affine: dict[tuple[Expr, Symbol], tuple[Expr, Expr] | None] = {}

    def _of(self, root: Expr) -> tuple[frozenset[Symbol], frozenset[str]]:
        known = self._known
        if root in known:
            return known[root]
        stack = [root]
        while stack:
            x = stack[-1]
            missing = [a for a in x.args if a not in known]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            symbols = frozenset((x,)) if isinstance(x, Symbol) else _NOTHING
            buffers = frozenset((x.buffer,)) if isinstance(x, Load) else _NO_BUFFERS
            for a in x.args:
                inner_symbols, inner_buffers = known[a]
                if inner_symbols:
                    symbols |= inner_symbols
                if inner_buffers:
                    buffers |= inner_buffers
            known[x] = symbols, buffers
        return known[root]

    def symbols(self, x: Expr) -> frozenset[Symbol]:
        """The symbols an expression mentions."""
        return self._of(x)[0]

    def buffers(self, x: Expr) -> frozenset[str]:
        """The buffers an expression reads."""
        return self._of(x)[1]

    def affine(self, offset: Expr, axis: Symbol) -> tuple[Expr, Expr] | None:
        """Coefficient of an axis in an offset and the rest of it; None if not affine."""
        key = offset, axis
        if key not in self._affine:
            try:
                coefficients, rest = split(offset, [axis])
                self._affine[key] = coefficients[axis], rest
            except NotAffineError:
                self._affine[key] = None
        return self._affine[key]

    def stride(self, offset: Expr, axis: Symbol) -> int | None:
        """The coefficient of an axis in an offset where it is a known integer."""
        if axis not in self.symbols(offset):
            return 0
        found = self.affine(offset, axis)
        return int(found[0].value) if found and isinstance(found[0], Const) else None

    def varying(self, stmts: Iterable[Stmt], symbols: frozenset[Symbol]) -> frozenset[Symbol]:
        """`symbols` and what the statements bind to values that vary with them."""
        for stmt in stmts:
            if isinstance(stmt, Let):
                if self.symbols(stmt.value) & symbols:
                    symbols |= {stmt.symbol}
            elif isinstance(stmt, Reduce):
                inside = self.varying(stmt.body, symbols)
                symbols |= {a.symbol for a in stmt.accumulators if self.symbols(a.value) & inside}
        return symbols


def stored(stmts: Iterable[Stmt]) -> frozenset[str]:
    """The buffers that statements write."""
    return frozenset(s.buffer for s in stores(stmts))


def bound(stmts: Iterable[Stmt]) -> frozenset[Symbol]:
    """Every symbol that is bound somewhere in statements."""
    found: set[Symbol] = set()
    for stmt in stmts:
        match stmt:
            case Let():
                found.add(stmt.symbol)
            case Loop():
                found |= {stmt.axis} | bound(stmt.body)
            case Ordered():
                found |= {stmt.axis} | bound(stmt.body) | {c.symbol for c in stmt.carried}
            case Reduce():
                found |= {stmt.axis} | bound(stmt.body) | {a.symbol for a in stmt.accumulators}
    return frozenset(found)


def uses(stmts: Iterable[Stmt]) -> Counter[Expr]:
    """How many places use each expression: nodes that have it as an operand, and statements."""
    count: Counter[Expr] = Counter()
    stack = list(kernel.expressions(tuple(stmts)))
    count.update(stack)
    seen: set[Expr] = set()
    while stack:
        x = stack.pop()
        if x not in seen:
            seen.add(x)
            count.update(x.args)
            stack.extend(x.args)
    return count


def accesses(stmts: Iterable[Stmt]) -> Iterator[tuple[str, Expr]]:
    """Buffer and offset of every store and every distinct load."""
    stmts = tuple(stmts)
    for x in kernel.loads(stmts):
        yield x.buffer, x.offset
    for s in stores(stmts):
        yield s.buffer, s.offset
