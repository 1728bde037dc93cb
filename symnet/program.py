"""A Program: everything one call of a compiled function does, below the level of operations.

It names integers, buffers and an ordered body of steps. It prints as readable text, verifies
itself, and hashes: its hash is the key of the on-disk cache of compiled code.

A call runs in this order: base integers are read off the inputs (`Size`), derived integers are
computed and compared with the values the program was specialised to (`Int`), assumptions are
checked (`Check`), then the steps run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal

import numpy as np

from symnet import kernel
from symnet.kernel import Contraction, Kernel
from symnet.scalar import Call, Const, Expr, Load, ScalarOp, Symbol, by_parts, show, walk

Kind = Literal["input", "shared", "constant", "output", "temporary"]


@dataclass(frozen=True, slots=True)
class Buffer:
    """Contiguous memory of known dtype and shape.

    ``shared`` buffers belong to shared variables and outlive the call; a ``constant`` carries its
    `data`; an ``output`` is fresh for every call; a ``temporary`` lives in the arena.
    """

    name: str
    dtype: str
    shape: tuple[Expr, ...]
    kind: Kind
    data: np.ndarray[Any, Any] | None = field(default=None, compare=False)

    __reduce__ = by_parts

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.dtype}[{', '.join(show(n) for n in self.shape)}]"


@dataclass(frozen=True, slots=True)
class Size:
    """A base integer: length of a dimension (`axis`) or value of an element of an input buffer.

    `axis` None means: the value at `offset` of a buffer of integers.
    """

    symbol: Symbol
    buffer: str
    axis: int | None
    offset: int = 0

    __reduce__ = by_parts

    def __str__(self) -> str:
        source = f"[{self.offset}]" if self.axis is None else f".shape[{self.axis}]"
        return f"{self.symbol.name} = {self.buffer}{source}"


@dataclass(frozen=True, slots=True)
class Int:
    """A derived integer: `symbol` stands for `expr`, over base integers.

    If `value` is given the program holds only for calls where `expr` has this value.
    """

    symbol: Symbol
    expr: Expr
    value: int | None = None

    __reduce__ = by_parts

    def __str__(self) -> str:
        bound = "" if self.value is None else f" = {self.value}"
        return f"{self.symbol.name} = {show(self.expr)}{bound}"


@dataclass(frozen=True, slots=True)
class Check:
    """An assumption on base integers; a call that breaks it raises an exception with `message`.

    Attributes
    ----------
    condition
        A boolean expression of base integers.
    message
        What the exception says; `values` are expressions it may show, as ``{0}``, ``{1}`` ...
    values
        Integer expressions of base integers.
    error
        ``"ValueError"`` or ``"IndexError"``.
    """

    condition: Expr
    message: str = field(compare=False)
    values: tuple[Expr, ...] = ()
    error: str = "ValueError"

    __reduce__ = by_parts

    def __str__(self) -> str:
        return f"check {show(self.condition)}"


@dataclass(frozen=True, slots=True)
class Launch:
    """Runs a kernel or a contraction on buffers of the program.

    Attributes
    ----------
    work
        What runs.
    buffers
        Names of buffers, one for each param of `work`.
    ints
        Expressions over the symbols of the program's derived and base integers, one for each
        integer parameter of `work`.
    label
        The operations it came from, for people.
    results
        Variables of the graph that it puts into buffers, for people.
    reads, writes
        Names of the buffers it reads and writes.
    """

    work: Kernel | Contraction
    buffers: tuple[str, ...]
    ints: tuple[Expr, ...] = ()
    label: str = field(default="", compare=False)
    results: tuple[Any, ...] = field(default=(), repr=False, compare=False)
    reads: frozenset[str] = field(init=False, repr=False, compare=False)
    writes: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        params = list(zip(self.buffers, self.work.params, strict=True))
        reads = frozenset(b for b, p in params if p.name in self.work.read)
        object.__setattr__(self, "reads", reads)
        object.__setattr__(self, "writes", frozenset(b for b, p in params if p.written))

    __reduce__ = by_parts

    def __str__(self) -> str:
        ints = [show(x) for x in self.ints]
        return f"launch({', '.join([*self.buffers, *ints])})  # {self.label}"


@dataclass(frozen=True, slots=True)
class Guard:
    """Ends the call with an `IndexError` if the int64 flag in `buffer` is not zero.

    Stands before every write to a shared buffer.
    """

    buffer: str
    message: str

    @property
    def reads(self) -> frozenset[str]:
        """The flag."""
        return frozenset((self.buffer,))

    @property
    def writes(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def __str__(self) -> str:
        return f"guard {self.buffer}"


@dataclass(frozen=True, slots=True)
class HostCall:
    """Runs the NumPy meaning of an operation in Python.

    `perform` takes the arrays of `inputs` and returns those of `outputs`, or None for one that it
    leaves as it is; `results` are the variables of the graph that these hold, for people.
    """

    label: str
    perform: Any = field(compare=False)
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    results: tuple[Any, ...] = field(default=(), repr=False, compare=False)

    @property
    def reads(self) -> frozenset[str]:
        """Names of the buffers it reads."""
        return frozenset(self.inputs)

    @property
    def writes(self) -> frozenset[str]:
        """Names of the buffers it writes."""
        return frozenset(self.outputs)

    def __str__(self) -> str:
        return f"host {self.label}({', '.join(self.inputs)}) -> {', '.join(self.outputs)}"


@dataclass(frozen=True, slots=True)
class Copy:
    """Copies a whole buffer to another of the same dtype and shape."""

    source: str
    target: str

    @property
    def reads(self) -> frozenset[str]:
        """The source."""
        return frozenset((self.source,))

    @property
    def writes(self) -> frozenset[str]:
        """The target."""
        return frozenset((self.target,))

    def __str__(self) -> str:
        return f"copy {self.source} -> {self.target}"


@dataclass(frozen=True, slots=True)
class Repeat:
    """Runs the `length` steps after it again and again, for ``index = 0 .. count-1`` in order.

    These may be launches, copies, branches of such and further repetitions; the integers of
    launches may depend on the index.

    Attributes
    ----------
    index
        What counts, an int64 symbol.
    count
        How often.
    length
        How many steps.
    kept
        Names of buffers of which one repetition reads rows that those before it wrote, and writes
        another row: within a repetition nothing waits for them.
    until
        Name of the buffer of a bool: the repetition in which its steps make it true is the last.
    """

    index: Symbol
    count: Expr
    length: int
    kept: tuple[str, ...] = ()
    until: str | None = None

    @property
    def reads(self) -> frozenset[str]:
        """Nothing: its steps do."""
        return frozenset()

    @property
    def writes(self) -> frozenset[str]:
        """Nothing: its steps do."""
        return frozenset()

    def __str__(self) -> str:
        end = f" until {self.until}" if self.until else ""
        return f"for {self.index.name} < {show(self.count)}{end}:"


@dataclass(frozen=True, slots=True)
class Branch:
    """Runs the `then` steps after it if a bool is true, else the `otherwise` steps behind those.

    Attributes
    ----------
    flag
        Name of the buffer of the bool.
    then, otherwise
        How many steps.
    """

    flag: str
    then: int
    otherwise: int

    @property
    def reads(self) -> frozenset[str]:
        """The bool."""
        return frozenset((self.flag,))

    @property
    def writes(self) -> frozenset[str]:
        """Nothing: its steps do."""
        return frozenset()

    def __str__(self) -> str:
        return f"if {self.flag}:"


Step = Launch | Guard | HostCall | Copy | Repeat | Branch


def renamed(step: Step, names: Mapping[str, str]) -> Step:
    """A step on other buffers: those that `names` has.

    Examples
    --------
    >>> renamed(Copy("a", "b"), {"b": "c"})
    Copy(source='a', target='c')
    """

    def new(buffers: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(b, b) for b in buffers)

    match step:
        case Launch():
            return replace(step, buffers=new(step.buffers))
        case Guard():
            return replace(step, buffer=names.get(step.buffer, step.buffer))
        case HostCall():
            return replace(step, inputs=new(step.inputs), outputs=new(step.outputs))
        case Copy():
            return Copy(names.get(step.source, step.source), names.get(step.target, step.target))
        case Repeat():
            until = None if step.until is None else names.get(step.until, step.until)
            return replace(step, kept=new(step.kept), until=until)
        case Branch():
            return replace(step, flag=names.get(step.flag, step.flag))


def blocks(steps: Sequence[Step]) -> list[list[int]]:
    """Numbers of steps by what they belong to: a repetition, a branch, or a step alone.

    Examples
    --------
    >>> copy = Copy("a", "b")
    >>> blocks([copy, Branch("f", 1, 2), copy, copy, copy, copy])
    [[0], [1, 2, 3, 4], [5]]
    """
    found: list[list[int]] = []
    end = 0
    for i, step in enumerate(steps):
        if i < end:
            found[-1].append(i)
            continue
        found.append([i])
        match step:
            case Repeat():
                end = i + 1 + step.length
            case Branch():
                end = i + 1 + step.then + step.otherwise
    return found


def outermost(steps: Sequence[Step]) -> list[int]:
    """For each step the outermost repetition that it belongs to, or itself.

    Examples
    --------
    >>> from symnet.scalar import const
    >>> copy = Copy("a", "b")
    >>> outermost([copy, Repeat(Symbol("t"), const(3), 2), copy, copy, copy])
    [0, 1, 1, 1, 4]
    """
    found: list[int] = []
    end, start = 0, 0
    for i, step in enumerate(steps):
        if i >= end:
            start = i
            end = i + 1 + (step.length if isinstance(step, Repeat) else 0)
        found.append(start)
    return found


@dataclass(frozen=True, slots=True)
class Program:
    """What a call does; see the module's introduction.

    Attributes
    ----------
    name
        The function's name.
    sizes, ints, checks
        Integers and assumptions.
    buffers
        All buffers, in the order of their pointers in a backend's table.
    inputs, outputs
        Names of buffers in call order.
    steps
        The body, in an order that respects all dependences.
    names
        The buffers of variables of the graph, for people.
    """

    name: str
    sizes: tuple[Size, ...]
    ints: tuple[Int, ...]
    checks: tuple[Check, ...]
    buffers: tuple[Buffer, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: tuple[Step, ...]
    names: Mapping[Any, str] = field(default_factory=dict, repr=False, compare=False)
    _by_name: dict[str, Buffer] = field(init=False, repr=False, compare=False)
    _hash: str = field(init=False, default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {b.name: b for b in self.buffers})

    @property
    def works(self) -> tuple[Kernel | Contraction, ...]:
        """The distinct kernels and contractions, in order of first use."""
        return tuple(dict.fromkeys(s.work for s in self.steps if isinstance(s, Launch)))

    def buffer(self, name: str) -> Buffer:
        """The buffer of a name."""
        return self._by_name[name]

    def __str__(self) -> str:
        numbers = {work: i for i, work in enumerate(self.works)}
        lines = [f"program {self.name}({', '.join(self.inputs)}) -> ({', '.join(self.outputs)})"]
        lines += [
            f"  {x}" for group in (self.sizes, self.ints, self.checks, self.buffers) for x in group
        ]
        ends: list[int] = []
        others: dict[int, int] = {}
        for i, step in enumerate(self.steps):
            ends = [end for end in ends if i < end]
            prefix = f"k{numbers[step.work]}: " if isinstance(step, Launch) else ""
            if i in others:
                lines.append(f"  {'  ' * others[i]}else:")
            lines.append(f"  {'  ' * len(ends)}{prefix}{step}")
            if isinstance(step, Repeat):
                ends.append(i + 1 + step.length)
            elif isinstance(step, Branch):
                if step.otherwise:
                    others[i + 1 + step.then] = len(ends)
                ends.append(i + 1 + step.then + step.otherwise)
        for work, number in numbers.items():
            lines.append(f"k{number} = {work}")
        return "\n".join(lines)

    def hash(self) -> str:
        """Hexadecimal key of everything code generation depends on.

        Names of the function, of buffers and of integers, labels, messages and the values of
        constant buffers do not matter to it; what users' own rows of the scalar table mean does.
        """
        if not self._hash:
            import hashlib  # costs more to import than most modules here

            found = hashlib.sha256(_Definition().program(self).encode()).hexdigest()
            object.__setattr__(self, "_hash", found)
        return self._hash

    def bare(self) -> Program:
        """The program without the variables of the graph, which it knows for people only."""
        steps = [
            replace(s, results=()) if isinstance(s, Launch | HostCall) else s for s in self.steps
        ]
        found = replace(self, steps=tuple(steps), names={})
        object.__setattr__(found, "_hash", self._hash)
        return found


class _Definition:
    """Writes a program as text that is equal where code generation would do the same.

    Every distinct expression is written once and has a number from then on.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._numbers: dict[Expr, int] = {}

    def program(self, p: Program) -> str:
        """The text of a program."""
        places = {b.name: i for i, b in enumerate(p.buffers)}
        works = {work: i for i, work in enumerate(p.works)}

        def buffers(names: tuple[str, ...]) -> tuple[int, ...]:
            return tuple(places[name] for name in names)

        def step(s: Step) -> tuple[Any, ...]:
            match s:
                case Launch():
                    return "launch", works[s.work], buffers(s.buffers), s.ints
                case Guard():
                    return "guard", places[s.buffer]
                case HostCall():
                    return "host", buffers(s.inputs), buffers(s.outputs)
                case Copy():
                    return "copy", places[s.source], places[s.target]
                case Repeat():
                    ends = () if s.until is None else (s.until,)
                    return "repeat", s.index, s.count, s.length, buffers(s.kept), buffers(ends)
                case Branch():
                    return "branch", places[s.flag], s.then, s.otherwise

        parts = (
            tuple((s.symbol, places[s.buffer], s.axis, s.offset) for s in p.sizes),
            tuple((i.symbol, i.expr, i.value) for i in p.ints),
            tuple(c.condition for c in p.checks),
            tuple((b.dtype, b.shape, b.kind) for b in p.buffers),
            buffers(p.inputs),
            buffers(p.outputs),
            tuple(step(s) for s in p.steps),
            tuple(works),
        )
        self._lines.extend([self._text(part) for part in parts])
        return "\n".join(self._lines)

    def _text(self, x: Any) -> str:
        """Text of a part; expressions go before it."""
        if isinstance(x, Expr):
            return f"%{self._number(x)}"
        if isinstance(x, tuple):
            return f"({', '.join(self._text(e) for e in x)})"
        if isinstance(x, kernel.Accumulator):
            row = self._row(x.combine, (x.symbol.dtype,) * 2)
            return f"{row}{self._text((x.symbol, x.value))}"
        if is_dataclass(x):
            values = tuple(getattr(x, f.name) for f in fields(x) if f.compare)
            return type(x).__name__ + self._text(values)
        return repr(x)

    def _number(self, root: Expr) -> int:
        numbers = self._numbers
        stack = [root]
        while stack:
            x = stack[-1]
            missing = [a for a in x.args if a not in numbers]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            if x not in numbers:
                line = self._node(x)
                numbers[x] = len(self._lines)
                self._lines.append(line)
        return numbers[root]

    def _node(self, x: Expr) -> str:
        given = " ".join(f"%{self._numbers[a]}" for a in x.args)
        match x:
            case Const():
                return f"{x.dtype} {x.value!r}"
            case Load():
                return f"{x.dtype} {x.buffer}[{given}]"
            case Call():
                return f"{x.dtype} {self._row(x.op, tuple(a.dtype for a in x.operands))} {given}"
        return f"{x.dtype} symbol"

    def _row(self, op: ScalarOp, operands: tuple[str, ...]) -> str:
        """A row's name, and its meaning if it is not one of symnet's own."""
        if op.expand is None or getattr(op.expand, "__module__", "").startswith("symnet."):
            return op.name
        symbols = [Symbol(f"operand {i}", d) for i, d in enumerate(operands)]
        return f"{op.name} = {self._text(op.expand(*symbols))}"


class MalformedProgram(Exception):
    """A program breaks one of its own rules; always a defect of the compiler."""


def verify(program: Program) -> None:
    """Check that a program is well formed.

    Raises
    ------
    MalformedProgram, MalformedKernel
        If a name is unknown or defined twice, a buffer is read before it is written, dtypes of
        buffers and params differ, one launch is given a buffer twice, or a kernel is malformed.
    """
    buffers = {b.name: b for b in program.buffers}
    if len(buffers) != len(program.buffers):
        raise MalformedProgram(f"two buffers of one name in\n{program}")
    symbols = {s.symbol for s in program.sizes}
    for number in program.ints:
        _check_symbols(number.expr, symbols, program)
    symbols |= {i.symbol for i in program.ints}
    written = {b.name for b in program.buffers if b.kind in ("input", "shared", "constant")}
    inside: list[tuple[int, Repeat | Branch]] = []
    for i, step in enumerate(program.steps):
        while inside and i >= inside[-1][0]:
            _, ended = inside.pop()
            if isinstance(ended, Repeat):
                symbols.remove(ended.index)
        if isinstance(step, Repeat | Branch):
            if isinstance(step, Repeat):
                _check_symbols(step.count, symbols, program)
                symbols.add(step.index)
                length, flag = step.length, step.until
            else:
                length, flag = step.then + step.otherwise, step.flag
            if flag is not None and buffers[flag].dtype != "bool":
                raise MalformedProgram(f"{step}: {buffers[flag]} in\n{program}")
            inside.append((i + 1 + length, step))
            if inside[-1][0] > min(len(program.steps), *(end for end, _ in inside)):
                raise MalformedProgram(f"{step} has more steps than there are in\n{program}")
        elif isinstance(step, Guard | HostCall) and any(isinstance(s, Repeat) for _, s in inside):
            raise MalformedProgram(f"{step} stands in a repetition in\n{program}")
        unknown = (step.reads | step.writes) - buffers.keys()
        if unknown:
            raise MalformedProgram(f"{step} names unknown buffers {unknown} in\n{program}")
        if not step.reads <= written:
            raise MalformedProgram(
                f"{step} reads {step.reads - written} before writing in\n{program}"
            )
        for name in step.writes:
            if buffers[name].kind in ("input", "constant"):
                raise MalformedProgram(f"{step} writes {buffers[name]} in\n{program}")
        written |= step.writes
        if isinstance(step, Launch):
            kernel.verify(step.work)
            if len(set(step.buffers)) != len(step.buffers):
                raise MalformedProgram(f"{step} is given a buffer twice in\n{program}")
            for name, param in zip(step.buffers, step.work.params, strict=True):
                if buffers[name].dtype != param.dtype:
                    raise MalformedProgram(f"{step}: dtype of {name} in\n{program}")
            for x in step.ints:
                _check_symbols(x, symbols, program)
            if len(step.ints) != len(step.work.ints):
                raise MalformedProgram(f"{step}: number of integers in\n{program}")
    if not set(program.outputs) <= written:
        raise MalformedProgram(f"outputs never written in\n{program}")


def _check_symbols(x: Expr, known: set[Symbol], program: Program) -> None:
    for e in walk(x):
        if isinstance(e, Symbol) and e not in known:
            raise MalformedProgram(f"{e.name} of {show(x)} is unknown in\n{program}")
