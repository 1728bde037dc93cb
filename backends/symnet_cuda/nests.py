"""Loop nests as CUDA C++: each phase of a kernel (`symnet_cuda.mapping`) becomes a function."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from symnet.kernel import Kernel, Let, Loop, Ordered, Reduce, Stmt, Store, loads
from symnet.scalar import Call, Expr, Symbol, const
from symnet_cuda import types
from symnet_cuda.functions import Helpers, Part, Written, function, identity
from symnet_cuda.mapping import Axes, Phase, Team, ceiling, flat, known, phases, product, written
from symnet_cuda.scalars import Expressions
from symnet_cuda.text import PRIMARY, SUM, Names, Text, Writer


def nest(
    kernel: Kernel, name: str, helpers: Helpers, varying: Collection[Symbol] = ()
) -> Iterator[Written]:
    """Write the functions of a loop nest; `varying` integers may change from call to call."""
    found = phases(kernel)
    slots = sum(len(phase.exports) for phase in found)
    for number, phase in enumerate(found):
        title = name if len(found) == 1 else f"{name}_{number}"
        yield _Function(kernel, phase, title, helpers, slots, varying).write()


class _Function:
    """Writes one phase of a loop nest."""

    def __init__(
        self,
        kernel: Kernel,
        phase: Phase,
        name: str,
        helpers: Helpers,
        exported: int,
        varying: Collection[Symbol],
    ) -> None:
        self.kernel = kernel
        self.phase = phase
        self.team: Team = phase.team
        self.name = name
        self.helpers = helpers
        self.exported = exported
        self.varying = varying
        self.shared = bool(phase.imports or phase.exports or phase.team.splits)
        self.partials = 0
        self.names = Names()
        self.names.reserve(["lane", "live", "point", "scratch", "counters", "peer", name])
        self.writer = Writer()
        buffers = {p.name: self.names.fresh(p.name) for p in kernel.params}
        self.x = Expressions(self.writer, self.names, buffers)
        self.read: set[str] = set()
        self.wrote: set[str] = set()

    # ------------------------------------------------------------------------ frame

    def write(self) -> Written:
        """The function."""
        bounds = str(self.team.threads)
        with function(self.x, self.name, bounds, self.kernel, self.varying, self.shared) as kinds:
            self._place()
            for symbol, slot in self.phase.imports:
                self.x.declare(symbol, Text(self._slot(str(slot), symbol.dtype)))
            split = self.team.splits is not None
            for stmt in self.phase.body:
                self._together(stmt, split and isinstance(stmt, Reduce))
                split = split and isinstance(stmt, Let)
            for symbol, slot in self.phase.exports:
                value = self.x.symbols[symbol].code
                target = self._slot(str(slot), symbol.dtype)
                self.writer.line(f"{self._leader()}{target} = {value};")
        return Written(self.writer.text(), self._part(), kinds)

    def _part(self) -> Part:
        tiles = ceiling(self.phase.points, self.team.points)
        splits = self.team.splits or const(1)
        slots = const(self.exported) + tiles * splits * (self.partials * self.team.points)
        counters = tiles if self.team.splits is not None else const(0)
        grid = (tiles, splits, const(1))
        return Part(self.name, grid, self.team.threads, slots, counters, self.shared)

    def _slot(self, index: str, dtype: str) -> str:
        return f"*({types.register(dtype)}*)&scratch[{index}]"

    def _place(self) -> None:
        """Declare where in the iteration space this thread stands."""
        team, line = self.team, self.writer.line
        if team.layout == "warp":
            line("const int lane = threadIdx.x % 32;")
        elif team.layout == "block":
            line("const int lane = threadIdx.x;")
        elif team.layout == "column":
            line("const int lane = threadIdx.x / 32;")
        if not self.phase.axes:
            return
        count = known(self.phase.points)
        (total,) = self.x.write(self.phase.points)
        small = count is not None and count < 2**31 - 1024
        kind = "unsigned" if small else "long long"
        single = len(self.phase.axes) == 1
        place = {
            "thread": f"blockIdx.x * {team.points}{'u' if small else 'LL'} + threadIdx.x",
            "warp": f"blockIdx.x * {team.points}{'u' if small else 'LL'} + threadIdx.x / 32",
            "block": "blockIdx.x",
            "column": f"blockIdx.x * 32{'u' if small else 'LL'} + threadIdx.x % 32",
        }[team.layout]
        limit = f"{count}u" if small else total.at(SUM)
        name = self.x.bind_axis(self.phase.axes[0][0]) if single else "point"
        kind = "long long" if single else kind
        exact = count is not None and count % team.points == 0
        if team.layout == "column" and not exact:
            # Threads beyond the last column work on it again, for barriers need them, but keep
            # the result to themselves.
            own = self.names.fresh("own")
            kind_of_own = "unsigned" if small else "long long"
            last = f"{count - 1}u" if small and count is not None else f"{limit} - 1"
            line(f"const {kind_of_own} {own} = {place};")
            line(f"const bool live = {own} < {limit};")
            line(f"const {kind} {name} = live ? {own} : {last};")
        else:
            line(f"const {kind} {name} = {place};")
            if team.points > 1 and not exact:
                line(f"if ({name} >= {count if small and single else limit}) return;")
        if not single:
            self._decode(self.phase.axes, name, small)

    def _decode(self, axes: Axes, number: str, small: bool) -> None:
        """Declare axes, of which `number` counts the points."""
        divisor: Expr = const(1)
        for position in range(len(axes) - 1, -1, -1):
            symbol, extent = axes[position]
            value = number
            if known(divisor) != 1:
                value = f"{value} / {self._unsigned(divisor, small)}"
            if position:
                value = f"{value} % {self._unsigned(extent, small)}"
            divisor = product((*axes[position:],))
            self.writer.line(f"const long long {self.x.bind_axis(symbol)} = {value};")

    def _unsigned(self, x: Expr, small: bool) -> str:
        (text,) = self.x.write(x)
        return f"{known(x)}u" if small else text.at(PRIMARY)

    def _leader(self) -> str:
        """The condition under which a thread stores what its whole team has computed."""
        tests = ["lane == 0"] if self.team.size > 1 else []
        tests += ["live"] if self._guarded() else []
        return f"if ({' && '.join(tests)}) " if tests else ""

    def _guarded(self) -> bool:
        count = known(self.phase.points)
        tail = count is None or count % self.team.points != 0
        return self.team.layout == "column" and bool(self.phase.axes) and tail

    # ----------------------------------------------------------- statements of a whole team

    def _together(self, stmt: Stmt, split: bool) -> None:
        """Write a statement that the team runs together."""
        if self.team.size == 1:
            self._alone(stmt)
            return
        self._wait_if_needed(stmt)
        match stmt:
            case Let():
                self.x.let(stmt)
            case Store():
                with self.writer.block(self._leader().rstrip()):
                    self.x.store(stmt)
            case Loop():
                axes, loop = flat(stmt)
                with self._shared_out(axes, "live && " if self._guarded() else ""):
                    self._all_alone(loop.body)
            case Ordered():
                with self.writer.block(self._leader().rstrip()):
                    self._alone(stmt)
            case Reduce():
                axes, reduction = flat(stmt)
                self._start(reduction)
                with self._shared_out(axes, split=split):
                    self._all_alone(reduction.body)
                    self._accumulate(reduction)
                self._combine(reduction)
                if split:
                    self._combine_blocks(reduction)

    def _wait_if_needed(self, stmt: Stmt) -> None:
        """Make the team wait where one thread's accesses might meet another's."""
        reads = {x.buffer for x in loads((stmt,))}
        writes = written((stmt,))
        if reads & self.wrote or writes & (self.read | self.wrote):
            self.writer.line("__syncwarp();" if self.team.layout == "warp" else "__syncthreads();")
            self._have_waited()
        self.read |= reads
        self.wrote |= writes

    def _have_waited(self) -> None:
        self.read.clear()
        self.wrote.clear()

    @contextmanager
    def _shared_out(self, axes: Axes, condition: str = "", split: bool = False) -> Iterator[None]:
        """Put what is written in a ``with`` block into a loop whose iterations the team shares."""
        size = self.team.size
        start = f"blockIdx.y * {size} + lane" if split else "lane"
        step = f"gridDim.y * {size}" if split else f"{size}"
        count = known(product(axes))
        small = count is not None and count < 2**31 - 1024 * 1024
        with self.x.scope():
            (total,) = self.x.write(product(axes))
            if len(axes) == 1:
                name, kind = self.x.bind_axis(axes[0][0]), "long long"
            else:
                name, kind = self.names.fresh("r"), "unsigned" if small else "long long"
            limit = f"{count}" if small else total.at(SUM)
            head = f"for ({kind} {name} = {start}; {condition}{name} < {limit}; {name} += {step})"
            with self.writer.block(head):
                if len(axes) > 1:
                    self._decode(axes, name, small)
                yield

    def _start(self, reduction: Reduce) -> None:
        for a in reduction.accumulators:
            first = identity(a.combine, a.symbol.dtype)
            kind = types.register(a.symbol.dtype)
            self.writer.line(f"{kind} {self.x.bind(a.symbol)} = {first};")

    def _accumulate(self, reduction: Reduce) -> None:
        """Combine one iteration's values with what there is."""
        sums = reduction.accumulators
        values = [Call(a.combine, (a.symbol, a.value), a.symbol.dtype) for a in sums]
        for a, text in zip(sums, self.x.write(*values), strict=True):
            self.writer.line(f"{self.x.symbols[a.symbol].code} = {text.code};")

    def _combine(self, reduction: Reduce) -> None:
        """Combine what the threads of the team have."""
        for a in reduction.accumulators:
            tree = self.helpers.tree(self.team.layout, a.combine, a.symbol.dtype)
            name = self.x.symbols[a.symbol].code
            self.writer.line(f"{name} = {tree}({name});")
        if self.team.layout != "warp":
            self._have_waited()  # the tree has made all threads wait for each other

    def _combine_blocks(self, reduction: Reduce) -> None:
        """Combine what the blocks that share a reduction have; all but the last of them end."""
        line, points, size = self.writer.line, self.team.points, self.team.size
        column = " + threadIdx.x % 32" if self.team.layout == "column" else ""
        partials: list[str] = []
        for number, a in enumerate(reduction.accumulators):
            tile = f"({number} * gridDim.x + blockIdx.x)" if number else "blockIdx.x"
            partials.append(self.names.fresh(f"{self.x.symbols[a.symbol].code}_of_block"))
            start = f"scratch + {self.exported}" if self.exported else "scratch"
            width = f" * {points}{column}" if points > 1 else ""
            place = f"{tile} * (long long)gridDim.y{width}"
            line(f"long long* const {partials[-1]} = {start} + {place};")
        self.partials = len(partials)

        def partial(index: int, block: str, dtype: str) -> str:
            place = f"{block} * {points}" if points > 1 else block
            return f"*({types.register(dtype)}*)&{partials[index]}[{place}]"

        for number, a in enumerate(reduction.accumulators):
            target = partial(number, "blockIdx.y", a.symbol.dtype)
            line(f"{self._leader()}{target} = {self.x.symbols[a.symbol].code};")
        line(f"if (!{self.helpers.last_block()}(&counters[blockIdx.x])) return;")
        for a in reduction.accumulators:
            name = self.x.symbols[a.symbol].code
            line(f"{name} = {identity(a.combine, a.symbol.dtype)};")
        others = [
            Symbol(f"of_block_{n}", a.symbol.dtype) for n, a in enumerate(reduction.accumulators)
        ]
        with (
            self.x.scope(),
            self.writer.block(f"for (unsigned peer = lane; peer < gridDim.y; peer += {size})"),
        ):
            for number, other in enumerate(others):
                self.x.declare(other, Text(partial(number, "peer", other.dtype)))
            sums = tuple(
                replace(a, value=other)
                for a, other in zip(reduction.accumulators, others, strict=True)
            )
            self._accumulate(replace(reduction, accumulators=sums))
        self._combine(reduction)

    # -------------------------------------------------------------- statements of one thread

    def _all_alone(self, stmts: Sequence[Stmt]) -> None:
        for stmt in stmts:
            self._alone(stmt)

    def _alone(self, stmt: Stmt) -> None:
        """Write a statement that one thread runs from beginning to end."""
        match stmt:
            case Let():
                self.x.let(stmt)
            case Store():
                self.x.store(stmt)
            case Loop() | Ordered() | Reduce():
                if isinstance(stmt, Reduce):
                    self._start(stmt)
                elif isinstance(stmt, Ordered):
                    self._carry_first(stmt)
                with self.x.scope():
                    (extent,) = self.x.write(stmt.extent)
                    name = self.x.bind_axis(stmt.axis)
                    limit = known(stmt.extent)
                    end = extent.at(SUM) if limit is None else str(limit)
                    with self.writer.block(f"for (long long {name} = 0; {name} < {end}; ++{name})"):
                        self._all_alone(stmt.body)
                        if isinstance(stmt, Reduce):
                            self._accumulate(stmt)
                        elif isinstance(stmt, Ordered):
                            self._carry_on(stmt)

    def _carry_first(self, stmt: Ordered) -> None:
        """Declare what an ordered loop hands from one iteration to the next."""
        for c, first in zip(
            stmt.carried, self.x.write(*(c.first for c in stmt.carried)), strict=True
        ):
            kind = types.register(c.symbol.dtype)
            self.writer.line(f"{kind} {self.x.bind(c.symbol)} = {first.code};")

    def _carry_on(self, stmt: Ordered) -> None:
        """Hand over to the next iteration, all values at once."""
        new = [Symbol(f"{c.symbol.name}_next", c.symbol.dtype) for c in stmt.carried]
        for symbol, text in zip(
            new, self.x.write(*(c.following for c in stmt.carried)), strict=True
        ):
            self.x.declare(symbol, text)
        for c, symbol in zip(stmt.carried, new, strict=True):
            self.writer.line(f"{self.x.symbols[c.symbol].code} = {self.x.symbols[symbol].code};")
