"""Values of scalar expressions: each emitted once where it is first needed, scalar or in vectors.

An `Expressions` writes into one `Emitter`. It knows which symbols are bound to what, in nested
scopes, and remembers the registers of what it has emitted, so that common sub-expressions cost
nothing. While a vector axis is set (`vectors`), an expression that mentions the axis, or anything
computed from it, *varies* and is held in one vector register for each unit (several vectors in
lockstep hide latency); all others stay scalars until a vector instruction needs them.

Rows that are not primitive have been expanded (`symnet_llvm.expansion`), large ones excepted: they
become helper functions that any number of kernels share.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Literal

from symnet import dtypes
from symnet.kernel import Store
from symnet.scalar import Call, Const, Expr, Load, ScalarOp, Symbol
from symnet_llvm.analysis import Facts
from symnet_llvm.expansion import expansion, parameters
from symnet_llvm.ir import (
    MEMORY,
    REGISTER,
    Emitter,
    Value,
    const,
    iota,
    register,
    vector,
)
from symnet_llvm.rows import Tile, Tiles
from symnet_llvm.scalars import primitive
from symnet_llvm.tiles import TileAccess

_COMPARISONS = frozenset({"eq", "neq", "lt", "le", "gt", "ge"})

Values = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Lanes:
    """How values that vary are laid out.

    Attributes
    ----------
    width
        Lanes of a vector.
    masks
        For each unit the lanes that count, or None for all.
    axis
        The loop axis that runs along the lanes, if any.
    base
        Its value in the first lane of the first unit.
    counts
        For each unit the number of lanes that count, or None for all; needed for tiles.
    """

    width: int
    masks: tuple[str | None, ...] = (None,)
    axis: Symbol | None = None
    base: Value = 0
    counts: tuple[Value | None, ...] = (None,)

    @property
    def units(self) -> int:
        """Number of vectors that hold one varying value."""
        return len(self.masks)


_SCALAR = Lanes(1)


class Expressions:
    """Emits expressions into a function.

    Parameters
    ----------
    f
        The function being written.
    pointers
        For each buffer the register that points to its first element.
    uses
        How often each expression is used; products used once are fused into the sum they are a
        term of. Empty means no fusing.
    facts
        Facts that the caller has already gathered.
    tiles
        Places of which several are best read or written at once.
    """

    def __init__(
        self,
        f: Emitter,
        pointers: Mapping[str, str] | None = None,
        uses: Mapping[Expr, int] | None = None,
        facts: Facts | None = None,
        tiles: Tiles | None = None,
    ) -> None:
        self.f = f
        self.facts = facts or Facts()
        self.lanes = _SCALAR
        self.varying: frozenset[Symbol] = frozenset()
        self._pointers = pointers or {}
        self._uses = uses or {}
        self._tiles = tiles or {}
        self._unwritten: dict[Expr, tuple[str, ...]] = {}
        self._scopes: list[dict[Expr, Values]] = [{}]
        self._splats: list[dict[Expr, str]] = [{}]
        self._parked: list[dict[Lanes, tuple[dict[Expr, Values], dict[Expr, str]]]] = [{}]

    # ------------------------------------------------------------------------------------- scopes

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Forget afterwards what is bound and computed inside."""
        varying = self.varying
        self._scopes.append({})
        self._splats.append({})
        self._parked.append({})
        yield
        self._scopes.pop()
        self._splats.pop()
        self._parked.pop()
        self.varying = varying

    @contextmanager
    def vectors(self, lanes: Lanes, local: frozenset[Symbol] | None = None) -> Iterator[None]:
        """A scope in which values that vary along an axis are vectors.

        If `local` is given, what is computed inside is found again when the same lanes are set
        later in the same straight line of code, except what depends on the symbols of `local`.
        """
        outer = self.lanes
        parked = self._parked[-1]
        with self.scope():
            if local is not None:
                self._scopes[-1], self._splats[-1] = parked.setdefault(lanes, ({}, {}))
            self.lanes = lanes
            if lanes.axis is not None:
                self.varying |= {lanes.axis}
            yield
            if local is not None:
                for scope in (self._scopes[-1], self._splats[-1]):
                    for x in [x for x in scope if not local.isdisjoint(self.facts.symbols(x))]:
                        del scope[x]
        self.lanes = outer

    def bind(self, symbol: Symbol, values: Values, varying: bool = False) -> None:
        """Bind a symbol to registers: one scalar, or (if it varies) a vector for each unit."""
        if symbol in self._scopes[-1]:
            self._drop(lambda x: symbol in self.facts.symbols(x))
        self._scopes[-1][symbol] = values
        self.varying = self.varying | {symbol} if varying else self.varying - {symbol}

    def varies(self, x: Expr) -> bool:
        """Whether the value of an expression differs from lane to lane."""
        return not self.varying.isdisjoint(self.facts.symbols(x))

    def forget(self, buffers: frozenset[str]) -> None:
        """Forget what was computed from buffers that change."""
        self._drop(lambda x: not buffers.isdisjoint(self.facts.buffers(x)))

    def _drop(self, stale: Callable[[Expr], bool]) -> None:
        resting = [scope for parked in self._parked for pair in parked.values() for scope in pair]
        for scope in (*self._scopes, *self._splats, *resting):
            for x in [x for x in scope if stale(x)]:
                del scope[x]

    # ------------------------------------------------------------------------------------- values

    def _find(self, x: Expr) -> Values | None:
        for scope in reversed(self._scopes):
            if x in scope:
                return scope[x]
        return None

    def value(self, x: Expr) -> Values:
        """Registers of an expression: a scalar, or a vector for each unit if it varies."""
        found = self._find(x)
        if found is not None:
            return found
        stack = [x]
        while stack:
            y = stack[-1]
            missing = [a for a in self._needs(y) if self._find(a) is None]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            if self._find(y) is None:
                found = self._emit(y)
                self._scopes[-1][y] = found
        found = self._find(x)
        assert found is not None
        return found

    def scalar(self, x: Expr) -> Value:
        """The one register of an expression that does not vary."""
        (value,) = self.value(x)
        return value

    def vector(self, x: Expr) -> tuple[str, ...]:
        """Vector registers of an expression, one for each unit, whether it varies or not."""
        if self.varies(x):
            return tuple(map(str, self.value(x)))
        if isinstance(x, Const):
            return (const(x.value, x.dtype, self.lanes.width),) * self.lanes.units
        for scope in self._splats:
            if x in scope:
                return (scope[x],) * self.lanes.units
        splat = self.f.splat(str(self.scalar(x)), REGISTER[x.dtype], self.lanes.width)
        self._splats[-1][x] = splat
        return (splat,) * self.lanes.units

    def _needs(self, x: Expr) -> tuple[Expr, ...]:
        """What must have been emitted before an expression."""
        match x:
            case Call():
                product = self._product(x)
                if product is not None:
                    return tuple(a for a in x.operands if a != product) + product.operands
                affine = self._comparison(x)
                return (affine[1],) if affine else x.operands
            case Load():
                affine = self._affine(x.offset)
                return affine if affine else (x.offset,)
        return ()

    def _affine(self, offset: Expr) -> tuple[Expr, Expr] | None:
        """Coefficient of the vector axis in an offset, and the rest, if neither varies."""
        axis = self.lanes.axis
        if axis is None or axis not in self.facts.symbols(offset):
            return None
        found = self.facts.affine(offset, axis)
        if found is None or self.varies(found[0]) or self.varies(found[1]):
            return None
        return found

    def _comparison(self, x: Call) -> tuple[Expr, Expr] | None:
        """For a comparison of the vector axis with an integer: `_affine` of the difference.

        It can be decided among the lane numbers, without 64-bit vectors.
        """
        if x.op.name not in _COMPARISONS or x.operands[0].dtype != "int64" or not self.varies(x):
            return None
        difference = x.operands[0] - x.operands[1]
        affine = self._affine(difference)
        if affine is None or affine[0] not in (Const(1, "int64"), Const(-1, "int64")):
            return None
        # A difference of data may overflow, which does not matter to equality.
        if x.op.name not in ("eq", "neq") and self.facts.buffers(x):
            return None
        return affine

    def _product(self, x: Call) -> Call | None:
        """The product that a sum or difference is fused with."""
        if x.op.name not in ("add", "sub") or not dtypes.is_float(x.dtype):
            return None
        for a in reversed(x.operands):
            if (
                isinstance(a, Call)
                and a.op.name == "mul"
                and self._uses.get(a) == 1
                and self._find(a) is None
            ):
                return a
        return None

    # ----------------------------------------------------------------------------------- emission

    def _emit(self, x: Expr) -> Values:
        match x:
            case Const(dtype="int64"):
                return (int(x.value),)
            case Const():
                return (const(x.value, x.dtype),)
            case Load():
                return self._load(x)
            case Call():
                return self._call(x)
            case Symbol() if x == self.lanes.axis:
                return self._axis()
        raise KeyError(f"{x} is not bound")

    def _axis(self) -> Values:
        lanes = self.lanes
        type_ = vector("i64", lanes.width)
        values = []
        for unit in range(lanes.units):
            start = self.f.add(lanes.base, unit * lanes.width)
            first = self.f.splat(str(start), "i64", lanes.width)
            values.append(self.f.op(f"add {type_} {first}, {iota('i64', lanes.width)}"))
        return tuple(values)

    def _load(self, x: Load) -> Values:
        pointer = self._pointers[x.buffer]
        if not self.varies(x):
            address = self.f.gep(pointer, self.scalar(x.offset), MEMORY[x.dtype])
            return (self.f.load(address, x.dtype),)
        tile = self._tile(x.buffer, x.offset)
        if tile is not None:
            return self._read_tile(tile, x)
        lanes, memory = self.lanes, MEMORY[x.dtype]
        step, places = self._places(pointer, x.offset, memory)
        if step == 1:
            return tuple(
                self.f.load(p, x.dtype, lanes.width, mask)
                for p, mask in zip(places, lanes.masks, strict=True)
            )
        if step == -1:
            return tuple(
                self._load_backwards(p, x.dtype, mask)
                for p, mask in zip(places, lanes.masks, strict=True)
            )
        return tuple(
            self.f.gather(p, x.dtype, lanes.width, mask)
            for p, mask in zip(places, lanes.masks, strict=True)
        )

    def store(self, stmt: Store) -> None:
        """Write an element, or those of all lanes."""
        pointer, dtype = self._pointers[stmt.buffer], stmt.value.dtype
        lanes, memory = self.lanes, MEMORY[dtype]
        if not self.varies(stmt.offset):
            if self.varies(stmt.value):
                raise NotImplementedError("iterations that store to one place are not independent")
            address = self.f.gep(pointer, self.scalar(stmt.offset), memory)
            self.f.store(str(self.scalar(stmt.value)), address, dtype)
        else:
            values = self.vector(stmt.value)
            tile = self._tile(stmt.buffer, stmt.offset)
            if tile is not None:
                self._write_tile(tile, stmt.offset, values)
                return
            step, places = self._places(pointer, stmt.offset, memory)
            write = self.f.scatter if step is None else self.f.store
            for value, p, mask in zip(values, places, lanes.masks, strict=True):
                if step == -1:
                    value = self.f.reverse(value, REGISTER[dtype], lanes.width)
                    mask = mask and self.f.reverse(mask, "i1", lanes.width)
                write(value, p, dtype, lanes.width, mask)
        self.forget(frozenset((stmt.buffer,)))

    def _load_backwards(self, pointer: str, dtype: str, mask: str | None) -> str:
        """Load elements of which the last comes first."""
        width = self.lanes.width
        mask = mask and self.f.reverse(mask, "i1", width)
        value = self.f.load(pointer, dtype, width, mask)
        return self.f.reverse(value, REGISTER[dtype], width)

    def _tile(self, buffer: str, offset: Expr) -> Tile | None:
        """The tile that a place belongs to, if its rows run along the lanes."""
        tile = self._tiles.get((buffer, offset))
        return tile if tile is not None and tile.axis == self.lanes.axis else None

    def _access_tile(self, tile: Tile) -> list[TileAccess]:
        """A tile of each unit."""
        pointer, lanes = self._pointers[tile.buffer], self.lanes
        starts = self._starts(pointer, tile.columns[0], MEMORY[tile.dtype], tile.stride)
        return [
            TileAccess(self.f, tile, start, lanes.width, count)
            for start, count in zip(starts, lanes.counts, strict=True)
        ]

    def _read_tile(self, tile: Tile, x: Load) -> Values:
        units = [access.read() for access in self._access_tile(tile)]
        columns = dict(zip(tile.columns, zip(*units, strict=True), strict=True))
        for offset, values in columns.items():
            self._scopes[-1][Load(x.buffer, offset, x.dtype)] = values
        return columns[x.offset]

    def _write_tile(self, tile: Tile, offset: Expr, values: tuple[str, ...]) -> None:
        """Note the values of a column, and write the tile if it is the last one."""
        self._unwritten[offset] = values
        if offset == tile.columns[-1]:
            columns = [self._unwritten.pop(c) for c in tile.columns]
            units = zip(*columns, strict=True)
            for access, unit in zip(self._access_tile(tile), units, strict=True):
                access.write(list(unit))
            self.forget(frozenset((tile.buffer,)))

    def _starts(self, pointer: str, offset: Expr, memory: str, coefficient: Value) -> list[str]:
        """Address of the first lane of each unit."""
        f, lanes = self.f, self.lanes
        affine = self._affine(offset)
        assert affine is not None
        rest = f.add(self.scalar(affine[1]), f.mul(coefficient, lanes.base))
        first = f.gep(pointer, rest, memory)
        units = range(lanes.units)
        return [f.gep(first, f.mul(coefficient, unit * lanes.width), memory) for unit in units]

    def _places(
        self, pointer: str, offset: Expr, memory: str
    ) -> tuple[Literal[1, -1] | None, list[str]]:
        """Where the lanes of each unit lie in memory.

        Either (1) the address of the first lane, or (-1) that of the last lane if it comes first,
        or (None) a vector of addresses.
        """
        f, lanes = self.f, self.lanes
        affine = self._affine(offset)
        if affine is None:
            wide = vector("i64", lanes.width)
            return None, [
                f.op(f"getelementptr inbounds {memory}, ptr {pointer}, {wide} {v}")
                for v in self.vector(offset)
            ]
        coefficient = self.scalar(affine[0])
        starts = self._starts(pointer, offset, memory, coefficient)
        if coefficient == 1:
            return 1, starts
        if coefficient == -1:
            # Not "inbounds": lanes that do not count may lie before the buffer.
            back = f"i64 {1 - lanes.width}"
            return -1, [f.op(f"getelementptr {memory}, ptr {start}, {back}") for start in starts]
        if isinstance(coefficient, int) and abs(coefficient * lanes.width) < 2**31:
            steps = ", ".join(f"i32 {coefficient * i}" for i in range(lanes.width))
            index = f"{vector('i32', lanes.width)} <{steps}>"
        else:
            wide = vector("i64", lanes.width)
            factor = f.splat(str(coefficient), "i64", lanes.width)
            product = f.op(f"mul {wide} {factor}, {iota('i64', lanes.width)}")
            index = f"{wide} {product}"
        return None, [
            f.op(f"getelementptr inbounds {memory}, ptr {start}, {index}") for start in starts
        ]

    def _call(self, x: Call) -> Values:
        if not self.varies(x):
            return (self._uniform(x),)
        affine = self._comparison(x)
        if affine is not None:
            return self._compare(x, *affine)
        product = self._product(x)
        if product is not None:
            return self._fuse(x, product)
        operands = [self.vector(a) for a in x.operands]
        if x.op.name in ("quotient", "remainder"):
            operands[1] = self._divisors(operands[1], x.dtype)
        return tuple(
            self._apply(x, values, self.lanes.width) for values in zip(*operands, strict=True)
        )

    def _divisors(self, values: tuple[str, ...], dtype: str) -> tuple[str, ...]:
        """Divisors with 1 in the lanes that do not count: the machine traps on 0 there too."""
        width = self.lanes.width
        type_, one = register(dtype, width), const(1, dtype, width)
        return tuple(
            v
            if mask is None
            else self.f.op(f"select {vector('i1', width)} {mask}, {type_} {v}, {type_} {one}")
            for v, mask in zip(values, self.lanes.masks, strict=True)
        )

    def _uniform(self, x: Call) -> Value:
        product = self._product(x)
        if product is not None:
            return self._fuse(x, product)[0]
        values = [self.scalar(a) for a in x.operands]
        if x.dtype == "int64":
            match x.op.name:
                case "add":
                    return self.f.add(*values)
                case "sub":
                    return self.f.sub(*values)
                case "mul":
                    return self.f.mul(*values)
        return self._apply(x, tuple(map(str, values)), 1)

    def _apply(self, x: Call, values: tuple[str, ...], lanes: int) -> str:
        if x.op.expand is None:
            sources = tuple(a.dtype for a in x.operands)
            return primitive(self.f, x.op.name, sources, x.dtype, values, lanes)
        given = parameters(x)
        helper = function(x.op, given, x.dtype, lanes)
        self.f.declarations |= helper.texts
        arguments = ", ".join(
            f"{register(p.dtype, lanes)} {v}"
            for p, v in zip(given, values, strict=True)
            if isinstance(p, Symbol)
        )
        return self.f.op(f"call {register(x.dtype, lanes)} @{helper.name}({arguments})")

    def _fuse(self, x: Call, product: Call) -> Values:
        """A sum or difference with a product as one instruction."""
        f = self.f
        varies = self.varies(x)
        width = self.lanes.width if varies else 1
        get = self.vector if varies else (lambda a: (str(self.scalar(a)),))
        a, b = (get(factor) for factor in product.operands)
        first = x.operands[0] == product
        other = get(x.operands[1] if first else x.operands[0])
        results: list[str] = []
        for left, right, term in zip(a, b, other, strict=True):
            if x.op.name == "sub":
                type_ = register(x.dtype, width)
                if first:
                    term = f.op(f"fneg {type_} {term}")
                else:
                    left = f.op(f"fneg {type_} {left}")
            results.append(primitive(f, "fma", (x.dtype,) * 3, x.dtype, (left, right, term), width))
        return tuple(results)

    def _compare(self, x: Call, coefficient: Expr, rest: Expr) -> Values:
        """Compare lane numbers, as int32, with where the comparison changes."""
        f, lanes = self.f, self.lanes
        offset = self.scalar(rest)
        rising = coefficient == Const(1, "int64")
        results: list[Value] = []
        type_ = vector("i32", lanes.width)
        numbers = iota("i32", lanes.width)
        for unit in range(lanes.units):
            start = f.add(lanes.base, unit * lanes.width)
            # lane + start + offset ? 0, or offset - start - lane ? 0
            change = f.sub(0, f.add(offset, start)) if rising else f.sub(offset, start)
            inside = f.maximum(f.minimum(change, lanes.width), -1)
            narrow = str(inside) if isinstance(inside, int) else f.op(f"trunc i64 {inside} to i32")
            splat = f.splat(narrow, "i32", lanes.width)
            pair = (numbers, splat) if rising else (splat, numbers)
            order = _ORDER[x.op.name]
            results.append(f.op(f"icmp {order} {type_} {pair[0]}, {pair[1]}"))
        return tuple(results)


_ORDER = {"eq": "eq", "neq": "ne", "lt": "slt", "le": "sle", "gt": "sgt", "ge": "sge"}


@dataclass(frozen=True, slots=True)
class Helper:
    """A row's expansion as a function: its name, and the texts a module needs to call it."""

    name: str
    texts: frozenset[str]


@cache
def function(op: ScalarOp, operands: tuple[Expr, ...], result: str, lanes: int) -> Helper:
    """The function that computes a large row with a number of lanes.

    Its parameters are those of `operands` that are symbols; constants are built in.
    """
    symbols = [a for a in operands if isinstance(a, Symbol)]
    arguments = [f"{register(a.dtype, lanes)} %{a.name}" for a in symbols]
    f = Emitter("NAME", arguments, register(result, lanes), "#1")
    values = Expressions(f)
    with values.vectors(Lanes(lanes)):
        for a in symbols:
            values.bind(a, (f"%{a.name}",), varying=True)
        (out,) = values.vector(expansion(op, operands, result))
        f.do(f"ret {register(result, lanes)} {out}")
    body = f.text()
    # Rows of users may share a name, not a meaning; the checksum tells them apart.
    readable = re.sub(r"\W", "_", op.name)
    name = f"{readable}.{operands[0].dtype}.{lanes}.{zlib.crc32(body.encode()):08x}"
    return Helper(name, frozenset({body.replace("@NAME(", f"@{name}(", 1), *f.declarations}))
