"""From statements over a program's buffers to a kernel over formal names.

Buffers become ``p0, p1, ...`` in order of first use; integers that come from outside the kernel
become ``n0, n1, ...``; integer expressions become canonical. Kernels that do the same work on
different buffers are then equal, and are compiled once.

`Renaming` does the cheap part of that on expressions, before any statement is made of them: layers
that are alike are recognised and lowered once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from symnet.kernel import (
    Loop,
    Ordered,
    Param,
    Stmt,
    Store,
    bound_symbols,
    expressions,
    map_expressions,
    stores,
)
from symnet.nest import Reduction, is_reduction_axis
from symnet.scalar import Call, Const, Expr, Load, Symbol, rebuild, simplify, walk
from symnet.scalar.integer import Range


class Renaming:
    """Buffers of a group named by order of appearance, and so the axes of its reductions.

    Attributes
    ----------
    formal
        Formal names of buffers.
    dtypes
        Dtypes of buffers, by formal name.
    """

    def __init__(self) -> None:
        self.formal: dict[str, str] = {}
        self.dtypes: dict[str, str] = {}
        self._axes: dict[Symbol, Symbol] = {}
        self._done: dict[Expr, Expr] = {}

    def buffer(self, name: str, dtype: str) -> str:
        """The formal name of a buffer."""
        found = self.formal.setdefault(name, f"b{len(self.formal)}")
        self.dtypes[found] = dtype
        return found

    def __call__(self, root: Expr) -> Expr:
        """`root` with formal names."""
        done = self._done
        for x in walk(root):
            if x in done:
                continue
            if isinstance(x, Symbol):
                is_axis = is_reduction_axis(x)
                done[x] = self._axes.setdefault(x, Symbol(f"r{len(self._axes)}")) if is_axis else x
            elif isinstance(x, Load):
                done[x] = Load(self.buffer(x.buffer, x.dtype), done[x.offset], x.dtype)
            elif isinstance(x, Reduction):
                symbols = tuple(
                    self._axes.setdefault(s, Symbol(f"r{len(self._axes)}")) for s in x.symbols
                )
                extents = tuple(done[n] for n in x.extents)
                done[x] = Reduction(x.combine, symbols, extents, done[x.body])
            elif x.args:
                done[x] = rebuild(x, tuple(done[a] for a in x.args))
            else:
                done[x] = x
        return done[root]

    def actual(self, names: Iterable[str]) -> tuple[str, ...]:
        """The buffers behind formal names."""
        behind = {f: b for b, f in self.formal.items()}
        return tuple(behind[n] for n in names)


@dataclass(frozen=True, slots=True)
class Abstraction:
    """Statements over formal names, and the actual buffers and integers behind them."""

    stmts: tuple[Stmt, ...]
    params: tuple[Param, ...]
    buffers: tuple[str, ...]
    ints: tuple[Symbol, ...]
    arguments: tuple[Expr, ...]


def abstract(
    stmts: tuple[Stmt, ...],
    dtype_of: Mapping[str, str],
    bound: Mapping[Symbol, Expr | None] | None = None,
) -> Abstraction:
    """Give buffers and outer integers formal names.

    Parameters
    ----------
    stmts
        Statements over the program's buffers and base integers.
    dtype_of
        Dtypes of the buffers.
    bound
        Symbols besides those bound in `stmts` that do not come from outside, with the extents of
        those that are axes.
    """
    known = bound_symbols(stmts)
    known.update((s, () if n is None else (n,)) for s, n in (bound or {}).items())
    ranges: dict[str, Range] = {}
    for s, extents in known.items():
        # Loops that follow each other may share an axis: its range is the widest of theirs.
        lengths = [int(n.value) for n in extents if isinstance(n, Const)]
        if lengths and len(lengths) == len(extents):
            ranges[s.name] = (0, max(*lengths, 1) - 1)
    written = dict.fromkeys(s.buffer for s in stores(stmts))
    read = dict.fromkeys(x.buffer for x in walk(*expressions(stmts)) if isinstance(x, Load))
    buffers = tuple(dict.fromkeys([*read, *written]))
    names = _Names({b: f"p{k}" for k, b in enumerate(buffers)}, frozenset(known), ranges)
    renamed = _rename_stores(map_expressions(stmts, names.rename), names.formal)
    params = tuple(Param(names.formal[b], dtype_of[b], b in written) for b in buffers)
    return Abstraction(renamed, params, buffers, tuple(names.ints.values()), tuple(names.ints))


class _Names:
    """Formal names of one kernel."""

    def __init__(
        self, formal: dict[str, str], known: frozenset[Symbol], ranges: Mapping[str, Range]
    ) -> None:
        self.formal = formal
        self.ints: dict[Expr, Symbol] = {}
        self._known = known
        self._ranges = ranges
        self._formal_names: set[str] = set()
        self._done: dict[Expr, Expr] = {}

    def rename(self, root: Expr) -> Expr:
        """`root` with canonical integers and formal names."""
        for x in walk(root):
            if x not in self._done:
                new = fold(rebuild(x, tuple(self._done[a] for a in x.args)))
                if isinstance(new, Load):
                    offset = self._abstract(simplify(new.offset, self._ranges))
                    new = Load(self.formal[new.buffer], offset, new.dtype)
                self._done[x] = new
        found = self._done[root]
        return self._abstract(simplify(found, self._ranges) if found.dtype == "int64" else found)

    def _abstract(self, root: Expr) -> Expr:
        """`root` with every largest integer that comes from outside replaced by a formal one."""
        outer: dict[Expr, bool | None] = {}  # None: a constant, which is as good on either side
        order = list(walk(root))
        for x in order:
            outer[x] = self._is_outer(x, outer)
        wanted = {root}
        for x in reversed(order):
            if x in wanted and not (outer[x] and x.dtype == "int64"):
                wanted.update(x.args)
        done: dict[Expr, Expr] = {}
        for x in order:
            if x in wanted:
                is_formal = outer[x] and x.dtype == "int64"
                done[x] = (
                    self._formal(x) if is_formal else rebuild(x, tuple(done[a] for a in x.args))
                )
        return done[root]

    def _is_outer(self, x: Expr, outer: Mapping[Expr, bool | None]) -> bool | None:
        if isinstance(x, Const):
            return None
        if isinstance(x, Symbol):
            return x not in self._known and x.name not in self._formal_names
        if isinstance(x, Load):
            return False
        found = {outer[a] for a in x.args}
        return False if False in found else True if True in found else None

    def _formal(self, x: Expr) -> Symbol:
        if x not in self.ints:
            self.ints[x] = Symbol(f"n{len(self.ints)}")
            self._formal_names.add(self.ints[x].name)
        return self.ints[x]


def fold(x: Expr) -> Expr:
    """A call on constants as the constant it is."""
    if isinstance(x, Call) and x.operands and all(isinstance(a, Const) for a in x.operands):
        values = [np.asarray(a.value, a.dtype) for a in x.operands if isinstance(a, Const)]
        return Const(x.op.evaluate(*values)[()], x.dtype)
    return x


def _rename_stores(stmts: tuple[Stmt, ...], formal: Mapping[str, str]) -> tuple[Stmt, ...]:
    renamed: list[Stmt] = []
    for s in stmts:
        if isinstance(s, Store):
            s = Store(formal[s.buffer], s.offset, s.value)
        elif isinstance(s, Loop):
            s = Loop(s.axis, s.extent, _rename_stores(s.body, formal))
        elif isinstance(s, Ordered):
            s = replace(s, body=_rename_stores(s.body, formal))
        renamed.append(s)
    return tuple(renamed)
