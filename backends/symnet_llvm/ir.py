"""A small builder of textual LLVM IR.

`Emitter` writes one function; `module` puts functions together into the text that LLVM parses.
In go types, names and operands as text (an i64 operand may also be a Python integer, which the
arithmetic helpers fold), out comes text. Text because it is the fastest way into LLVM from
Python, and because it is what golden tests hold.

Values of a dtype have a *register* type (bool is i1) and a *memory* type (bool is i8, 0 or 1);
`load` and `store` convert. `lanes` 1 stands for a scalar everywhere.

Every kernel and contraction becomes one internal function `define internal void @NAME(ptr %p0,
..., i64 %n0, ..., i64 %part, i64 %parts, ptr %scratch)`: a pointer for each param, an i64 for each
integer, which share of the work to do, and memory that belongs to the thread. `signature` writes
that head, `Emitted` is the result.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from symnet_llvm.target import Target

Value = str | int
"""An operand: the text of a register or constant, or an i64 known when code is generated."""

REGISTER = {
    "bool": "i1",
    "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint8": "i8", "uint16": "i16", "uint32": "i32", "uint64": "i64",
    "float32": "float", "float64": "double",
}  # fmt: skip
"""LLVM's scalar type for a dtype in registers."""

MEMORY = REGISTER | {"bool": "i8"}
"""LLVM's scalar type for a dtype in memory."""

BYTES = {"i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8, "float": 4, "double": 8, "ptr": 8}
"""Size of a scalar type in memory."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """One kernel or contraction as LLVM IR.

    Attributes
    ----------
    text
        The function.
    declarations
        What the module must also contain, once each: declarations of intrinsics and whole helper
        functions.
    scratch_bytes
        Memory each thread needs while it runs (64-byte aligned).
    cost_ns
        Rough time on one thread, for deciding on how many to run.
    splittable
        Whether several parts may run at once; if not, it is to be run as part 0 of 1.
    """

    text: str
    declarations: frozenset[str]
    scratch_bytes: int
    cost_ns: float
    splittable: bool


@dataclass(slots=True)
class LoopFrame:
    """A loop being emitted.

    Attributes
    ----------
    iv
        The induction variable (an integer if there is a single iteration).
    phis
        The carried values in this iteration.
    next
        The carried values of the next iteration; the body replaces them.
    out
        The carried values after the loop.
    """

    iv: Value
    phis: list[str]
    next: list[str]
    out: list[str] = field(default_factory=list)


def vector(scalar: str, lanes: int) -> str:
    """The type of `lanes` scalars.

    Examples
    --------
    >>> vector("float", 16), vector("i64", 1)
    ('<16 x float>', 'i64')
    """
    return scalar if lanes == 1 else f"<{lanes} x {scalar}>"


def register(dtype: str, lanes: int = 1) -> str:
    """The type of `lanes` values of a dtype in registers."""
    return vector(REGISTER[dtype], lanes)


def number(value: float | bool, scalar: str) -> str:
    """A constant of a scalar type; floating point is exact.

    Examples
    --------
    >>> number(0.1, "float"), number(-1, "i64"), number(True, "i1")
    ('0x3FB99999A0000000', '-1', 'true')
    """
    if scalar == "i1":
        return "true" if value else "false"
    if scalar in ("float", "double"):
        with np.errstate(over="ignore"):
            exact = float(np.float32(value)) if scalar == "float" else float(value)
        return f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"
    return str(int(value))


def const(value: float | bool, dtype: str, lanes: int = 1) -> str:
    """A constant of a dtype, the same in all lanes.

    Examples
    --------
    >>> const(1.0, "float32", 4), const(0, "int8", 4)
    ('splat (float 0x3FF0000000000000)', 'zeroinitializer')
    """
    return splat_constant(number(value, REGISTER[dtype]), REGISTER[dtype], lanes)


def splat_constant(text: str, scalar: str, lanes: int) -> str:
    """A scalar constant in all lanes."""
    if lanes == 1:
        return text
    if text in ("0", "false", "0x0000000000000000"):
        return "zeroinitializer"
    return f"splat ({scalar} {text})"


def signature(params: int, ints: int) -> list[str]:
    """Parameters of the function of a kernel or contraction."""
    return [
        *(f"ptr noalias %p{i}" for i in range(params)),
        *(f"i64 %n{i}" for i in range(ints)),
        "i64 %part",
        "i64 %parts",
        "ptr noalias %scratch",
    ]


class Emitter:
    """Writes one function.

    Parameters
    ----------
    name
        Its name, without ``@``.
    parameters
        Parameters with their types.
    result
        Its return type.
    attributes
        ``"#0"`` for ordinary functions, ``"#1"`` for helpers that are always inlined.

    Attributes
    ----------
    declarations
        Declarations and helper functions that what was written refers to.
    """

    def __init__(
        self,
        name: str,
        parameters: Sequence[str],
        result: str = "void",
        attributes: str = "#0",
    ) -> None:
        self.declarations: set[str] = set()
        self._head = f"define internal {result} @{name}({', '.join(parameters)}) {attributes} {{"
        self._lines: list[str] = []
        self._block = "entry"
        self._count = 0

    # ------------------------------------------------------------------ instructions and blocks

    def fresh(self) -> str:
        """A register that nothing defines yet."""
        self._count += 1
        return f"%v{self._count}"

    def op(self, text: str) -> str:
        """Append an instruction and return the register of its result."""
        register = self.fresh()
        self._lines.append(f"  {register} = {text}")
        return register

    def do(self, text: str) -> None:
        """Append an instruction without a result."""
        self._lines.append("  " + text)

    def label(self) -> str:
        """A label that nothing has yet."""
        self._count += 1
        return f"b{self._count}"

    def block(self, label: str) -> None:
        """Begin a basic block; the one before must have been ended."""
        self._lines.append(f"{label}:")
        self._block = label

    @property
    def current(self) -> str:
        """Label of the block being written, for phi nodes."""
        return self._block

    def text(self) -> str:
        """The whole function."""
        return "\n".join([self._head, "entry:", *self._lines, "}", ""])

    @contextmanager
    def loop(
        self,
        low: Value,
        high: Value,
        step: Value = 1,
        carried: Sequence[tuple[str, str]] = (),
        nonempty: bool = False,
        before: Callable[[], None] | None = None,
    ) -> Iterator[LoopFrame]:
        """Write a loop over ``low, low + step, ... < high``.

        Parameters
        ----------
        low, high, step
            Bounds and (positive) step.
        carried
            Type and initial value of what one iteration hands to the next.
        nonempty
            Whether there is surely an iteration; saves the test where the bounds do not tell.
        before
            Writes what belongs before the first iteration but only if there is one.
        """
        known = isinstance(low, int) and isinstance(high, int)
        inits = [init for _, init in carried]
        if isinstance(low, int) and isinstance(high, int) and isinstance(step, int):
            nonempty = nonempty or low < high
            if low < high <= low + step:
                if before:
                    before()
                frame = LoopFrame(low, list(inits), list(inits))
                yield frame
                frame.out = list(frame.next)
                return
        head, end = self.label(), self.label()
        guard = self._block
        if not nonempty:
            start = self.label() if before else head
            some = ("true" if int(low) < int(high) else "false") if known else self.less(low, high)
            self.do(f"br i1 {some}, label %{start}, label %{end}")
            if before:
                self.block(start)
        if before:
            before()
        if nonempty or before:
            self.do(f"br label %{head}")
        entry = self._block
        self.block(head)
        slot = len(self._lines)
        iv = self.fresh()
        phis = [self.fresh() for _ in carried]
        frame = LoopFrame(iv, phis, list(phis))
        yield frame
        following = self.add(iv, step)
        again = self.less(following, high)
        last = self._block
        self.do(f"br i1 {again}, label %{head}, label %{end}")
        nodes = [f"  {iv} = phi i64 [ {low}, %{entry} ], [ {following}, %{last} ]"]
        for (type_, init), phi, value in zip(carried, phis, frame.next, strict=True):
            nodes.append(f"  {phi} = phi {type_} [ {init}, %{entry} ], [ {value}, %{last} ]")
        self._lines[slot:slot] = nodes
        self.block(end)
        if nonempty:
            frame.out = list(frame.next)
        else:
            frame.out = [
                self.op(f"phi {type_} [ {init}, %{guard} ], [ {value}, %{last} ]")
                for (type_, init), value in zip(carried, frame.next, strict=True)
            ]

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """Write what happens only if an i1 is true."""
        then, end = self.label(), self.label()
        self.do(f"br i1 {condition}, label %{then}, label %{end}")
        self.block(then)
        yield
        self.do(f"br label %{end}")
        self.block(end)

    def intrinsic(self, name: str, result: str, *operands: tuple[str, Value]) -> str:
        """Call an intrinsic (given with its type suffix), declaring it; "" if it returns void."""
        types = ", ".join(t for t, _ in operands)
        self.declarations.add(f"declare {result} @{name}({types})")
        call = f"call {result} @{name}({', '.join(f'{t} {v}' for t, v in operands)})"
        if result == "void":
            self.do(call)
            return ""
        return self.op(call)

    # ----------------------------------------------------------------------------- i64 arithmetic

    def add(self, a: Value, b: Value) -> Value:
        """``a + b``."""
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if a == 0:
            return b
        return a if b == 0 else self.op(f"add i64 {a}, {b}")

    def sub(self, a: Value, b: Value) -> Value:
        """``a - b``."""
        if isinstance(a, int) and isinstance(b, int):
            return a - b
        return a if b == 0 else self.op(f"sub i64 {a}, {b}")

    def mul(self, a: Value, b: Value) -> Value:
        """``a * b``."""
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if a == 0 or b == 0:
            return 0
        if a == 1:
            return b
        return a if b == 1 else self.op(f"mul i64 {a}, {b}")

    def div(self, a: Value, b: Value) -> Value:
        """``a / b`` for a >= 0 and b > 0, rounded down."""
        if isinstance(a, int) and isinstance(b, int):
            return a // b
        return a if b == 1 else self.op(f"udiv i64 {a}, {b}")

    def minimum(self, a: Value, b: Value) -> Value:
        """The smaller of two."""
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        return self.op(f"select i1 {self.less(a, b)}, i64 {a}, i64 {b}")

    def maximum(self, a: Value, b: Value) -> Value:
        """The greater of two."""
        if isinstance(a, int) and isinstance(b, int):
            return max(a, b)
        return self.op(f"select i1 {self.less(a, b)}, i64 {b}, i64 {a}")

    def less(self, a: Value, b: Value) -> str:
        """``a < b``, an i1."""
        if isinstance(a, int) and isinstance(b, int):
            return "true" if a < b else "false"
        return self.op(f"icmp slt i64 {a}, {b}")

    def round_down(self, a: Value, multiple: int) -> Value:
        """The greatest multiple of a power of two not above a (a >= 0)."""
        if isinstance(a, int):
            return a // multiple * multiple
        return a if multiple == 1 else self.op(f"and i64 {a}, {-multiple}")

    # -------------------------------------------------------------------------------------- memory

    def gep(self, pointer: str, offset: Value, scalar: str) -> str:
        """The address `offset` elements of a scalar (memory) type past a pointer."""
        if offset == 0:
            return pointer
        return self.op(f"getelementptr inbounds {scalar}, ptr {pointer}, i64 {offset}")

    def load(self, pointer: str, dtype: str, lanes: int = 1, mask: str | None = None) -> str:
        """Load consecutive elements; lanes that `mask` leaves out give zero."""
        memory = vector(MEMORY[dtype], lanes)
        align = BYTES[MEMORY[dtype]]
        if mask is None:
            value = self.op(f"load {memory}, ptr {pointer}, align {align}")
        else:
            value = self.intrinsic(
                f"llvm.masked.load.{suffix(memory)}.p0", memory,
                ("ptr", pointer), ("i32", align), (vector("i1", lanes), mask),
                (memory, "zeroinitializer"),
            )  # fmt: skip
        return self._from_memory(value, dtype, lanes)

    def store(
        self, value: str, pointer: str, dtype: str, lanes: int = 1, mask: str | None = None
    ) -> None:
        """Store consecutive elements, those that `mask` leaves out excepted."""
        memory = vector(MEMORY[dtype], lanes)
        align = BYTES[MEMORY[dtype]]
        value = self._to_memory(value, dtype, lanes)
        if mask is None:
            self.do(f"store {memory} {value}, ptr {pointer}, align {align}")
        else:
            self.intrinsic(
                f"llvm.masked.store.{suffix(memory)}.p0", "void",
                (memory, value), ("ptr", pointer), ("i32", align), (vector("i1", lanes), mask),
            )  # fmt: skip

    def gather(self, pointers: str, dtype: str, lanes: int, mask: str | None = None) -> str:
        """Load elements at a vector of addresses."""
        memory, scalar = vector(MEMORY[dtype], lanes), MEMORY[dtype]
        value = self.intrinsic(
            f"llvm.masked.gather.{suffix(memory)}.v{lanes}p0", memory,
            (vector("ptr", lanes), pointers), ("i32", BYTES[scalar]),
            (vector("i1", lanes), mask or "splat (i1 true)"), (memory, "zeroinitializer"),
        )  # fmt: skip
        return self._from_memory(value, dtype, lanes)

    def scatter(
        self, value: str, pointers: str, dtype: str, lanes: int, mask: str | None = None
    ) -> None:
        """Store elements at a vector of addresses."""
        memory, scalar = vector(MEMORY[dtype], lanes), MEMORY[dtype]
        self.intrinsic(
            f"llvm.masked.scatter.{suffix(memory)}.v{lanes}p0", "void",
            (memory, self._to_memory(value, dtype, lanes)), (vector("ptr", lanes), pointers),
            ("i32", BYTES[scalar]), (vector("i1", lanes), mask or "splat (i1 true)"),
        )  # fmt: skip

    def _from_memory(self, value: str, dtype: str, lanes: int) -> str:
        if dtype != "bool":
            return value
        return self.op(f"icmp ne {vector('i8', lanes)} {value}, {splat_constant('0', 'i8', lanes)}")

    def _to_memory(self, value: str, dtype: str, lanes: int) -> str:
        if dtype != "bool":
            return value
        return self.op(f"zext {vector('i1', lanes)} {value} to {vector('i8', lanes)}")

    # ------------------------------------------------------------------------------------- vectors

    def splat(self, value: str, scalar: str, lanes: int) -> str:
        """A scalar in all lanes."""
        if lanes == 1:
            return value
        if not value.startswith("%"):
            return splat_constant(value, scalar, lanes)
        type_ = vector(scalar, lanes)
        single = self.op(f"insertelement {type_} poison, {scalar} {value}, i64 0")
        return self.op(
            f"shufflevector {type_} {single}, {type_} poison, <{lanes} x i32> zeroinitializer"
        )

    def reverse(self, value: str, scalar: str, lanes: int) -> str:
        """A vector with its last lane first."""
        type_ = vector(scalar, lanes)
        picks = ", ".join(f"i32 {i}" for i in reversed(range(lanes)))
        return self.op(f"shufflevector {type_} {value}, {type_} poison, <{lanes} x i32> <{picks}>")

    def mask(self, count: Value, lanes: int) -> str:
        """A mask of the first `count` lanes (any number of them, also more than `lanes`)."""
        if isinstance(count, int):
            if lanes == 1:
                return "true" if count > 0 else "false"
            bits = (1 << min(max(count, 0), lanes)) - 1
            return f"bitcast (i{lanes} {bits} to <{lanes} x i1>)"
        # Compared as i32, in which the count must be kept from wrapping around.
        bounded = self.minimum(count, lanes)
        narrow = self.op(f"trunc i64 {bounded} to i32")
        type_ = vector("i32", lanes)
        return self.op(f"icmp sgt {type_} {self.splat(narrow, 'i32', lanes)}, {iota('i32', lanes)}")

    def tree(self, value: str, scalar: str, lanes: int, combine: Callable[[str, str], str]) -> str:
        """Combine the lanes of a vector into one scalar, by halves, always in the same order.

        `combine` works on vectors of all `lanes` (the upper ones hold nothing of use).
        """
        type_ = vector(scalar, lanes)
        width = lanes // 2
        while width:
            picks = ", ".join(
                f"i32 {i + width}" if i < width else "i32 poison" for i in range(lanes)
            )
            upper = self.op(
                f"shufflevector {type_} {value}, {type_} poison, <{lanes} x i32> <{picks}>"
            )
            value = combine(value, upper)
            width //= 2
        return self.op(f"extractelement {type_} {value}, i64 0") if lanes > 1 else value


def iota(scalar: str, lanes: int) -> str:
    """The constant vector ``0, 1, 2, ...``."""
    if lanes == 1:
        return "0"
    return f"<{', '.join(f'{scalar} {i}' for i in range(lanes))}>"


def suffix(type_: str) -> str:
    """How an intrinsic's name spells a type.

    Examples
    --------
    >>> suffix("<16 x float>"), suffix("double"), suffix("i32")
    ('v16f32', 'f64', 'i32')
    """
    count, _, scalar = type_.strip("<>").rpartition(" x ")
    scalar = {"float": "f32", "double": "f64", "ptr": "p0"}.get(scalar, scalar)
    return f"v{count}{scalar}" if count else scalar


SITES = 500
"""Uses of helpers in a module from which on they are called: inlined, they would be all the code
there is, and LLVM's time grows with that."""
_HELPER = re.compile(r"define internal [^@]*(@[\w.]+\()")


def module(functions: Iterable[str], declarations: Iterable[str], target: Target) -> str:
    """The text of a module: functions, what they refer to, and the attributes they name."""
    functions, declarations = list(functions), sorted(set(declarations))
    helpers = [found[1] for text in declarations if (found := _HELPER.match(text))]
    sites = sum(text.count(name) for text in functions for name in helpers)
    inlined = "alwaysinline" if sites < SITES else "noinline"
    width = f'nounwind "prefer-vector-width"="{target.vector_bytes * 8}"'
    return "\n".join(
        [
            f'target triple = "{target.triple}"',
            *functions,
            *declarations,
            f"attributes #0 = {{ {width} }}",
            f"attributes #1 = {{ {inlined} {width} }}",
            "",
        ]
    )
