"""A program as LLVM IR.

In goes a program, out comes an `Assembly`: each distinct kernel and contraction once, as an
internal function; the prologue; and for every stretch of steps between host calls a function
``i64 step(ptr state, i64 part, i64 parts)`` that every thread of a region runs from beginning to
end. Its result is 0, or the number of the guard that ended it.

All that is one module, unless the program is long. Then what conducts the kernels, thousands of
calls in straight lines, is a module of its own: LLVM would spend most of its time on keeping
pointers in registers, which gains nothing beside the work the kernels do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from symnet import dtypes
from symnet.kernel import Contraction, Kernel
from symnet.program import Branch, Copy, Guard, HostCall, Launch, Program, Repeat
from symnet.scalar import Const, Expr, Symbol, walk
from symnet_llvm import ir, prologue
from symnet_llvm.codegen import emit_kernel
from symnet_llvm.contraction import emit_contraction
from symnet_llvm.engine import Module
from symnet_llvm.expansion import lower
from symnet_llvm.expressions import Expressions
from symnet_llvm.ir import Emitted, Emitter, Value
from symnet_llvm.layout import Facts, Layout, segments
from symnet_llvm.placement import EVERYONE, Placement, Task, place, worth_splitting
from symnet_llvm.state import Slot
from symnet_llvm.target import Target

Work = Kernel | Contraction
EmitWork = Callable[[Work, str, Target], Emitted]

_BYTES_PER_NS = 10  # copying memory, for deciding who does it
_REPEATED = 16  # how often a loop runs whose count is not known, for the same purpose
_LINE = 64
_LONG = 200  # steps and lengths from which on what conducts the kernels is not optimised
_PREFIX = "symnet_"  # of names that another module sees
_RUN = 16  # steps between two looks at which thread is to run them: longer blocks compile slowly
_BARRIER, _CLOCK = "declare void @symnet_barrier(i64)", "declare i64 @symnet_clock()"


@dataclass(frozen=True, slots=True)
class Assembly:
    """Modules and the facts that go with them."""

    modules: tuple[Module, ...]
    facts: Facts

    @property
    def text(self) -> str:
        """All of it, to be read."""
        return "\n".join(m.text for m in self.modules)


def emit_work(work: Work, name: str, target: Target) -> Emitted:
    """Write a kernel or a contraction."""
    if isinstance(work, Kernel):
        return emit_kernel(work, name, target)
    return emit_contraction(work, name, target)


def assemble(
    program: Program,
    layout: Layout,
    target: Target,
    threads: int,
    profile: bool = False,
    emit: EmitWork = emit_work,
) -> Assembly:
    """Write the modules of a program.

    Parameters
    ----------
    program, layout
        The program and its layout.
    target
        The machine.
    threads
        The greatest number of threads that may share the work.
    profile
        Whether to note the time of each step.
    emit
        What writes a kernel or a contraction.
    """
    names = {work: f"k{i}" for i, work in enumerate(program.works)}
    works = {work: emit(work, name, target) for work, name in names.items()}
    scratch = max((e.scratch_bytes for e in works.values()), default=0)
    scratch = -(-scratch // _LINE) * _LINE
    tasks = _tasks(program, works, profile)
    placement = place(tasks, threads)
    head = prologue.emit(program, layout)
    long = len(program.steps) + len(program.sizes) > _LONG
    called = {work: _PREFIX * long + name for work, name in names.items()}
    kernels = _Part([e.text for e in works.values()])
    kernels.declarations.update(*(e.declarations for e in works.values()))
    conductor = _Part([head.text()], set(head.declarations))
    aliases = ["@symnet_prologue = alias i64 (ptr), ptr @prologue"]
    for number, steps in enumerate(segments(program)):
        body = _Segment(program, layout, placement, called, scratch, profile)
        f = body.write(f"step{number}", steps, tasks)
        conductor.functions.append(f.text())
        conductor.declarations |= f.declarations
        aliases.append(f"@symnet_step{number} = alias i64 (ptr, i64, i64), ptr @step{number}")
    facts = Facts(placement.parts, placement.phases, scratch, sum(t.cost_ns for t in tasks))
    conductor.functions += aliases
    if not long:
        kernels.functions += conductor.functions
        kernels.declarations |= conductor.declarations
        return Assembly((kernels.module(target),), facts)
    for work, name in names.items():
        types = ["ptr"] * len(work.params) + ["i64"] * (len(work.ints) + 2) + ["ptr"]
        conductor.declarations.add(f"declare void @{_PREFIX}{name}({', '.join(types)})")
        kernels.functions.append(f"@{_PREFIX}{name} = alias void (), ptr @{name}")
    return Assembly((kernels.module(target), conductor.module(target, optimised=False)), facts)


@dataclass(slots=True)
class _Part:
    """What becomes a module."""

    functions: list[str]
    declarations: set[str] = field(default_factory=set)

    def module(self, target: Target, optimised: bool = True) -> Module:
        return Module(ir.module(self.functions, self.declarations, target), optimised)


def _tasks(program: Program, works: dict[Work, Emitted], profile: bool) -> list[Task]:
    costs: list[float | None] = []  # of what can be split, 0 if it cannot, None if it is everyone's
    for step in program.steps:
        match step:
            case Launch():
                emitted = works[step.work]
                costs.append(emitted.cost_ns if emitted.splittable else 0.0)
            case Copy():
                costs.append(_known_bytes(program, step) / _BYTES_PER_NS)
            case _:
                costs.append(None)
    tasks = []
    inside: list[tuple[int, Repeat]] = []  # repetitions, and where they end
    ends: set[int] = set()  # where repetitions and arms end
    for i, (step, divided, shared) in enumerate(
        zip(program.steps, costs, worth_splitting(costs), strict=True)
    ):
        cost = works[step.work].cost_ns if isinstance(step, Launch) else divided or 0.0
        for _, repeat in inside:
            count = repeat.count
            cost *= int(count.value) if isinstance(count, Const) else _REPEATED
        alone = profile or isinstance(step, HostCall | Repeat | Branch)
        kept = {name for _, repeat in inside for name in repeat.kept}
        tasks.append(Task(step.reads - kept, step.writes, cost, shared, alone, i + 1 in ends))
        inside = [item for item in inside if item[0] > i + 1]
        if isinstance(step, Repeat):
            inside.append((i + 1 + step.length, step))
            ends.add(i + 1 + step.length)
        elif isinstance(step, Branch):
            ends |= {i + 1 + step.then, i + 1 + step.then + step.otherwise}
    return tasks


def _known_bytes(program: Program, step: Copy) -> int:
    """Bytes to copy; lengths that are not constant count as a hundred."""
    buffer = program.buffer(step.source)
    size = dtypes.itemsize(buffer.dtype)
    for n in buffer.shape:
        size *= int(n.value) if isinstance(n, Const) else 100
    return size


class _Segment:
    """Writes the function of one segment."""

    def __init__(
        self,
        program: Program,
        layout: Layout,
        placement: Placement,
        names: dict[Work, str],
        scratch: int,
        profile: bool,
    ) -> None:
        self.program = program
        self.layout = layout
        self.placement = placement
        self.names = names
        self.scratch_bytes = scratch
        self.profile = profile
        self._counters: dict[Expr, Value] = {}
        self.guards = {
            i: n + 1
            for n, i in enumerate(
                i for i, step in enumerate(program.steps) if isinstance(step, Guard)
            )
        }

    def write(self, name: str, steps: Sequence[int], tasks: Sequence[Task]) -> Emitter:
        """Write a function that runs some of the steps."""
        f = self.f = Emitter(name, ["ptr %state", "i64 %part", "i64 %parts"], "i64")
        self.pointers = self._table(Slot.POINTERS)
        self.numbers = self._table(Slot.NUMBERS)
        threaded = self.placement.parts > 1
        self.part: Value = "%part" if threaded else 0
        self.parts: Value = "%parts" if threaded else 1
        base = self._table(Slot.SCRATCH)
        self.scratch = f.gep(base, f.mul(self.part, self.scratch_bytes), "i8")
        alone = f.op("icmp eq i64 %parts, 1")
        self.mine: dict[int, str] = {}
        for owner in sorted({self.placement.owners[i] for i in steps} - {EVERYONE}):
            own = f.op(f"icmp eq i64 %part, {owner}")
            self.mine[owner] = f.op(f"or i1 {own}, {alone}")
        self._before = self._clock() if self.profile else ""
        self._run_all(steps)
        f.do("ret i64 0")
        return f

    def _run_all(self, steps: Sequence[int], phase: int | None = None) -> None:
        """Run steps in order, a barrier between phases; `phase` is that of what came before."""
        threaded = self.placement.parts > 1
        done = 0
        while done < len(steps):
            group = self._together(steps, done)
            done += len(group)
            now = self.placement.phases[group[0]]
            if threaded and phase not in (None, now):
                self._barrier()
            phase = now
            step = self.program.steps[group[0]]
            if isinstance(step, Repeat):
                self._repeat(step, steps[done : done + step.length])
                done += step.length
                phase = None  # there was a barrier at the end of the last turn
                continue
            if isinstance(step, Branch):
                then = steps[done : done + step.then]
                done += step.then + step.otherwise
                self._branch(step, now, then, steps[done - step.otherwise : done])
                phase = None  # there was one at the end of the arm
                continue
            self._run_steps(group)
            if self.profile:
                if threaded:
                    self._barrier()
                self._before = self._note_time(group[0], self._before)

    def _together(self, steps: Sequence[int], start: int) -> Sequence[int]:
        """Steps from `start` on that one thread, or all, can run without a look at who they are."""
        placement = self.placement
        first = steps[start]

        def joins(i: int) -> bool:
            single = isinstance(self.program.steps[i], Guard | Repeat | Branch)
            return not single and (placement.phases[i], placement.owners[i]) == (
                placement.phases[first],
                placement.owners[first],
            )

        end = start + 1
        if not self.profile and joins(first):
            while end < min(len(steps), start + _RUN) and joins(steps[end]):
                end += 1
        return steps[start:end]

    def _repeat(self, step: Repeat, body: Sequence[int]) -> None:
        if step.until is None:
            with self.f.loop(0, self._number(step.count)) as loop:
                self._turn(step, body, loop.iv)
        else:
            self._repeat_until(step, body, step.until)
        del self._counters[step.index]
        self._before = self._clock() if self.profile else ""

    def _turn(self, step: Repeat, body: Sequence[int], number: Value) -> None:
        self._counters[step.index] = number
        self._before = self._clock() if self.profile else ""
        self._run_all(body)
        if self.placement.parts > 1:
            self._barrier()

    def _repeat_until(self, step: Repeat, body: Sequence[int], flag: str) -> None:
        f = self.f
        count, before = self._number(step.count), f.current
        head, turn, again, end = f.label(), f.label(), f.label(), f.label()
        number, following = f"%{head}.number", f"%{again}.number"
        f.do(f"br label %{head}")
        f.block(head)
        f.do(f"{number} = phi i64 [ 0, %{before} ], [ {following}, %{again} ]")
        f.do(f"br i1 {f.op(f'icmp slt i64 {number}, {count}')}, label %{turn}, label %{end}")
        f.block(turn)
        self._turn(step, body, number)
        stop = f.load(self._pointer(flag), "bool")
        if self.placement.parts > 1:
            self._barrier()  # all have looked at the flag before anyone sets it again
        f.do(f"br i1 {stop}, label %{end}, label %{again}")
        f.block(again)
        f.do(f"{following} = add i64 {number}, 1")
        f.do(f"br label %{head}")
        f.block(end)

    def _branch(
        self, step: Branch, phase: int, then: Sequence[int], otherwise: Sequence[int]
    ) -> None:
        f = self.f
        flag = f.load(self._pointer(step.flag), "bool")
        labels, end = (f.label(), f.label()), f.label()
        f.do(f"br i1 {flag}, label %{labels[0]}, label %{labels[1]}")
        for label, arm in zip(labels, (then, otherwise), strict=True):
            f.block(label)
            self._before = self._clock() if self.profile else ""
            self._run_all(arm, phase)
            if self.placement.parts > 1:
                self._barrier()
            f.do(f"br label %{end}")
        f.block(end)
        self._before = self._clock() if self.profile else ""

    def _table(self, slot: Slot) -> str:
        return self.f.op(f"load ptr, ptr {self.f.gep('%state', slot.value, 'i64')}")

    def _barrier(self) -> None:
        self.f.declarations.add(_BARRIER)
        self.f.do("call void @symnet_barrier(i64 %parts)")

    def _clock(self) -> str:
        self.f.declarations.add(_CLOCK)
        return self.f.op("call i64 @symnet_clock()")

    def _note_time(self, i: int, before: str) -> str:
        f = self.f
        now = self._clock()
        with f.when(f.op("icmp eq i64 %part, 0")):
            place = f.gep(self._table(Slot.TIMES), i, "i64")
            total = f.op(f"load i64, ptr {place}")
            spent = f.op(f"sub i64 {now}, {before}")
            f.do(f"store i64 {f.op(f'add i64 {total}, {spent}')}, ptr {place}")
        return now

    def _run_steps(self, group: Sequence[int]) -> None:
        steps, owner = [self.program.steps[i] for i in group], self.placement.owners[group[0]]
        if isinstance(steps[0], Guard):
            self._guard(steps[0], self.guards[group[0]])
        elif owner == EVERYONE:
            for step in steps:
                self._run(step, self.part, self.parts)
        else:
            single = self.placement.parts == 1
            with nullcontext() if single else self.f.when(self.mine[owner]):
                for step in steps:
                    self._run(step, 0, 1)

    def _run(self, step: object, part: Value, parts: Value) -> None:
        match step:
            case Launch():
                self._launch(step, part, parts)
            case Copy():
                self._copy(step, part, parts)
            case _:
                raise TypeError(f"no native step: {step}")

    def _pointer(self, name: str) -> str:
        place = self.f.gep(self.pointers, self.layout.pointers[name], "i64")
        return self.f.op(f"load ptr, ptr {place}")

    def _number(self, x: Expr) -> Value:
        if isinstance(x, Const):
            return int(x.value)
        if not self._counters.keys().isdisjoint(walk(x)):
            values = Expressions(self.f)
            for symbol in (s for s in walk(x) if isinstance(s, Symbol)):
                counter = self._counters.get(symbol)
                values.bind(symbol, (self._number(symbol) if counter is None else counter,))
            return values.scalar(lower(x))
        return self.f.op(f"load i64, ptr {self.f.gep(self.numbers, self.layout.place(x), 'i64')}")

    def _launch(self, step: Launch, part: Value, parts: Value) -> None:
        arguments = [f"ptr {self._pointer(name)}" for name in step.buffers]
        arguments += [f"i64 {self._number(x)}" for x in step.ints]
        arguments += [f"i64 {part}", f"i64 {parts}", f"ptr {self.scratch}"]
        self.f.do(f"call void @{self.names[step.work]}({', '.join(arguments)})")

    def _copy(self, step: Copy, part: Value, parts: Value) -> None:
        f = self.f
        buffer = self.program.buffer(step.source)
        size: Value = dtypes.itemsize(buffer.dtype)
        for n in buffer.shape:
            size = f.mul(size, self._number(n))
        # Whole cache lines for everyone but the last.
        share = f.mul(f.div(f.div(f.add(size, _LINE - 1), _LINE), parts), _LINE)
        start = f.mul(share, part)
        if parts != 1:
            last = f.op(f"icmp eq i64 {f.add(part, 1)}, {parts}")
            count: Value = f.op(f"select i1 {last}, i64 {f.sub(size, start)}, i64 {share}")
        else:
            start, count = 0, size
        source = f.gep(self._pointer(step.source), start, "i8")
        target = f.gep(self._pointer(step.target), start, "i8")
        f.intrinsic(
            "llvm.memcpy.p0.p0.i64", "void",
            ("ptr", target), ("ptr", source), ("i64", count), ("i1", "false"),
        )  # fmt: skip

    def _guard(self, step: Guard, number: int) -> None:
        f = self.f
        flag = f.load(self._pointer(step.buffer), "int64")
        fired, go_on = f.label(), f.label()
        f.do(f"br i1 {f.op(f'icmp ne i64 {flag}, 0')}, label %{fired}, label %{go_on}")
        f.block(fired)
        f.do(f"ret i64 {number}")
        f.block(go_on)
