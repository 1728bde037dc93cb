"""Derivatives of scalar expressions, straight from the rows' partials."""

from __future__ import annotations

from typing import Any

from symnet import dtypes
from symnet.scalar.expr import Call, Const, Expr, Symbol, cast, walk


def derivative(root: Expr, symbol: Symbol) -> Expr:
    """Differentiate an expression by a symbol (forward accumulation).

    Parameters
    ----------
    root
        A floating point expression. What reaches `symbol` only through integers, booleans or
        memory counts as constant.
    symbol
        A floating point symbol.

    Returns
    -------
    Expr
        An expression of the dtype of `root`.

    Examples
    --------
    >>> from symnet.scalar.expr import show
    >>> from symnet.scalar.table import exp
    >>> x = Symbol("x", "float64")
    >>> show(derivative(exp(x * x), x))
    '(((x * 1.0) + (x * 1.0)) * exp((x * x)))'
    """
    slopes: dict[Expr, Expr] = {}
    for x in walk(root):
        if x == symbol:
            slopes[x] = Const(1, x.dtype)
        elif isinstance(x, Call) and dtypes.is_float(x.dtype):
            total: Any = None
            for partial, operand in zip(x.op.partials, x.operands, strict=False):
                if partial is not None and operand in slopes:
                    term = slopes[operand] * partial(*x.operands, x)
                    total = term if total is None else total + term
            if total is not None:
                slopes[x] = cast(total, x.dtype)
    return slopes.get(root, Const(0, root.dtype))
