"""Whole matrices of derivatives: the vjp for every row of the identity at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symnet import dtypes
from symnet.gradient.derivatives import (
    OnDisconnected,
    Rop,
    as_given,
    grad,
    or_zeros,
    variables_of,
)
from symnet.graph import Variable, make_variable
from symnet.op import constant
from symnet.ops import build
from symnet.ops.batched import batched
from symnet.ops.constructors import ARange
from symnet.ops.shape import Reshape
from symnet.reverse import differentiate
from symnet.scalar.primitives import eq


def jacobian(
    expression: Variable,
    wrt: Any,
    consider_constant: Iterable[Variable] | None = None,
    disconnected_inputs: OnDisconnected = "raise",
) -> Any:
    """Return the derivatives of every element of an expression.

    No loop runs: what pulls one row back is applied to all rows of the identity at once.

    Parameters
    ----------
    expression
        A floating point variable.
    wrt, consider_constant, disconnected_inputs
        As in `grad`.

    Returns
    -------
    Variable, list or tuple
        For each variable of `wrt` one whose dimensions are those of `expression`, then those of
        the variable; in what `wrt` was.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> x = T.dvector("x")
    >>> jacobian(x**2, x).eval({x: [1.0, 2.0]})
    array([[2., 0.],
           [0., 4.]])
    """
    if not isinstance(expression, Variable) or not dtypes.is_float(expression.dtype):
        raise TypeError(f"jacobian: {expression!r} is no floating point variable")
    if expression.ndim == 0:
        return grad(expression, wrt, consider_constant, disconnected_inputs, add_names=False)
    wanted = variables_of(wrt, "wrt")
    row = make_variable(expression.type)
    found = differentiate([(expression, row)], {}, wanted, consider_constant or ())
    rows, count = _unit_rows(expression)
    results: list[Variable | None] = []
    for v in wanted:
        (pulled,) = batched([or_zeros(v, *found[v], disconnected_inputs)], {row: rows})
        if pulled.ndim == v.ndim:  # zeros, or at least nothing that depends on the row
            pulled = build.repeat(pulled, count)
        if expression.ndim > 1:
            shape = *build.lengths(expression), *build.lengths(v)
            pulled = Reshape(len(shape))(pulled, *shape)
        results.append(pulled)
    return as_given(wrt, results)


def _unit_rows(x: Variable) -> tuple[Variable, Variable]:
    """Return for each element of `x` a tensor that is 1 there and 0 elsewhere; and their number."""
    count, *others = build.lengths(x)
    for n in others:
        count = count * n
    numbers = ARange("int64")(constant(0), count, constant(1))
    here = eq(build.insert_axes(numbers, (1,)), build.insert_axes(numbers, (0,)))
    rows = build.cast(here, x.dtype)
    if x.ndim > 1:
        rows = Reshape(x.ndim + 1)(rows, count, *build.lengths(x))
    return rows, count


def hessian(
    cost: Variable,
    wrt: Any,
    consider_constant: Iterable[Variable] | None = None,
    disconnected_inputs: OnDisconnected = "raise",
) -> Any:
    """Return the second derivatives of a scalar cost with respect to each variable by itself.

    Parameters
    ----------
    cost
        A floating point variable of no dimensions.
    wrt, consider_constant, disconnected_inputs
        As in `grad`.

    Returns
    -------
    Variable, list or tuple
        For each variable of `wrt` one with its dimensions twice (of a vector a matrix), in what
        `wrt` was.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> x = T.dvector("x")
    >>> hessian((x**3).sum(), x).eval({x: [1.0, 2.0]})
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    wanted = variables_of(wrt, "wrt")
    slopes = grad(cost, wanted, consider_constant, disconnected_inputs, add_names=False)
    # A gradient that does not depend on its variable is one of a linear cost: no mistake.
    found = [
        jacobian(g, v, consider_constant, "ignore") for g, v in zip(slopes, wanted, strict=True)
    ]
    return as_given(wrt, found)


def hessian_vector_product(cost: Variable, wrt: Any, p: Any) -> Any:
    """Return the product of the Hessian with respect to all of `wrt` with a vector.

    The Hessian itself is never formed.

    Parameters
    ----------
    cost
        A floating point variable of no dimensions.
    wrt
        A variable, or a list or tuple of them.
    p
        The vector: for each variable of `wrt` one of its shape.

    Returns
    -------
    Variable, list or tuple
        For each variable of `wrt` one of its shape, in what `wrt` was.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> x, v = T.dvectors("x", "v")
    >>> hessian_vector_product((x**3).sum(), x, v).eval({x: [1.0, 2.0], v: [1.0, 1.0]})
    array([ 6., 12.])
    """
    slopes = grad(cost, wrt, add_names=False)
    return Rop(slopes, wrt, p, disconnected_outputs="ignore")
