"""What all generated functions share: how they are declared and launched, and device functions.

A function takes pointers to the params of its kernel or contraction, then, if it needs them, a
pointer to scratch memory and one to counters, then the integers: those that may change from call
to call though all sizes stay the same (the index of a minibatch) behind one pointer, so that a
recorded launch stays valid, the others as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from symnet.kernel import Contraction, Kernel
from symnet.scalar import Call, Expr, ScalarOp, Symbol
from symnet_cuda import types
from symnet_cuda.scalars import Expressions
from symnet_cuda.text import Names, Writer


@dataclass(frozen=True, slots=True)
class Part:
    """One launch of a function of a unit.

    Attributes
    ----------
    name
        The function.
    grid
        Numbers of blocks in three directions, expressions over the integers.
    threads
        Threads of a block.
    slots
        Words of eight bytes that it needs in scratch memory.
    counters
        How many counters it needs; all are zero before it runs and after.
    shared
        Whether it takes pointers to scratch memory and counters.
    """

    name: str
    grid: tuple[Expr, Expr, Expr]
    threads: int
    slots: Expr
    counters: Expr
    shared: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A function: its text, its launch and the C types of its parameters."""

    text: str
    part: Part
    signature: tuple[str, ...]


@contextmanager
def function(
    x: Expressions,
    name: str,
    bounds: str,
    work: Kernel | Contraction,
    varying: Collection[Symbol],
    shared: bool,
) -> Iterator[tuple[str, ...]]:
    """Put what is written in a ``with`` block into a function; gives its parameters' C types.

    Parameters
    ----------
    x
        Writes the function's expressions; learns the names of integers.
    name, bounds
        The function's name and launch bounds.
    work
        What the function carries out, or part of which.
    varying
        The integers that may change from call to call.
    shared
        Whether it takes pointers to scratch memory and counters.
    """
    kinds = [f"{'' if p.written else 'const '}{types.memory(p.dtype)}*" for p in work.params]
    names = list(x.buffers.values())
    if shared:
        kinds += ["long long*", "unsigned*"]
        names += ["scratch", "counters"]
    x.exact |= set(work.ints)
    for symbol in work.ints:
        if symbol not in varying:
            kinds.append("long long")
            names.append(x.bind(symbol))
    behind = [s for s in work.ints if s in varying]
    if behind:
        kinds.append("const long long*")
        names.append(x.names.fresh("ints"))
    with x.writer.block(_declaration(name, bounds, kinds, names)):
        for position, symbol in enumerate(behind):
            x.writer.line(f"const long long {x.bind(symbol)} = {names[-1]}[{position}];")
        yield tuple(kinds)


def _declaration(name: str, bounds: str, kinds: Sequence[str], names: Sequence[str]) -> str:
    """The head of a function with its launch bounds; a program's buffers never overlap."""
    own = ("scratch", "counters")
    parameters = [
        f"{kind}{' __restrict__' if kind.endswith('*') and given not in own else ''} {given}"
        for kind, given in zip(kinds, names, strict=True)
    ]
    head = f'extern "C" __global__ void __launch_bounds__({bounds}) {name}('
    line = f"{head}{', '.join(parameters)})"
    if len(line) <= 98:
        return line
    return f"{head}\n    " + ",\n    ".join(parameters) + ")"


@dataclass(slots=True)
class Helpers:
    """Device functions that a unit's kernels share, written when first asked for."""

    found: dict[str, str] = field(default_factory=dict)

    def texts(self) -> list[str]:
        """All of them, in an order in which each can call those before it."""
        return list(self.found.values())

    def last_block(self) -> str:
        """Name of the function that elects the block that finishes a shared reduction."""
        self.found.setdefault("last_block", _LAST_BLOCK)
        return "last_block"

    def tree(self, layout: str, op: ScalarOp, dtype: str) -> str:
        """Name of the function that combines the values of a team and gives all the result."""
        name = f"{layout}_{op.name}_{dtype}"
        if name not in self.found:
            if layout == "block":
                self.tree("warp", op, dtype)
            self.found[name] = _TREES[layout].format(
                name=name,
                warp=f"warp_{op.name}_{dtype}",
                type=types.register(dtype),
                shuffled=_shuffled(dtype),
                identity=identity(op, dtype),
                combine=_combine(op, dtype),
            )
        return name


def identity(op: ScalarOp, dtype: str) -> str:
    """The identity of a reduction as C++."""
    if op.identity is None:
        raise ValueError(f"{op.name} has no identity")
    return types.literal(types.identity(op.identity, dtype), dtype)


def _shuffled(dtype: str) -> str:
    """The value of another lane as C++; small types travel as `int`."""
    kind, carrier = types.register(dtype), types.shuffled(dtype)
    if kind == carrier:
        return "__shfl_xor_sync(0xffffffffu, value, step)"
    return f"({kind})__shfl_xor_sync(0xffffffffu, ({carrier})value, step)"


def _combine(op: ScalarOp, dtype: str) -> str:
    """The lines that set `value` to its combination with `other`."""
    names = Names()
    writer = Writer(depth=2)
    value, other = Symbol("value", dtype), Symbol("other", dtype)
    writing = Expressions(writer, names, {})
    writing.bind(value)
    writing.bind(other)
    (text,) = writing.write(Call(op, (value, other), dtype))
    writer.line(f"value = {text.code};")
    return writer.text().rstrip("\n")


_LAST_BLOCK = """\
// Whether this is the last block of its row of the grid to get here; it then sees what the others
// have written.
__device__ static bool last_block(unsigned* counter) {
    __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        last = atomicAdd(counter, 1u) == gridDim.y - 1;
        if (last) *counter = 0;
    }
    __syncthreads();
    __threadfence();
    return last;
}
"""

_TREES = {
    "warp": """\
__device__ static {type} {name}({type} value) {{
    for (int step = 16; step > 0; step /= 2) {{
        const {type} other = {shuffled};
{combine}
    }}
    return value;
}}
""",
    "block": """\
__device__ static {type} {name}({type} value) {{
    __shared__ {type} of_warp[32];
    value = {warp}(value);
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
    __syncthreads();
    value = threadIdx.x % 32 < blockDim.x / 32 ? of_warp[threadIdx.x % 32] : {identity};
    __syncthreads();
    return {warp}(value);
}}
""",
    "column": """\
__device__ static {type} {name}({type} value) {{
    __shared__ {type} of_thread[1024];
    of_thread[threadIdx.x] = value;
    for (unsigned half = blockDim.x / 2; half >= 32; half /= 2) {{
        __syncthreads();
        if (threadIdx.x >= half) continue;
        const {type} other = of_thread[threadIdx.x + half];
{combine}
        of_thread[threadIdx.x] = value;
    }}
    __syncthreads();
    value = of_thread[threadIdx.x % 32];
    __syncthreads();
    return value;
}}
""",
}
