"""Copies of expressions with parts replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from symnet.graph import Constant, Variable, leaves, rebuild
from symnet.shared import SharedVariable
from symnet.tensor.convert import as_tensor_variable

Replacement = Mapping[Variable, Any] | Iterable[tuple[Variable, Any]] | None


def clone(
    output: Any, replace: Replacement = None, strict: bool = True, share_inputs: bool = True
) -> Any:
    """Return expressions with variables replaced by others.

    Expressions never change, so parts that depend on nothing replaced are shared with the original.

    Parameters
    ----------
    output
        A variable, or a list, tuple or dictionary of variables; the result has the same form.
    replace
        New values (variables, arrays, numbers) for old variables: a dictionary or pairs. Any
        variable may be replaced, computed ones too.
    strict
        Whether a new variable must be of the old one's type. Otherwise it only needs the same
        number of dimensions, and is converted to the old one's dtype.
    share_inputs
        Whether the result depends on the same symbolic inputs; otherwise on new ones of the same
        types and names. Shared variables and constants always stay.

    Raises
    ------
    TypeError
        If a replacement is of the wrong type.

    Examples
    --------
    >>> from symnet.tensor import vector
    >>> x, y = vector("x"), vector("y")
    >>> clone(x * 2, replace={x: y + 1}).owner.inputs[0].owner.op.scalar
    add
    """
    outputs = _flat(output)
    pairs = dict(replace.items() if isinstance(replace, Mapping) else replace or ())
    new = {old: _fitting(old, value, strict) for old, value in pairs.items()}
    if not share_inputs:
        for leaf in leaves(outputs, stop=new):
            if leaf not in new and not isinstance(leaf, (Constant, SharedVariable)):
                new[leaf] = leaf.type(leaf.name)
    made = rebuild(outputs, new)
    if isinstance(output, Mapping):
        return dict(zip(output, made, strict=True))
    if isinstance(output, Variable):
        return made[0]
    return type(output)(made)


def _flat(output: Any) -> list[Variable]:
    if isinstance(output, Variable):
        return [output]
    found = list(output.values() if isinstance(output, Mapping) else output)
    for v in found:
        if not isinstance(v, Variable):
            raise TypeError(f"clone: {v!r} is not a variable")
    return found


def _fitting(old: Variable, value: Any, strict: bool) -> Variable:
    """Return the replacement of `old`, checked."""
    if not isinstance(old, Variable):
        raise TypeError(f"clone: {old!r} is not a variable, so it cannot be replaced")
    new: Variable = as_tensor_variable(value)
    if new.ndim != old.ndim:
        raise TypeError(
            f"clone: {old!r} of type {old.type} cannot be replaced by {new!r} of type {new.type}: "
            "the numbers of dimensions differ"
        )
    weak = not isinstance(value, Variable)
    if new.dtype != old.dtype and (weak or not strict):
        new = new.astype(old.dtype)  # type: ignore[attr-defined]
    if strict and not old.type.accepts(new.type):
        raise TypeError(
            f"clone: {old!r} of type {old.type} cannot be replaced by {new!r} of type {new.type}; "
            "convert it, or give strict=False"
        )
    return new
