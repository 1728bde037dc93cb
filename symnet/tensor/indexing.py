"""Indexing with brackets.

All that NumPy takes: integers, slices, ``None``, ``...`` and arrays of integers or booleans,
numbers or symbolic, mixed freely; arrays broadcast together, and their dimensions stand where NumPy
has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet import dtypes
from symnet.graph import Constant, Variable
from symnet.ops.advanced import AdvancedSubtensor
from symnet.ops.constructors import ARange
from symnet.ops.contraction import Dot
from symnet.ops.elementwise import Elemwise
from symnet.ops.indexing import Subtensor
from symnet.ops.rows import PickRows
from symnet.ops.shape import MakeVector, ShapeOf
from symnet.ops.slices import Point, Points, index_operands
from symnet.tensor.convert import as_tensor_variable, static_integer
from symnet.tensor.manipulation import dimshuffle, integer_vector
from symnet.tensor.masks import Masked, is_mask, places, under

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

_FULL = slice(None)


def subtensor(x: TensorVariable, index: Any) -> TensorVariable:
    """Return ``x[index]``.

    Parameters
    ----------
    x
        Any tensor.
    index
        What stands between the brackets.

    Raises
    ------
    IndexError
        If there are more indices than dimensions, one is not a kind of index, or arrays do not
        broadcast together.
    """
    given = index if isinstance(index, tuple) else (index,)
    entries = _without_ellipsis([_normalised(entry) for entry in given], x)
    if any(map(is_mask, entries)):
        return _under_masks(x, entries)
    if any(_is_array(e) for e in entries):
        return _advanced(x, entries)
    folded = _entry_of_shape(x, entries)
    return _basic(x, entries) if folded is None else folded


def _normalised(entry: Any) -> Any:
    """Return an index as None, ``...``, a slice, a Python integer, or a variable."""
    if entry is None or entry is Ellipsis or isinstance(entry, slice):
        return entry
    if isinstance(entry, (float, np.floating, str)):
        raise IndexError(
            f"{entry!r} is no index; an index is an integer, a slice, None, ... or an integer array"
        )
    if isinstance(entry, (int, np.integer)) and not isinstance(entry, bool):
        return int(entry)
    if _is_empty(entry):
        entry = np.zeros(np.shape(entry), "int64")  # which NumPy would hold for floats
    entry = as_tensor_variable(entry)
    if is_mask(entry):
        return entry
    if entry.dtype not in dtypes.INTEGER:
        raise IndexError(f"an index array holds integers, got {entry.type}; T.cast converts")
    if isinstance(entry, Constant) and entry.ndim == 0:
        return int(entry.data)
    return entry


def _is_empty(entry: Any) -> bool:
    return isinstance(entry, (list, tuple)) and all(map(_is_empty, entry))


def _dimensions(entries: Iterable[Any]) -> int:
    """Return how many dimensions indices stand for."""
    return sum(e.ndim if is_mask(e) else 1 for e in entries if e is not None and e is not Ellipsis)


def _without_ellipsis(entries: list[Any], x: TensorVariable) -> list[Any]:
    """Return the indices with ``...`` spelled out as full slices."""
    used = _dimensions(entries)
    if used > x.ndim:
        raise IndexError(
            f"{used} indices for {x!r} of type {x.type}, which has {x.ndim} dimensions"
        )
    places = [k for k, e in enumerate(entries) if e is Ellipsis]
    if len(places) > 1:
        raise IndexError("an index can hold ... only once")
    if not places:
        return entries
    k = places[0]
    return [*entries[:k], *[_FULL] * (x.ndim - used), *entries[k + 1 :]]


def _entry_of_shape(x: TensorVariable, entries: list[Any]) -> TensorVariable | None:
    """Return a part of a shape, or another vector of int64 scalars, without an operation."""
    if x.owner is None or x.owner.op != MakeVector("int64") or len(entries) != 1:
        return None
    scalars: tuple[Any, ...] = x.owner.inputs
    entry = entries[0]
    if isinstance(entry, int):
        if not -len(scalars) <= entry < len(scalars):
            raise IndexError(f"index {entry} is out of range for {len(scalars)} entries")
        entry_found: TensorVariable = scalars[entry]
        return entry_found
    if isinstance(entry, slice):
        bounds = (entry.start, entry.stop, entry.step)
        known = [None if b is None else static_integer(b) for b in bounds]
        if all(b is None or k is not None for b, k in zip(bounds, known, strict=True)):
            return integer_vector(scalars[slice(*known)])
    return None


def _basic(x: TensorVariable, entries: list[Any]) -> TensorVariable:
    part: TensorVariable = x
    taken = [e for e in entries if e is not None]
    if taken or not entries:
        spec, operands = index_operands(taken)
        part = Subtensor(spec)(x, *operands)
    if None in entries:
        kept = [e for e in entries if not isinstance(e, (int, Variable))]
        old = iter(range(part.ndim))
        order: list[Any] = ["x" if e is None else next(old) for e in kept]
        part = dimshuffle(part, *order, *old)
    return part


# ---------------------------------------------------------------------------- arrays of indices


def _under_masks(x: TensorVariable, entries: list[Any]) -> TensorVariable:
    """Return a part of `x`; some indices are masks."""
    if sum(is_mask(e) or _is_array(e) for e in entries) == 1:
        place = next(k for k, e in enumerate(entries) if is_mask(e))
        before, mask, after = entries[:place], entries[place], entries[place + 1 :]
        plain = all(isinstance(e, slice) and e == _FULL for e in before + after)
        masked = Masked.of(x, mask, _dimensions(before), plain)
        part = _advanced(masked.joined, [*before, masked.positions(), *after])
        part.tag.masked = masked
        return part
    indices: list[Any] = []
    for k, entry in enumerate(entries):
        if not is_mask(entry):
            indices.append(entry)
        elif entry.ndim:
            x = under(x, entry, _dimensions(entries[:k]))
            indices += places(entry)
        else:
            raise IndexError(f"a mask of no dimensions, {entry!r}, beside other index arrays")
    return _advanced(x, indices)


def _advanced(x: TensorVariable, entries: list[Any]) -> TensorVariable:
    if x.ndim == 2 and len(entries) == 2 and all(map(_is_array, entries)):
        picked = _picked_rows(x, *entries)
        if picked is not None:
            return picked
    spec, operands = index_operands([e for e in entries if e is not None])
    # Beside arrays a number is an array of no dimensions.
    spec = tuple(Points() if isinstance(e, Point) else e for e in spec)
    indexed = [k for k, e in enumerate(entries) if isinstance(e, (int, Variable))]
    together = indexed == list(range(indexed[0], indexed[-1] + 1))
    before = entries[: indexed[0]] if together else []
    after = [e for e in entries[len(before) :] if e is None or isinstance(e, slice)]
    axis = sum(e is not None for e in before)
    part: TensorVariable = AdvancedSubtensor(spec, axis)(x, *operands)
    if None not in entries:
        return part
    rank = max(e.ndim for e in entries if _is_array(e))
    old = iter(range(part.ndim))
    order: list[Any] = ["x" if e is None else next(old) for e in before]
    order += [next(old) for _ in range(rank)]
    order += ["x" if e is None else next(old) for e in after]
    return dimshuffle(part, *order, *old)


def _is_array(entry: Any) -> bool:
    return isinstance(entry, Variable) and entry.ndim > 0


def _picked_rows(
    x: TensorVariable, row: TensorVariable, column: TensorVariable
) -> TensorVariable | None:
    """Return ``x[arange(n), column]``, or None where `row` is not such a range."""
    node = row.owner
    if node is None or not isinstance(node.op, ARange) or column.ndim != 1:
        return None
    start, stop, step = node.inputs
    if static_integer(start) != 0 or static_integer(step) != 1:
        return None
    if not (_is_length(stop, column) or any(_is_length(stop, v) for v in _same_rows(x))):
        # As many as are asked for: PickRows compares what is left with the columns.
        part = _basic(x, [slice(None, stop)])
        found: TensorVariable = PickRows()(part, column)
        found.tag.whole = x
        return found
    picked: TensorVariable = PickRows()(x, column)
    return picked


def _is_length(n: Variable, x: Variable) -> bool:
    """Whether `n` is, by its form, the length of the first dimension of `x`."""
    known = static_integer(n)
    if known is not None:
        return x.type.shape[0] == known
    return n.owner is not None and n.owner.op == ShapeOf(0) and n.owner.inputs[0] is x


_DEPTH = 100
"""How far back the search for a length's origin goes: enough for a softmax on a layer."""


def _same_rows(x: Variable) -> list[Variable]:
    """Return variables that `x` is computed from row by row, itself first."""
    found: dict[Variable, None] = {x: None}
    todo = [x]
    while todo and len(found) < _DEPTH:
        node = todo.pop().owner
        if node is None:
            continue
        if isinstance(node.op, Elemwise):
            sources = [v for v in node.inputs if v.type.shape[0] != 1]
        elif isinstance(node.op, Dot):
            sources = [node.inputs[0]]
        else:
            sources = []
        todo.extend(v for v in sources if v not in found)
        found.update(dict.fromkeys(sources))
    return list(found)
