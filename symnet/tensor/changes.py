"""Tensors with a part replaced or added to; the part is written with brackets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.ops.advanced import AdvancedIncSubtensor, AdvancedSubtensor
from symnet.ops.indexing import IncSubtensor, Subtensor
from symnet.ops.rows import PickRows, PlaceRows
from symnet.ops.shape import DimShuffle, Reshape
from symnet.scalar import table
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted, is_weak
from symnet.tensor.manipulation import (
    addbroadcast,
    alloc,
    dimshuffle,
    length,
    lengths,
    reshape,
    shape_padleft,
)

if TYPE_CHECKING:
    from symnet.tensor.masks import Masked
    from symnet.tensor.variable import TensorVariable

_PARTS = (AdvancedSubtensor, PickRows, Subtensor)


def set_subtensor(
    x: TensorLike, y: TensorLike, inplace: bool = False, tolerate_inplace_aliasing: bool = False
) -> TensorVariable:
    """Return a tensor with a part replaced: what ``x[index] = y`` would make of `x`.

    Parameters
    ----------
    x
        The part, ``x[index]``, of the tensor to change.
    y
        What to put there; it broadcasts to the part and must not need a wider dtype. Where an array
        of indices names an element several times, the last that goes there stays.
    inplace, tolerate_inplace_aliasing
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
    x: TensorLike,
    y: TensorLike,
    inplace: bool = False,
    set_instead_of_inc: bool = False,
    tolerate_inplace_aliasing: bool = False,
) -> TensorVariable:
    """Return a tensor with `y` added to a part: what ``x[index] += y`` would make of `x`.

    Where an array of indices names an element several times, every `y` is added. Parameters as of
    `set_subtensor`; with `set_instead_of_inc` the part is replaced.

    Examples
    --------
    >>> from symnet.tensor import lvector, vector
    >>> x, i = vector("x"), lvector("i")
    >>> inc_subtensor(x[i], 1).eval({x: [0, 0, 0], i: [1, 1]})
    array([0., 2., 0.], dtype=float32)
    """
    return _changed(as_tensor_variable(x), y, set_instead_of_inc, "inc_subtensor")


def _changed(part: TensorVariable, y: TensorLike, replace: bool, name: str) -> TensorVariable:
    fitting = _fitting(part, y, name)
    masked: Masked | None = getattr(part.tag, "masked", None)
    if masked is None:
        return _changed_part(part, fitting, replace, name)
    changed = masked.changed(fitting, replace)
    return masked.back(_changed_part(part, fitting, replace, name)) if changed is None else changed


def _changed_part(
    part: TensorVariable, fitting: TensorVariable, replace: bool, name: str
) -> TensorVariable:
    node = part.owner
    if node is not None and isinstance(node.op, (DimShuffle, Reshape)):
        return _changed_behind(node, part, fitting, replace, name)
    if node is None or not isinstance(node.op, _PARTS):
        raise TypeError(
            f"{name}: {part!r} is not a part of a tensor; the first argument is written x[index]"
        )
    source, *index = node.inputs
    changed: TensorVariable
    match node.op:
        case Subtensor(spec):
            changed = IncSubtensor(spec, replace)(source, fitting, *index)
        case AdvancedSubtensor(spec, axis):
            changed = AdvancedIncSubtensor(spec, axis, replace)(source, fitting, *index)
        case _:
            changed = _changed_rows(source, alloc(fitting, lengths(part)), index[0], replace)
    whole = getattr(part.tag, "whole", source)
    if whole is not source:
        # Of the rows only as many as there are columns asked for, which a slice has left.
        changed = _changed(as_tensor_variable(source), changed, True, name)
    return changed


def _changed_behind(
    node: Apply, part: TensorVariable, y: TensorVariable, replace: bool, name: str
) -> TensorVariable:
    """Change what `part` shows with its dimensions in another order or shape, or new ones."""
    inner: Any = node.inputs[0]
    if isinstance(node.op, DimShuffle):
        order = node.op.order
        y = shape_padleft(y, part.ndim - y.ndim)
        place = {a: k for k, a in enumerate(order) if a is not None}
        y = addbroadcast(y, *(k for k, a in enumerate(order) if a is None))
        y = dimshuffle(y, *(place.get(a, "x") for a in range(inner.ndim)))
    else:
        y = reshape(alloc(y, lengths(part)), lengths(inner))
    if inner.owner is None or not isinstance(inner.owner.op, _PARTS):
        inner = Subtensor(())(inner)
    return _changed(inner, y, replace, name)


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
