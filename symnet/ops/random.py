"""Random bits: the generator Philox4x32-10, whose every word is a function of where it stands.

There is no state that one draw hands to the next element by element: a block of four 32-bit words
is computed from a 64-bit key, the number of the draw and the number of the element alone (Salmon,
Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). So every backend
gives the same bits, whatever the number of threads, and a draw fuses with what is done to it.

`Philox` gives words; distributions are expressions of words (`symnet.tensor.random`). `Drawn` is
for distributions that are sampled by rejection: NumPy draws them, from a generator of its own that
a key and a number determine just as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.op import Array, ElementContext, Index, IndexedOp, Op, ShapeContext
from symnet.scalar import Expr, cast, const, simplify
from symnet.types import Shape, TensorType

STATE = TensorType("uint64", (2,))
"""Type of a stream's state: its key, and how many draws were made."""

_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10


def philox(
    counter: Sequence[Any], key: Sequence[Any], convert: Callable[[Any, str], Any]
) -> tuple[Any, Any, Any, Any]:
    """Return a block of four words.

    Parameters
    ----------
    counter, key
        Four and two words: ``uint32`` arrays or scalar expressions.
    convert
        Converts such a word to a dtype.

    Examples
    --------
    >>> zeros = [np.zeros(1, "uint32")] * 6
    >>> [hex(w[0]) for w in philox(zeros[:4], zeros[4:], lambda x, dtype: x.astype(dtype))]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """

    # Words are the low halves of 64 bits, and the high halves anything: machines multiply the low
    # halves of wide lanes as they are, where words side by side would have to be spread and packed.
    def product(x: Any, multiplier: int) -> tuple[Any, Any]:
        wide = (x & 0xFFFFFFFF) * multiplier
        return wide >> 32, wide

    a, b, c, d = (convert(x, "uint64") for x in counter)
    left, right = (convert(x, "uint64") for x in key)
    for number in range(_ROUNDS):
        if number:
            left, right = left + _WEYL[0], right + _WEYL[1]
        (high, low), (other_high, other_low) = (
            product(a, _MULTIPLIERS[0]),
            product(c, _MULTIPLIERS[1]),
        )
        a, b, c, d = other_high ^ b ^ left, other_low, high ^ d ^ right, low
    a, b, c, d = (convert(x, "uint32") for x in (a, b, c, d))
    return a, b, c, d


def _halves(x: Any, convert: Callable[[Any, str], Any]) -> tuple[Any, Any]:
    """The low and the high word of a uint64."""
    return convert(x, "uint32"), convert(x >> 32, "uint32")


def _check_operands(op: Op, types: Sequence[TensorType], count: int, what: str) -> None:
    if len(types) != count or not types or types[0].dtype != "uint64" or types[0].ndim != 1:
        raise TypeError(
            f"{op} takes a stream's state ({STATE}){what}, got {', '.join(map(str, types))}"
        )


def _static(lengths: Sequence[Variable]) -> Shape:
    return tuple(int(n.data) if isinstance(n, Constant) else None for n in lengths)


def _shape(node: Apply, first: int, context: ShapeContext) -> tuple[Expr, ...]:
    """The lengths that the operands from `first` on say."""
    static = node.outputs[0].type.shape
    return tuple(
        context.integer(first + k) if n is None else const(n) for k, n in enumerate(static)
    )


@dataclass(frozen=True, slots=True)
class Philox(IndexedOp):
    """Random words: for each element of a tensor the first few of a block of its own.

    Operands are a stream's state and one integer for each length of the tensor.

    Parameters
    ----------
    ndim
        Number of lengths.
    words
        How many tensors of ``uint32`` words to give, at most 4.
    """

    ndim: int
    words: int

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        _check_operands(self, types, 1 + self.ndim, " and as many integers as dimensions")
        if any(t.ndim or t.dtype not in dtypes.INTEGER for t in types[1:]):
            raise TypeError(f"{self}: lengths are integers, got {', '.join(map(str, types[1:]))}")
        return [TensorType("uint32", _static(operands[1:]))] * self.words

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [_shape(node, 1, context)] * self.words

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        position: Expr = const(0)
        for i, n in zip(index, context.out_shape(output), strict=True):
            position = position * n + i
        place = cast(simplify(position), "uint64")
        key, draw = (context.read(0, (const(k),)) for k in range(2))
        counter = (*_halves(place, cast), *_halves(draw, cast))
        word: Expr = philox(counter, _halves(key, cast), cast)[output]
        return word

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        return [None] * len(node.inputs)

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        state, *lengths = inputs
        shape = tuple(int(n) for n in lengths)
        place = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.uint64)

        def convert(x: Any, dtype: str) -> Any:
            return x.astype(dtype)

        key, draw = (_halves(np.full(place.shape, word), convert) for word in state)
        words = philox((*_halves(place, convert), *draw), key, convert)
        return [word.reshape(shape) for word in words[: self.words]]


Sampler = Callable[["np.random.Generator", Sequence[Array], tuple[int, ...]], Array]


@dataclass(frozen=True, slots=True)
class Drawn(Op):
    """What a function draws from a generator of NumPy that the stream's state determines.

    Operands are the state, the distribution's parameters, which broadcast to the result, and one
    integer for each length of the result.

    Parameters
    ----------
    name
        The distribution.
    sample
        Draws, given a generator, the parameters and the shape.
    parameters
        How many parameters there are.
    ndim
        Number of lengths.
    dtype
        Of the result.
    """

    name: str
    sample: Sampler
    parameters: int
    ndim: int
    dtype: str

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        _check_operands(self, types, 1 + self.parameters + self.ndim, ", parameters and lengths")
        return [TensorType(self.dtype, _static(operands[1 + self.parameters :]))]

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        return [_shape(node, 1 + self.parameters, context)]

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        parameters = node.inputs[1 : 1 + self.parameters]
        if dtypes.is_float(self.dtype) and any(dtypes.is_float(v.dtype) for v in parameters):
            raise NotImplementedError("of a sample by the parameters of its distribution")
        return [None] * len(node.inputs)

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        state, *rest = inputs
        parameters = rest[: self.parameters]
        shape = tuple(int(n) for n in rest[self.parameters :])
        seed = np.random.SeedSequence([int(word) for word in state])
        generator = np.random.Generator(np.random.Philox(seed))
        return [np.asarray(self.sample(generator, parameters, shape), self.dtype)]

    def __str__(self) -> str:
        return self.name
