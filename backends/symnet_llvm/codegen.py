"""Kernels to LLVM IR.

In goes a `Kernel`, out comes one internal function (see `symnet_llvm.ir`) that does share `part`
of `parts` of its work. The body is brought to normal form (`normal`), `plan` decides what runs in
vectors, and the statements are written in order, every sub-expression once, at the outermost
level at which its symbols are known (`expressions`).

Two rules make results independent of the number of parts. Shares of a loop that runs in vectors
begin at multiples of the vector and of the cache line, and the instructions that compute an
element are the same in the main loop and in the masked tail. Reductions are never divided: their
order of combination is fixed by the kernel and the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from symnet import dtypes, kernel
from symnet.kernel import Kernel, Let, Loop, Ordered, Reduce, Stmt, Store, stores
from symnet.scalar import Call, Const, Expr, walk
from symnet_llvm import plan as planning
from symnet_llvm.analysis import Facts, accesses, bound, stored, uses
from symnet_llvm.expressions import Expressions, Lanes
from symnet_llvm.ir import Emitted, Emitter, Value, register, signature
from symnet_llvm.normal import normalize
from symnet_llvm.partials import Partials, Parts, flat, like
from symnet_llvm.plan import Vectors
from symnet_llvm.rows import spread
from symnet_llvm.strips import Strip, masks, strips
from symnet_llvm.target import Target

_CACHE_LINE = 64
_COPIES = 4
"""Partial sums of a reduction that runs one iteration at a time."""
_UNROLLED = 64
"""Operations up to which a loop of known extent is written out."""
_FEW = 8
"""Iterations below which a loop is not worth dividing among threads."""


def emit_kernel(work: Kernel, name: str, target: Target) -> Emitted:
    """Generate the function of a kernel.

    Parameters
    ----------
    work
        The kernel.
    name
        Name of the function.
    target
        The machine.
    """
    return _Codegen(work, name, target).emit()


class _Codegen:
    def __init__(self, work: Kernel, name: str, target: Target) -> None:
        self.target = target
        self.f = Emitter(name, signature(len(work.params), len(work.ints)))
        self.facts = Facts()
        found = spread(normalize(work.body), self.facts, target)
        self.body = found.stmts
        pointers = {p.name: f"%p{i}" for i, p in enumerate(work.params)}
        counts = uses(self.body) if target.fused else {}
        self.values = Expressions(self.f, pointers, counts, self.facts, found.tiles)
        for i, symbol in enumerate(work.ints):
            self.values.bind(symbol, (f"%n{i}",))
        self.plan = planning.make(self.body, self.facts, target, found.tiles.keys())
        self.copies = _COPIES

    def emit(self) -> Emitted:
        divided = self._divided()
        for i, stmt in enumerate(self.body):
            if not divided:
                self._stmt(stmt)
            elif i in divided:
                self._share(stmt)
            elif isinstance(stmt, Let | Reduce):
                self._stmt(stmt)
            else:
                first = self.f.op("icmp eq i64 %part, 0")
                with self.f.when(first), self.values.scope():
                    self._stmt(stmt)
        self.f.do("ret void")
        return Emitted(
            self.f.text(),
            frozenset(self.f.declarations),
            scratch_bytes=0,
            cost_ns=self.plan.cost_ns,
            splittable=bool(divided),
        )

    # ----------------------------------------------------------------------------------- division

    def _divided(self) -> frozenset[int]:
        """Which statements at the top are shared among the parts; none if one cannot be.

        What is not divided is done by part 0, except that every part computes for itself the
        values that it needs.
        """
        touched: list[frozenset[str]] = []
        written: list[frozenset[str]] = []
        for stmt in self.body:
            touched.append(frozenset(buffer for buffer, _ in accesses((stmt,))))
            written.append(stored((stmt,)))
        for i, w in enumerate(written):
            if any(w & t for j, t in enumerate(touched) if j != i):
                return frozenset()
        loops = {i for i, s in enumerate(self.body) if isinstance(s, Loop) and self._division(s)}
        costs = self.plan.costs
        shared = sum(costs[i] for i in loops)
        repeated = sum(costs[i] for i, s in enumerate(self.body) if isinstance(s, Let | Reduce))
        return frozenset(loops) if shared > 4 * repeated else frozenset()

    def _division(self, stmt: Loop) -> Loop | None:
        """The loop of a perfect nest that is worth dividing: the outermost long one."""
        while True:
            if not isinstance(stmt.extent, Const) or stmt.extent.value >= _FEW * self._grain(stmt):
                return stmt
            if len(stmt.body) != 1 or not isinstance(stmt.body[0], Loop):
                return None
            (inner,) = stmt.body
            assert isinstance(inner, Loop)
            stmt = inner

    def _grain(self, stmt: Loop) -> int:
        """Iterations that stay together."""
        vectors = self.plan.vectors.get(id(stmt))
        if vectors is None:
            return 1
        sizes = [dtypes.itemsize(s.value.dtype) for s in stores(stmt.body)]
        return max(vectors.width, _CACHE_LINE // min(sizes, default=_CACHE_LINE))

    def _share(self, stmt: Stmt) -> None:
        assert isinstance(stmt, Loop)
        chosen = self._division(stmt)
        assert chosen is not None
        if stmt is not chosen:
            extent = self.values.scalar(stmt.extent)
            self._serial(stmt, 0, extent, lambda: self._share(stmt.body[0]))
            return
        f, grain = self.f, self._grain(stmt)
        extent = self.values.scalar(stmt.extent)
        low = f.round_down(f.div(f.mul(extent, "%part"), "%parts"), grain)
        after = f.add("%part", 1)
        high = f.round_down(f.div(f.mul(extent, after), "%parts"), grain)
        if grain > 1:
            last = f.op(f"icmp eq i64 {after}, %parts")
            high = f.op(f"select i1 {last}, i64 {extent}, i64 {high}")
        self._loop(stmt, low, high)

    # --------------------------------------------------------------------------------- statements

    def _block(self, stmts: Iterable[Stmt]) -> None:
        for stmt in stmts:
            self._stmt(stmt)

    def _stmt(self, stmt: Stmt) -> None:
        values = self.values
        match stmt:
            case Let():
                values.bind(stmt.symbol, values.value(stmt.value), values.varies(stmt.value))
            case Store():
                values.store(stmt)
            case Loop():
                self._loop(stmt, 0, values.scalar(stmt.extent))
            case Ordered():
                self._ordered(stmt)
            case Reduce():
                self._reduce(stmt)

    def _vectors(self, stmt: Loop | Reduce) -> Vectors | None:
        """How a statement runs in vectors, if it does and is not already inside of another."""
        return self.plan.vectors.get(id(stmt)) if self.values.lanes.axis is None else None

    def _hoist(self, stmts: Sequence[Stmt], local: frozenset[Expr], inside: frozenset[str]) -> None:
        """Compute what statements need that does not change with the symbols bound in them."""
        seen: set[Expr] = set()
        stack = list(kernel.expressions(tuple(stmts)))
        stack.reverse()
        while stack:
            x = stack.pop()
            if x in seen or not x.args:
                continue
            seen.add(x)
            if local.isdisjoint(self.facts.symbols(x)) and inside.isdisjoint(self.facts.buffers(x)):
                self.values.value(x)
            else:
                stack.extend(reversed(x.args))

    def _before(
        self, stmt: Loop | Ordered | Reduce, low: Value, high: Value
    ) -> Callable[[], None] | None:
        """Write what the iterations of a loop have in common.

        If the loop may have none, that is not done now: what is returned does it.
        """
        local = bound((stmt,))
        changing = stored((stmt,))

        def write() -> None:
            self.values.forget(changing)
            after: tuple[Let, ...] = ()
            if isinstance(stmt, Ordered):
                after = tuple(Let(c.symbol, c.following) for c in stmt.carried)
            elif isinstance(stmt, Reduce):
                after = tuple(Let(a.symbol, a.value) for a in stmt.accumulators)
            self._hoist((*stmt.body, *after), local, changing)

        if not isinstance(low, int) or not isinstance(high, int):
            return write
        if low < high:
            write()
        return None

    # -------------------------------------------------------------------------------------- loops

    def _loop(self, stmt: Loop, low: Value, high: Value) -> None:
        how = self._vectors(stmt)
        if how is None:
            self._serial(stmt, low, high, lambda: self._block(stmt.body))
            return
        f, values = self.f, self.values
        # A share begins and ends between vectors if the whole loop does.
        even = isinstance(stmt.extent, Const) and stmt.extent.value % how.width == 0
        found = strips(f, low, high, how, even)
        with self._wide(how):
            if _is_alone(found):
                with self._alone(stmt, found[0], how.width):
                    self._block(stmt.body)
                return
            with values.scope():
                before = self._before(stmt, low, high)
                for strip in found:
                    step = how.width * strip.units
                    with (
                        values.scope(),
                        f.loop(strip.low, strip.high, step, before=before) as frame,
                        values.vectors(self._lanes(stmt, strip, frame.iv, how.width)),
                    ):
                        self._block(stmt.body)

    @contextmanager
    def _alone(
        self, stmt: Loop | Reduce, strip: Strip, width: int
    ) -> Iterator[tuple[str | None, ...]]:
        """A whole loop as a straight line of code; gives the masks.

        What it computes is there for later loops over the same axis: the exponentials that one
        reduction sums are those that the loop after it divides by the sum.
        """
        lanes = self._lanes(stmt, strip, strip.low, width)
        with self.values.vectors(lanes, local=bound((stmt,)) - {stmt.axis}):
            yield lanes.masks

    def _lanes(self, stmt: Loop | Reduce, strip: Strip, at: Value, width: int) -> Lanes:
        """The lanes of the iteration of a strip that begins at `at`."""
        counts = strip.counts(self.f, at, width)
        return Lanes(width, masks(self.f, counts, width), stmt.axis, at, counts)

    def _serial(self, stmt: Loop, low: Value, high: Value, body: Callable[[], None]) -> None:
        """Write a loop that runs one iteration at a time; a short one is written out."""
        values = self.values
        with values.scope():
            before = self._before(stmt, low, high)
            if isinstance(low, int) and isinstance(high, int) and self._short(stmt):
                for i in range(low, high):
                    with values.scope():
                        values.bind(stmt.axis, (i,))
                        body()
                return
            with self.f.loop(low, high, before=before) as frame, values.scope():
                values.bind(stmt.axis, (frame.iv,))
                body()

    def _ordered(self, stmt: Ordered) -> None:
        """Write a loop whose iterations follow each other; in vectors, every lane its own."""
        f, values = self.f, self.values
        extent = values.scalar(stmt.extent)
        varies = values.lanes.axis is not None
        width = values.lanes.width if varies else 1

        def registers(x: Expr) -> tuple[str, ...]:
            return values.vector(x) if varies else tuple(map(str, values.value(x)))

        with values.scope():
            firsts = [registers(c.first) for c in stmt.carried]
            carried = [
                (register(c.symbol.dtype, width), r)
                for c, first in zip(stmt.carried, firsts, strict=True)
                for r in first
            ]
            before = self._before(stmt, 0, extent)
            with f.loop(0, extent, carried=carried, before=before) as frame, values.scope():
                values.bind(stmt.axis, (frame.iv,))
                phis = iter(frame.phis)
                for c, first in zip(stmt.carried, firsts, strict=True):
                    values.bind(c.symbol, tuple(next(phis) for _ in first), varies)
                self._block(stmt.body)
                frame.next = [r for c in stmt.carried for r in registers(c.following)]

    def _short(self, stmt: Loop | Reduce) -> bool:
        """Whether a loop is so short that all of its iterations may be written out."""
        if not isinstance(stmt.extent, Const):
            return False
        nodes = set(walk(*kernel.expressions((stmt,))))
        return len(nodes) * int(stmt.extent.value) <= _UNROLLED

    # --------------------------------------------------------------------------------- reductions

    @contextmanager
    def _wide(self, how: Vectors) -> Iterator[None]:
        """Note how many vectors hide the latency of what is reduced inside of a vector loop.

        The number must not depend on the strip: all elements are summed in one order.
        """
        copies, self.copies = self.copies, max(1, _COPIES // how.units)
        yield
        self.copies = copies

    def _reduce(self, stmt: Reduce) -> None:
        """Write a reduction and bind its results."""
        how = self._vectors(stmt)
        if how is None:
            self._reduce_serially(stmt)
        else:
            self._reduce_vectors(stmt, how)

    def _reduce_vectors(self, stmt: Reduce, how: Vectors) -> None:
        f, values, width = self.f, self.values, how.width
        sums = [Partials(self.f, a, width, 1, how.units) for a in stmt.accumulators]
        extent = values.scalar(stmt.extent)
        found = strips(f, 0, extent, how)
        if _is_alone(found):
            with self._alone(stmt, found[0], width) as used:
                self._block(stmt.body)
                for s in sums:
                    nothing = [None] * how.units
                    s.parts = self._masked(s, self._combined(s, nothing, True), nothing, used)
        else:
            with values.scope():
                before = self._before(stmt, 0, extent)
                for strip in found:
                    step = width * strip.units

                    def body(at: Value, parts: list[Parts], strip: Strip = strip) -> list[Parts]:
                        with values.vectors(self._lanes(stmt, strip, at, width)):
                            self._block(stmt.body)
                            used = values.lanes.masks
                            return [
                                self._masked(s, self._combined(s, flat(p), True), flat(p), used)
                                for s, p in zip(sums, parts, strict=True)
                            ]

                    with values.scope():
                        self._accumulate(sums, strip, step, before, body)
        for s in sums:
            total = f.tree(s.total()[0], s.scalar, width, s.combine)
            values.bind(s.accumulator.symbol, (total,))

    def _masked(
        self,
        sums: Partials,
        new: Sequence[str],
        old: Sequence[str | None],
        masks: tuple[str | None, ...],
    ) -> Parts:
        """New partial results in the lanes that count, old ones in the others."""
        truth = register("bool", sums.width)
        return [
            (n,)
            if m is None
            else (self.f.op(f"select {truth} {m}, {sums.type} {n}, {sums.type} {o or sums.start}"),)
            for n, o, m in zip(new, old, masks, strict=True)
        ]

    def _combined(self, sums: Partials, old: Sequence[str | None], varies: bool) -> tuple[str, ...]:
        """Old partial results combined with the value at hand; the value where there are none."""
        values, a = self.values, sums.accumulator
        get = values.vector if varies else values.value
        if None in old:
            return tuple(map(str, get(a.value)))
        values.bind(a.symbol, tuple(map(str, old)), varies)
        return tuple(map(str, get(Call(a.combine, (a.symbol, a.value), a.value.dtype))))

    def _reduce_serially(self, stmt: Reduce) -> None:
        values = self.values
        inside = self.facts.varying(stmt.body, values.varying)
        varying = [not inside.isdisjoint(self.facts.symbols(a.value)) for a in stmt.accumulators]
        lanes = values.lanes
        extent = values.scalar(stmt.extent)
        copies = self.copies
        if isinstance(extent, int) and (extent < copies or self._short(stmt)):
            copies = extent
        sums = [
            Partials(self.f, a, lanes.width if v else 1, lanes.units if v else 1, copies)
            for a, v in zip(stmt.accumulators, varying, strict=True)
        ]
        with values.scope():
            before = self._before(stmt, 0, extent)
            for strip in self._groups(extent, copies):

                def body(at: Value, parts: list[Parts], strip: Strip = strip) -> list[Parts]:
                    new: list[Parts] = [[] for _ in sums]
                    for copy in range(strip.units):
                        with values.scope():
                            values.bind(stmt.axis, (self.f.add(at, copy),))
                            self._block(stmt.body)
                            for n, s, p, v in zip(new, sums, parts, varying, strict=True):
                                n.append(self._combined(s, p[copy] or (None,), v))
                    return new

                with values.scope():
                    self._accumulate(sums, strip, strip.units, before, body)
        for s, varies in zip(sums, varying, strict=True):
            values.bind(s.accumulator.symbol, s.total(), varies)

    def _groups(self, extent: Value, copies: int) -> list[Strip]:
        """How a serial reduction goes through its range: in groups, then through what is left."""
        if isinstance(extent, int):
            middle = extent // copies * copies if copies else 0
            groups = [Strip(0, middle, copies), Strip(middle, extent, extent - middle)]
            return [s for s in groups if s.low != s.high]
        middle_ = self.f.round_down(extent, copies)
        return [Strip(0, middle_, copies), Strip(middle_, extent, 1)]

    def _accumulate(
        self,
        sums: list[Partials],
        strip: Strip,
        step: int,
        before: Callable[[], None] | None,
        body: Callable[[Value, list[Parts]], list[Parts]],
    ) -> None:
        """Run `body` over a strip; it turns the partial results of an iteration into the next."""
        used = [s.parts[: strip.units] for s in sums]
        if isinstance(strip.low, int) and isinstance(strip.high, int):
            single = strip.high - strip.low <= step
        else:
            single = False
        if single:
            if before:
                before()
            new = body(strip.low, used)
        else:
            filled = [[p or s.zero for p in parts] for s, parts in zip(sums, used, strict=True)]
            carried = [
                (s.type, r)
                for s, parts in zip(sums, filled, strict=True)
                for part in parts
                for r in part
            ]
            with self.f.loop(strip.low, strip.high, step, carried, before=before) as frame:
                new = body(frame.iv, like(filled, frame.phis))
                frame.next = [r for parts in new for part in parts for r in part or ()]
            new = like(filled, frame.out)
        for s, parts in zip(sums, new, strict=True):
            s.parts[: strip.units] = parts


def _is_alone(found: list[Strip]) -> bool:
    return len(found) == 1 and found[0].alone
