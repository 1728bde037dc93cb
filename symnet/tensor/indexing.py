"""Indexing with brackets, and tensors with a part replaced or added to.

Integers, slices, ``None`` and ``...`` may be mixed freely and have symbolic bounds. Of arrays of
indices there may be one, along any dimension, or the pair of ``x[T.arange(n), y]``, which picks an
element from each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Constant, Variable
from symnet.ops.constructors import ARange
from symnet.ops.contraction import Dot
from symnet.ops.elementwise import Elemwise
from symnet.ops.indexing import (
    AdvancedIncSubtensor,
    AdvancedSubtensor,
    IncSubtensor,
    PickRows,
    PlaceRows,
    Subtensor,
    index_operands,
)
from symnet.ops.shape import DimShuffle, MakeVector, ShapeOf
from symnet.scalar import table
from symnet.tensor.convert import (
    TensorLike,
    as_tensor_variable,
    axis_of,
    converted,
    is_weak,
    static_integer,
)
from symnet.tensor.manipulation import (
    addbroadcast,
    alloc,
    dimshuffle,
    flatten,
    integer_vector,
    length,
    lengths,
    shape_padleft,
)

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
        If there are more indices than dimensions, or one is not a kind of index.
    NotImplementedError
        If index arrays are combined in a way that is not available.
    """
    entries = [_normalised(e) for e in (index if isinstance(index, tuple) else (index,))]
    entries = _without_ellipsis(entries, x)
    arrays: list[Any] = [e for e in entries if _is_array(e)]
    if arrays:
        return _advanced(x, entries, arrays)
    folded = _entry_of_shape(x, entries)
    return _basic(x, entries) if folded is None else folded


def _normalised(entry: Any) -> Any:
    """Return an index as None, ``...``, a slice, a Python integer or an integer variable."""
    if entry is None or entry is Ellipsis or isinstance(entry, slice):
        return entry
    if isinstance(entry, (float, np.floating, str)):
        raise IndexError(
            f"{entry!r} is no index; an index is an integer, a slice, None, ... or an integer array"
        )
    if isinstance(entry, (int, np.integer)) and not isinstance(entry, bool):
        return int(entry)
    entry = as_tensor_variable(entry)
    if entry.dtype == "bool":
        raise NotImplementedError(
            "boolean masks are not available: T.switch(mask, x, 0) keeps the shape, and sums and "
            "means over a mask can be written with it"
        )
    if entry.dtype not in dtypes.INTEGER:
        raise IndexError(f"an index array holds integers, got {entry.type}; T.cast converts")
    if isinstance(entry, Constant) and entry.ndim == 0:
        return int(entry.data)
    return entry


def _without_ellipsis(entries: list[Any], x: TensorVariable) -> list[Any]:
    """Return the indices with ``...`` spelled out as full slices."""
    used = sum(e is not None and e is not Ellipsis for e in entries)
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


def _advanced(
    x: TensorVariable, entries: list[Any], arrays: list[TensorVariable]
) -> TensorVariable:
    if len(arrays) == 2 and len(entries) == 2 and x.ndim == 2:
        picked = _picked_rows(x, *arrays)
        if picked is not None:
            return picked
    if len(arrays) > 1 or not _adjacent(entries):
        raise NotImplementedError(
            f"{x!r}[{', '.join(map(_shown, entries))}]: several index arrays, or one and integers "
            "with slices between, are not available, except x[T.arange(x.shape[0]), y]. One array "
            "in an index is; x[i, j] of two vectors is x.flatten()[i * x.shape[1] + j]"
        )
    place = next(k for k, e in enumerate(entries) if _is_array(e))
    basic = [_FULL if k == place else e for k, e in enumerate(entries)]
    part = x if all(e == _FULL for e in basic) else _basic(x, basic)
    axis = sum(not isinstance(e, (int, Variable)) for e in entries[:place])
    found: TensorVariable = AdvancedSubtensor(axis)(part, arrays[0])
    if part is not x:
        found.tag.whole = x
    return found


def _is_array(entry: Any) -> bool:
    return isinstance(entry, Variable) and entry.ndim > 0


def _adjacent(entries: list[Any]) -> bool:
    """Whether integers and arrays stand side by side, or there is no integer.

    Otherwise NumPy moves the dimensions of the array to the front.
    """
    places = [k for k, e in enumerate(entries) if isinstance(e, (int, Variable))]
    return places == list(range(places[0], places[-1] + 1))


def _shown(entry: Any) -> str:
    if isinstance(entry, slice):
        return ":".join("" if b is None else repr(b) for b in (entry.start, entry.stop))
    return repr(entry)


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


def take(x: TensorLike, indices: TensorLike, axis: int | None = None) -> TensorVariable:
    """Return the entries of `x` at `indices` along a dimension, by default of `x` as a vector."""
    x = as_tensor_variable(x)
    if axis is None:
        return subtensor(flatten(x), (indices,))
    place = axis_of(axis, x.ndim, "take")
    return subtensor(x, (*[_FULL] * place, indices))


# ------------------------------------------------------------------------------ changed tensors


def set_subtensor(x: TensorLike, y: TensorLike, inplace: bool = False) -> TensorVariable:
    """Return a tensor with a part replaced: what ``x[index] = y`` would make of `x`.

    Parameters
    ----------
    x
        The part, ``x[index]``, of the tensor to change.
    y
        What to put there; it broadcasts to the part and must not need a wider dtype.
    inplace
        Accepted for old code: the compiler decides, and the expression means the same.

    Returns
    -------
    TensorVariable
        All of the tensor that `x` is a part of.

    Raises
    ------
    TypeError
        If `x` is not a part of a tensor, or `y` does not fit.

    Examples
    --------
    >>> from symnet.tensor import matrix
    >>> x = matrix("x")
    >>> set_subtensor(x[0], 1).ndim
    2
    """
    return _changed(as_tensor_variable(x), y, True, "set_subtensor")


def inc_subtensor(
    x: TensorLike, y: TensorLike, inplace: bool = False, set_instead_of_inc: bool = False
) -> TensorVariable:
    """Return a tensor with `y` added to a part: what ``x[index] += y`` would make of `x`.

    Where an index stands several times in an array of indices, every `y` is added. Parameters as
    of `set_subtensor`.
    """
    return _changed(as_tensor_variable(x), y, set_instead_of_inc, "inc_subtensor")


def _changed(part: TensorVariable, y: TensorLike, replace: bool, name: str) -> TensorVariable:
    node = part.owner
    if node is not None and isinstance(node.op, DimShuffle):
        return _changed_behind(node, part, y, replace, name)
    fitting = _fitting(part, y, name)
    if node is None or not isinstance(node.op, (Subtensor, AdvancedSubtensor, PickRows)):
        raise TypeError(
            f"{name}: {part!r} is not a part of a tensor; the first argument is written x[index]"
        )
    source, *index = node.inputs
    changed: TensorVariable
    match node.op:
        case Subtensor(spec):
            changed = IncSubtensor(spec, replace)(source, fitting, *index)
        case AdvancedSubtensor(axis):
            changed = AdvancedIncSubtensor(axis, replace)(source, fitting, *index)
        case _:
            changed = _changed_rows(source, alloc(fitting, lengths(part)), index[0], replace)
    whole = getattr(part.tag, "whole", source)
    if whole is not source:
        # The brackets held slices beside an array, and `source` is what the slices left.
        changed = _changed(as_tensor_variable(source), changed, True, name)
    return changed


def _changed_behind(
    node: Apply, part: TensorVariable, y: TensorLike, replace: bool, name: str
) -> TensorVariable:
    """Change what `part` shows with its dimensions in another order, or new ones."""
    (inner,) = node.inputs
    order = cast(DimShuffle, node.op).order
    fitting = _fitting(part, y, name)
    fitting = shape_padleft(fitting, part.ndim - fitting.ndim)
    place = {a: k for k, a in enumerate(order) if a is not None}
    fitting = addbroadcast(fitting, *(k for k, a in enumerate(order) if a is None))
    back = dimshuffle(fitting, *(place.get(a, "x") for a in range(inner.ndim)))
    is_part = inner.owner is not None and isinstance(
        inner.owner.op, (Subtensor, AdvancedSubtensor, PickRows)
    )
    shown: Any = inner
    return _changed(shown if is_part else _basic(shown, []), back, replace, name)


def _changed_rows(
    x: Variable, y: TensorVariable, column: Variable, replace: bool
) -> TensorVariable:
    """Change one element in each row."""
    columns = length(x, 1)
    placed = PlaceRows()(y, column, columns)
    if not replace:
        added: TensorVariable = x + placed
        return added
    ones = alloc(converted(1, y.dtype), lengths(y))
    here = PlaceRows()(ones, column, columns)
    replaced: TensorVariable = table.switch(here, placed, x)
    return replaced


def _fitting(part: TensorVariable, y: TensorLike, name: str) -> TensorVariable:
    """Return `y` in the dtype of a part, or say why it does not fit."""
    dtype = dtypes.weak(y, [part.dtype]) if is_weak(y) else as_tensor_variable(y).dtype
    y = converted(y, dtype)
    if dtypes.promote(dtype, part.dtype) != part.dtype:
        raise TypeError(
            f"{name}: {y!r} of {dtype} does not fit a tensor of {part.dtype}; convert it with "
            f"T.cast(..., {part.dtype!r})"
        )
    if y.ndim > part.ndim:
        raise TypeError(
            f"{name}: {y!r} has {y.ndim} dimensions, more than the part {part!r} of {part.type}"
        )
    return converted(y, part.dtype)
