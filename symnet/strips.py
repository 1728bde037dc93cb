"""Strips: large temporaries that exist a few rows at a time.

In go a program and the values of its integers; out comes one that needs less memory. A temporary
that one step makes and some steps read, all of them going through its first axis (the images of a
batch, say), need not be there as a whole: these steps are repeated over strips of it, each with a
part of their loops, and share memory for one strip. A step that sums over the axis adds up the
sums of the strips.

A product of matrices may be summed in another order in strips. So wherever the same product is
computed in several places, which are to agree to the last bit, it is computed in strips in all of
them or in none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from symnet.kernel import (
    Axis,
    Contraction,
    Kernel,
    Let,
    Loop,
    Param,
    Stmt,
    Store,
    accumulated,
    bound_symbols,
    expressions,
    map_expressions,
    stores,
)
from symnet.memory import buffer_bytes, plan
from symnet.program import Buffer, Launch, Program, Repeat, Step, blocks
from symnet.scalar import (
    Call,
    Const,
    Expr,
    Load,
    NotAffineError,
    Symbol,
    const,
    evaluate_int,
    simplify,
    split,
    substitute,
    walk,
)

COUNTS = (4, 5, 6, 7, 8)
"""Into how many strips a temporary may be cut; the first that divides its length."""
LARGE = 1 / 8
"""Share of the arena from which on a temporary is worth it."""
WORTH = 0.98
"""Share of the memory of before that is little enough."""


def in_strips(program: Program, sizes: Mapping[str, int]) -> Program:
    """Compute large temporaries strip by strip where that saves memory.

    Parameters
    ----------
    program
        The program, results in place already.
    sizes
        Values of its integers, by name.
    """
    before = plan(program, sizes)[1]
    least, found = before, program
    for b in sorted(program.buffers, key=lambda b: b.name):
        if b.kind != "temporary" or buffer_bytes(program, b.name, sizes) < LARGE * before:
            continue
        cut = _Strips(found, b.name).program()
        if cut is not None and (needed := plan(cut, sizes)[1]) <= least:
            found, least = cut, needed
    return found if least <= WORTH * before and _agree(program, found) else program


def _agree(before: Program, after: Program) -> bool:
    """Whether products that were the same still are."""
    forms: dict[tuple[object, ...], set[object]] = {}
    old, new = (
        [s for s in p.steps if isinstance(s, Launch) and isinstance(s.work, Contraction)]
        for p in (before, after)
    )
    # Steps are told apart by what they were made of; strips do not change their order of results.
    by_results = {(s.results, s.buffers): s for s in new}
    for s in old:
        same = by_results.get((s.results, s.buffers))
        if same is not None:
            forms.setdefault((s.work, s.ints), set()).add(same.work)
    return all(len(found) == 1 for found in forms.values())


@dataclass(frozen=True, slots=True)
class _Sliced:
    """A step of one strip.

    Attributes
    ----------
    step
        The step.
    total
        What it adds its sums to, if it sums over the axis.
    last
        What is done to the sums then.
    """

    step: Launch
    total: Buffer | None = None
    last: Launch | None = None


class _Strips:
    """One temporary of a program cut into strips, and with it what the same steps make of it."""

    def __init__(self, program: Program, name: str) -> None:
        self._program = program
        self._name = name
        self._index = Symbol(f"strip{sum(isinstance(s, Repeat) for s in program.steps)}")

    def program(self) -> Program | None:
        """The program; None if the temporary cannot be cut."""
        count = self._count()
        steps = self._program.steps
        using = [k for k, s in enumerate(steps) if self._name in s.reads | s.writes]
        if count is None or len(using) < 2 or self._name in steps[using[0]].reads:
            return None
        alone = {k for k, *others in blocks(steps) if not others}
        if not alone.issuperset(range(using[0], using[-1] + 1)):
            return None
        moved = self._moved(using)
        inside = [steps[k] for k in using]
        linked = self._linked(inside)
        cut = {b for b in linked if self._is_private(b, using, count)}
        made = [self._sliced(step, linked, cut, count) for step in inside]
        sliced = [s for s in made if s is not None]
        if moved is None or self._name not in cut or len(sliced) < len(made):
            return None
        totals = [s.total for s in sliced if s.total is not None]
        before, after = moved
        return replace(
            self._program,
            buffers=(
                *(_cut(b, count) if b.name in cut else b for b in self._program.buffers),
                *totals,
            ),
            steps=(
                *steps[: using[0]],
                *before,
                *map(_cleared, totals),
                Repeat(self._index, const(count), len(sliced)),
                *(s.step for s in sliced),
                *(s.last for s in sliced if s.last is not None),
                *after,
                *steps[using[-1] + 1 :],
            ),
        )

    def _count(self) -> int | None:
        """Into how many strips the temporary may be cut."""
        for n in self._program.buffer(self._name).shape:
            if not isinstance(n, Const):
                return None
            if n.value != 1:
                return next((c for c in COUNTS if n.value % c == 0), None)
        return None

    def _linked(self, inside: Sequence[Step]) -> set[str]:
        """What one of the steps writes and another one uses.

        What a step makes of sums over the axis is there when all strips are done.
        """
        return {
            b
            for k, s in enumerate(inside)
            for b in s.writes
            for j, other in enumerate(inside)
            if j != k and b in other.reads | other.writes and (j > k or not self._sums(s))
        }

    def _sums(self, step: Step) -> bool:
        """Whether a step sums over the axis of the temporary."""
        if not isinstance(step, Launch) or not isinstance(step.work, Contraction):
            return False
        own = {
            p.name: _elements(self._program.buffer(b))
            for p, b in zip(step.work.params, step.buffers, strict=True)
            if b == self._name
        }
        axis = _Slicing(own, frozenset(), 1, self._index).axis(step.work)
        return axis in step.work.inner

    def _is_private(self, name: str, using: Sequence[int], count: int) -> bool:
        """Whether only these steps use a buffer, one strip after the other."""
        steps, within = self._program.steps, set(using)
        b = self._program.buffer(name)
        used = [k for k, s in enumerate(steps) if name in s.reads | s.writes]
        return (
            b.kind == "temporary"
            and within.issuperset(used)
            and name not in steps[used[0]].reads
            and _leading(b) % count == 0
        )

    def _moved(self, using: Sequence[int]) -> tuple[list[Step], list[Step]] | None:
        """The steps between those of the strips: what can come before, and what after them."""
        before: list[Step] = []
        after: list[Step] = []
        strips = set(using)
        steps = self._program.steps
        passed: list[Step] = []
        for k in range(using[0], using[-1] + 1):
            step = steps[k]
            if k in strips:
                passed.append(step)
            elif not any(_conflict(step, other) for other in (*passed, *after)):
                before.append(step)
            elif not any(_conflict(step, steps[j]) for j in using if j > k):
                after.append(step)
            else:
                return None
        return before, after

    # -- one step --------------------------------------------------------------------------

    def _sliced(self, step: Step, linked: set[str], cut: set[str], count: int) -> _Sliced | None:
        """A step for one strip of so many; None if it does not go through the axis in order."""
        if not isinstance(step, Launch):
            return None
        buffers = {p.name: b for p, b in zip(step.work.params, step.buffers, strict=True)}
        elements = {
            p: _elements(self._program.buffer(b)) for p, b in buffers.items() if b in linked
        }
        start = Symbol(f"n{len(step.work.ints)}")
        private = frozenset(p for p, b in buffers.items() if b in cut)
        slicing = _Slicing(elements, private, count, start)
        shift = simplify(self._index * const(1))
        if isinstance(step.work, Kernel):
            found = slicing.kernel(step.work)
            if found is None:
                return None
            work, length = found
            return _Sliced(replace(step, work=work, ints=(*step.ints, simplify(shift * length))))
        axis = slicing.axis(step.work)
        if axis is None:
            return None
        length = evaluate_int(axis.extent, {}) // count
        ints = (*step.ints, simplify(shift * length))
        product = slicing.contraction(step.work, axis)
        if axis not in step.work.inner:
            return _Sliced(replace(step, work=product, ints=ints))
        total = self._total(step)
        if total is None:
            return None
        adding, last = _apart(product, step.work)
        buffers[TOTAL] = total.name
        first, then = (tuple(buffers[p.name] for p in w.params) for w in (adding, last))
        return _Sliced(
            Launch(adding, first, ints, "sums of strips"),
            total,
            replace(step, work=last, buffers=then),
        )

    def _total(self, step: Launch) -> Buffer | None:
        """A buffer for the sums of a contraction."""
        assert isinstance(step.work, Contraction)
        lengths = tuple(a.extent for a in step.work.outer)
        place = self._program.steps.index(step)
        name = f"{self._index.name}_{place}"
        known = all(isinstance(n, Const) for n in lengths)
        return Buffer(name, step.work.dtype, lengths, "temporary") if known else None


TOTAL = "total"
"""The param in which the sums of strips are added up."""


def _apart(product: Contraction, whole: Contraction) -> tuple[Contraction, Kernel]:
    """A contraction that adds its sums to `TOTAL`, and what is done to these then.

    Parameters
    ----------
    product
        The contraction of one strip.
    whole
        The contraction that has its epilogue.
    """
    acc = accumulated(whole.dtype)
    place: Expr = const(0)
    for a in whole.outer:
        place = place * a.extent + a.symbol
    place = simplify(place)
    total = Load(TOTAL, place, whole.dtype)
    read = {x.buffer for x in walk(whole.left, whole.right) if isinstance(x, Load)}
    factors = tuple(Param(p.name, p.dtype, False) for p in whole.params if p.name in read)
    adding = replace(
        product,
        params=(*factors, Param(TOTAL, whole.dtype, True)),
        epilogue=(Store(TOTAL, place, total + acc),),
    )
    named: dict[Expr, Expr] = {a.symbol: Symbol(f"i{k}") for k, a in enumerate(whole.outer)}
    body: tuple[Stmt, ...] = map_expressions(
        whole.epilogue, lambda x: substitute(substitute(x, {acc: total}), named)
    )
    for k, a in reversed(list(enumerate(whole.outer))):
        body = (Loop(Symbol(f"i{k}"), a.extent, body),)
    used = {x.buffer for x in walk(*expressions(whole.epilogue)) if isinstance(x, Load)}
    used |= {s.buffer for s in stores(whole.epilogue)}
    params = tuple(p for p in whole.params if p.name in used)
    return adding, Kernel((*params, Param(TOTAL, whole.dtype, False)), whole.ints, body)


def _cleared(b: Buffer) -> Launch:
    """A step that fills a buffer with zeros."""
    at = Symbol("i0")
    body = Loop(at, const(_elements(b)), (Store("p0", at, const(0, b.dtype)),))
    return Launch(Kernel((Param("p0", b.dtype, True),), (), (body,)), (b.name,), (), "zeros")


def _leading(b: Buffer) -> int:
    """The first length of a buffer that is not 1; 1 if lengths are not known."""
    lengths = [int(n.value) if isinstance(n, Const) else 0 for n in b.shape]
    return next((n for n in lengths if n != 1), 1) if all(lengths) else 1


def _elements(b: Buffer) -> int:
    """Elements of a buffer; 0 if lengths are not known."""
    return math.prod(int(n.value) if isinstance(n, Const) else 0 for n in b.shape)


def _cut(b: Buffer, count: int) -> Buffer:
    """A buffer that holds one strip of so many."""
    axis = next(k for k, n in enumerate(b.shape) if n != const(1))
    length = const(_leading(b) // count)
    return replace(b, shape=(*b.shape[:axis], length, *b.shape[axis + 1 :]))


def _conflict(a: Step, b: Step) -> bool:
    """Whether two steps must stay in order."""
    return bool(a.writes & (b.reads | b.writes) or b.writes & a.reads)


class _Slicing:
    """Rewrites a kernel so that it works on one strip.

    Parameters
    ----------
    linked
        Params that other steps of the strip use, and how many elements they have in all strips:
        each iteration must stay in a row of them.
    private
        Those of which there is only one strip.
    count
        How many strips there are.
    start
        What will be the number of the strip's first iteration.
    """

    def __init__(
        self, linked: Mapping[str, int], private: frozenset[str], count: int, start: Symbol
    ) -> None:
        self._linked = linked
        self._private = private
        self._count = count
        self._start = start

    def kernel(self, work: Kernel) -> tuple[Kernel, int] | None:
        """A kernel's part, and its iterations."""
        match work.body:
            case (Loop(extent=Const(value=extent)) as loop,) if extent % self._count == 0:
                pass
            case _:
                return None
        lengths = bound_symbols(work.body)
        if not all(self._in_rows(x, loop.axis, extent, lengths) for x in self._places(work.body)):
            return None
        body = self._shifted(loop.body, loop.axis)
        left = Loop(loop.axis, const(extent // self._count), body)
        return Kernel(work.params, (*work.ints, self._start), (left,)), extent // self._count

    def axis(self, work: Contraction) -> Axis | None:
        """The axis of a contraction along which it goes from row to row."""
        factors = [x for x in walk(work.left, work.right) if isinstance(x, Load)]
        places = [(x.buffer, x.offset) for x in factors if x.buffer in self._linked]
        places += self._places(work.epilogue)
        lengths = {a.symbol: (a.extent,) for a in (*work.outer, *work.inner)}
        for a in (*work.outer, *work.inner):
            match a.extent:
                case Const(value=extent) if extent % self._count == 0 and all(
                    self._in_rows(x, a.symbol, extent, lengths) for x in places
                ):
                    return a
        return None

    def contraction(self, work: Contraction, axis: Axis) -> Contraction:
        """A contraction's part along an axis."""

        def part(axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
            length = const(evaluate_int(axis.extent, {}) // self._count)
            return tuple(Axis(x.symbol, length) if x == axis else x for x in axes)

        shifted = self._shifted(work.epilogue, axis.symbol)
        return Contraction(
            work.params, (*work.ints, self._start), part(work.batch), part(work.rows),
            part(work.columns), part(work.inner), self._moved(work.left, axis.symbol),
            self._moved(work.right, axis.symbol),
            tuple(s for s in shifted if isinstance(s, Let | Store)), work.dtype,
        )  # fmt: skip

    def _places(self, stmts: tuple[Stmt, ...]) -> list[tuple[str, Expr]]:
        """Where statements read and write linked params."""
        found = [(s.buffer, s.offset) for s in stores(stmts)]
        for x in walk(*expressions(stmts)):
            if isinstance(x, Load):
                found.append((x.buffer, x.offset))
        return [place for place in found if place[0] in self._linked]

    def _in_rows(
        self,
        place: tuple[str, Expr],
        axis: Symbol,
        extent: int,
        lengths: Mapping[Symbol, tuple[Expr, ...]],
    ) -> bool:
        """Whether each iteration along an axis stays in a row of its own, the rows in order."""
        param, offset = place
        try:
            strides, rest = split(offset, [axis])
        except NotAffineError:
            return False
        match strides[axis]:
            case Const(value=row) if row * extent == self._linked[param]:
                pass
            case _:
                return False
        last: dict[str, int] = {}
        for x in walk(rest):
            match x:
                case Symbol() if x in lengths and all(isinstance(n, Const) for n in lengths[x]):
                    found = (int(n.value) for n in lengths[x] if isinstance(n, Const))
                    last[x.name] = max(found, default=1) - 1
                case Const(value=n) if n >= 0:
                    pass
                case Call() if x.op.name in ("add", "mul", "int_div"):
                    pass  # the greater the operands, the greater it is
                case _:
                    return False
        return bool(evaluate_int(rest, last) < row)

    def _shifted(self, stmts: tuple[Stmt, ...], axis: Symbol) -> tuple[Stmt, ...]:
        """Statements for the iterations from `start` on."""
        return self._restored(map_expressions(stmts, lambda x: self._moved(x, axis)))

    def _restored(self, stmts: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        """Statements that store to private params from where the strip begins."""
        found: list[Stmt] = []
        for s in stmts:
            match s:
                case Store():
                    own = s.buffer in self._private
                    begin: dict[Expr, Expr] = {self._start: const(0)} if own else {}
                    found.append(Store(s.buffer, simplify(substitute(s.offset, begin)), s.value))
                case Loop():
                    found.append(Loop(s.axis, s.extent, self._restored(s.body)))
                case _:
                    found.append(s)
        return tuple(found)

    def _moved(self, root: Expr, axis: Symbol) -> Expr:
        """An expression for an iteration from `start` on; it reads private params as it did."""
        kept: dict[Expr, Expr] = {
            x: x for x in walk(root) if isinstance(x, Load) and x.buffer in self._private
        }
        moved = substitute(root, {axis: axis + self._start, **kept})
        plain: dict[Expr, Expr] = {
            x: Load(x.buffer, simplify(x.offset), x.dtype)
            for x in walk(moved)
            if isinstance(x, Load) and not any(isinstance(y, Load) for y in walk(x.offset))
        }
        return substitute(moved, plain)
