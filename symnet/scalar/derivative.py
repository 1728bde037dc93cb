"""Derivatives of scalar expressions, straight from the rows' partials."""

from __future__ import annotations

from functools import reduce
from typing import Any

from symnet import dtypes
from symnet.scalar.expr import Call, Const, Expr, Symbol, cast, walk
from symnet.scalar.primitives import add, mul


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
    '((x + x) * exp((x * x)))'
    """
    slopes: dict[Expr, Expr] = {}
    for x in walk(root):
        if x == symbol:
            slopes[x] = Const(1, x.dtype)
        elif isinstance(x, Call) and dtypes.is_float(x.dtype):
            terms = [
                _product(slopes[operand], partial(*x.operands, x), x.dtype)
                for partial, operand in zip(x.op.partials, x.operands, strict=False)
                if partial is not None and operand in slopes
            ]
            if terms:
                slopes[x] = reduce(add, terms)
    return slopes.get(root, Const(0, root.dtype))


def _product(slope: Expr, partial: Any, dtype: str) -> Expr:
    """``slope * partial`` in `dtype`; partials may be booleans and Python numbers."""
    factor = cast(partial, dtype) if isinstance(partial, Expr) else Const(partial, dtype)
    slope = cast(slope, dtype)
    one = Const(1, dtype)
    product: Expr = factor if slope == one else slope if factor == one else mul(slope, factor)
    return product
