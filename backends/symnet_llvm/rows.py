"""Loops over short rows, brought to the form in which every lane of a vector works on one row.

A softmax over ten classes has little to do in each row: vectors along the row would be part empty,
and adding up their lanes would take longer than all else. So the inner loops of such a loop are
written out, which leaves one loop over rows without loops in it. What its lanes read and write
lies a row apart; elements that stand together in memory form a `Tile`, which `symnet_llvm.tiles`
transposes in registers.

In go the normalised statements of a kernel; out come statements and tiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from symnet import dtypes
from symnet.kernel import Accumulator, Let, Loop, Ordered, Reduce, Stmt, Store, expressions, loads
from symnet.scalar import Call, Const, Expr, Load, Symbol, rebuild, walk
from symnet.scalar.integer import simplify
from symnet_llvm.analysis import Facts, stored
from symnet_llvm.plan import lanes, size
from symnet_llvm.target import Target

LONGEST = 16
"""Elements of a row that is short."""

_MOST = 1000
"""Operations up to which the loops over a row are written out."""

_LEAST = 8
"""Elements that make a block of a longer row worth it."""

_FEW = 4
"""Vectors of rows below which the time to compile the longer code is not worth it."""

_LARGE = 24
"""Operations of a row of the scalar table that is a function of its own."""

CHUNK_BYTES = 16
"""What is read or written at once."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Elements next to each other of every row.

    Attributes
    ----------
    buffer, dtype
        Where they lie.
    axis
        The axis that counts rows.
    stride
        Elements from row to row.
    columns
        Offsets of the elements of a row, each one more than the one before.
    """

    buffer: str
    dtype: str
    axis: Symbol
    stride: int
    columns: tuple[Expr, ...]

    @property
    def chunk(self) -> int:
        """Elements that are read or written at once."""
        return CHUNK_BYTES // dtypes.itemsize(self.dtype)


Tiles = dict[tuple[str, Expr], Tile]
"""The tile of a place: a buffer and an offset."""


@dataclass(slots=True)
class Spread:
    """What became of the statements of a kernel.

    Attributes
    ----------
    stmts
        The statements.
    tiles
        Tiles by the places in them.
    """

    stmts: tuple[Stmt, ...]
    tiles: Tiles = field(default_factory=dict)


def spread(stmts: tuple[Stmt, ...], facts: Facts, target: Target) -> Spread:
    """Write out the loops over short rows."""
    tiles: Tiles = {}

    def change(stmt: Stmt) -> Stmt:
        if not isinstance(stmt, Loop):
            return stmt
        found = _tiles(stmt, facts, target)
        if found is not None:
            tiles.update(found)
            return Loop(stmt.axis, stmt.extent, tuple(_written_out(stmt.body)))
        blocked = _blocked(stmt)
        if blocked is not None:
            (rows,) = blocked.body
            assert isinstance(rows, Loop)
            if _tiles(rows, facts, target) is not None:
                stmt = blocked
        return Loop(stmt.axis, stmt.extent, tuple(change(s) for s in stmt.body))

    return Spread(tuple(change(s) for s in stmts), tiles)


def _blocked(loop: Loop) -> Loop | None:
    """Two perfectly nested loops as one over blocks, one over the inner axis, one in the block.

    A transposed matrix is read by such loops: along the inner axis its elements are far apart, but
    those of a block are next to each other.
    """
    if len(loop.body) != 1 or not isinstance(loop.extent, Const):
        return None
    (inner,) = loop.body
    if not isinstance(inner, Loop) or any(
        isinstance(s, Loop | Ordered | Reduce) for s in inner.body
    ):
        return None
    count = int(loop.extent.value)
    length = next((b for b in range(LONGEST, _LEAST - 1, -1) if count % b == 0), None)
    if length is None:
        return None
    column = Symbol(f"{loop.axis.name} in block")
    place: dict[Expr, Expr] = {loop.axis: simplify(loop.axis * length + column)}
    body = tuple(
        Let(s.symbol, _at(s.value, place))
        if isinstance(s, Let)
        else Store(s.buffer, _at(s.offset, place), _at(s.value, place))
        for s in inner.body
        if isinstance(s, Let | Store)
    )
    block = Loop(column, Const(length, "int64"), body)
    rows = Loop(inner.axis, inner.extent, (block,))
    return Loop(loop.axis, Const(count // length, "int64"), (rows,))


def _tiles(loop: Loop, facts: Facts, target: Target) -> Tiles | None:
    """The tiles of a loop that is to be written out; None if it is not."""
    inner = [s for s in loop.body if isinstance(s, Loop | Reduce)]
    width = lanes((loop,), target)
    if not inner or width == 1 or size(loop.extent) < _FEW * width:
        return None
    parts = [*loop.body, *(s for each in inner for s in each.body)]
    if any(s not in inner and isinstance(s, Loop | Ordered | Reduce) for s in parts):
        return None
    if stored(loop.body) & {x.buffer for x in loads(loop.body)}:
        return None
    work = 0.0
    tiles: Tiles = {}
    for each in inner:
        if not isinstance(each.extent, Const) or not 2 <= each.extent.value <= LONGEST:
            return None
        length = int(each.extent.value)
        work += length * sum(_operations(x) for x in walk(*expressions((each,))))
        for buffer, offset, dtype in _places(each):
            if each.axis not in facts.symbols(offset):
                continue
            step, stride = facts.stride(offset, each.axis), facts.stride(offset, loop.axis)
            if stride in (0, 1):
                continue
            if step != 1 or stride is None or dtypes.itemsize(dtype) not in (4, 8):
                return None
            columns = tuple(_at(offset, {each.axis: Const(c, "int64")}) for c in range(length))
            tile = Tile(buffer, dtype, loop.axis, stride, columns)
            if length < tile.chunk or width < tile.chunk:
                return None
            for column in columns:
                known = tiles.setdefault((buffer, column), tile)
                if known.columns != tile.columns:
                    return None
    return tiles if tiles and work <= _MOST else None


def _operations(x: Expr) -> float:
    if not isinstance(x, Call):
        return 0
    return 1 if x.op.expand is None else _LARGE


def _places(stmt: Loop | Reduce) -> Iterator[tuple[str, Expr, str]]:
    """Buffer, offset and dtype of everything that is read and written."""
    for x in loads((stmt,)):
        yield x.buffer, x.offset, x.dtype
    for s in stmt.body:
        if isinstance(s, Store):
            yield s.buffer, s.offset, s.value.dtype


def _at(root: Expr, known: Mapping[Expr, Expr]) -> Expr:
    """An expression with symbols replaced; its offsets are in canonical form."""
    done = dict(known)
    for x in walk(root):
        if x in done:
            continue
        y = rebuild(x, tuple(done[a] for a in x.args))
        done[x] = Load(y.buffer, simplify(y.offset), y.dtype) if isinstance(y, Load) else y
    found = done[root]
    return simplify(found) if found.dtype == "int64" and not isinstance(found, Load) else found


def _written_out(stmts: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """Statements with the loops among them written out."""
    for stmt in stmts:
        if isinstance(stmt, Reduce):
            iterations = [_iteration(stmt, c) for c in range(_length(stmt))]
            for a in stmt.accumulators:
                yield Let(a.symbol, _combined(a, [_at(a.value, known) for known in iterations]))
        elif isinstance(stmt, Loop):
            iterations = [_iteration(stmt, c) for c in range(_length(stmt))]
            for s in stmt.body:
                for known in iterations if isinstance(s, Store) else ():
                    assert isinstance(s, Store)
                    yield Store(s.buffer, simplify(_at(s.offset, known)), _at(s.value, known))
        else:
            yield stmt


def _length(stmt: Loop | Reduce) -> int:
    assert isinstance(stmt.extent, Const)
    return int(stmt.extent.value)


def _iteration(stmt: Loop | Reduce, c: int) -> dict[Expr, Expr]:
    """What the axis and the names bound in an iteration stand for."""
    known: dict[Expr, Expr] = {stmt.axis: Const(c, "int64")}
    for s in stmt.body:
        if isinstance(s, Let):
            known[s.symbol] = _at(s.value, known)
    return known


def _combined(a: Accumulator, values: list[Expr]) -> Expr:
    """All values of a row combined, by halves."""
    while len(values) > 1:
        half = (len(values) + 1) // 2
        pairs = zip(values[:half], values[half:], strict=False)
        values = [
            *(Call(a.combine, pair, a.value.dtype) for pair in pairs),
            *values[len(values) - half : half],
        ]
    return values[0]
