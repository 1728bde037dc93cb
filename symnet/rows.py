"""Expressions for one thing made into expressions for many: `vectorize` and `vmap`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symnet.graph import Variable, make_variable
from symnet.ops import build
from symnet.ops.batched import batched
from symnet.tensor.convert import as_tensor_variable
from symnet.types import TensorType


def vectorize(outputs: Any, replace: Mapping[Variable, Any]) -> Any:
    """Return expressions for every row of some variables at once.

    Where an operation has a form for batches (elementwise operations, sums, products of matrices,
    views ...) that takes its place; any other is applied row by row, in native code where the
    operation has some. No loop of Python's runs. Gradients pass through the result.

    Parameters
    ----------
    outputs
        A variable, or a list or tuple of them.
    replace
        For variables that `outputs` depend on, variables with one dimension more in front: rows.
        All have as many rows.

    Returns
    -------
    Variable, list or tuple
        Each output with the dimension in front, in what `outputs` was. Outputs that depend on none
        of the variables are repeated.

    Raises
    ------
    TypeError
        If a variable and its rows do not fit each other, or a length would differ from row to row.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> x, w = T.dvectors("x", "w")
    >>> many = T.dmatrix("many")
    >>> vectorize(T.dot(x, w), {x: many}).eval({many: [[1, 2], [3, 4]], w: [10, 1]})
    array([12., 34.])
    """
    given = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    rows = {v: as_tensor_variable(x) for v, x in replace.items()}
    if not rows:
        raise TypeError("vectorize: nothing is said to have rows")
    for v, x in rows.items():
        if not isinstance(v, Variable) or x.ndim != v.ndim + 1 or x.dtype != v.dtype:
            raise TypeError(
                f"vectorize: {x!r} of type {x.type} has no rows of the type of {v!r}, "
                f"{getattr(v, 'type', type(v).__name__)}: one dimension more and the same dtype "
                "are needed"
            )
    count = build.lengths(next(iter(rows.values())))[0]
    made = [
        x if x.ndim > v.ndim else build.repeat(x, count)
        for v, x in zip(given, batched(given, rows), strict=True)
    ]
    if isinstance(outputs, (list, tuple)):
        return type(outputs)(made)
    return made[0]


def vmap(fun: Callable[..., Any], in_axes: int | Sequence[int | None] | None = 0) -> Any:
    """Return a function of many things, made of one of a single thing.

    Parameters
    ----------
    fun
        Takes variables and returns a variable, or a list or tuple of them.
    in_axes
        Which dimension of each argument counts the things, None for an argument that all share;
        one for all arguments, or one for each.

    Returns
    -------
    callable
        Takes variables with that dimension, and returns what `fun` returns with it in front.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> x = T.dmatrix("x")
    >>> norms = vmap(lambda row: T.sqrt((row**2).sum()))(x)
    >>> norms.eval({x: [[3, 4], [6, 8]]})
    array([ 5., 10.])
    """

    def mapped(*arguments: Any) -> Any:
        given = [as_tensor_variable(x) for x in arguments]
        axes = list(in_axes) if isinstance(in_axes, Sequence) else [in_axes] * len(given)
        if len(axes) != len(given):
            raise TypeError(f"vmap: {len(given)} arguments, but in_axes names {len(axes)}")
        rows: dict[Variable, Variable] = {}
        ones: list[Variable] = []
        for x, axis in zip(given, axes, strict=True):
            if axis is None:
                ones.append(x)
                continue
            if not -x.ndim <= axis < x.ndim:
                raise TypeError(f"vmap: {x!r} of type {x.type} has no dimension {axis}")
            moved = x.dimshuffle(axis % x.ndim, *(a for a in range(x.ndim) if a != axis % x.ndim))
            one = make_variable(TensorType(x.dtype, moved.type.shape[1:]), name=x.name)
            rows[one] = moved
            ones.append(one)
        return vectorize(fun(*ones), rows)

    return mapped
