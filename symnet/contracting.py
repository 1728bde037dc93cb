"""Contractions: from the factors and the epilogue of a product to a statement of the loop IR.

In go a `Product` whose expressions have formal names and the values that its epilogue stores; out
comes a `Contraction`. Axes that always go together (the lines and the columns of images that are
read from end to end) become one, so that a product of matrices is one however it was stated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from symnet.abstraction import Abstraction, abstract
from symnet.axes import merged, parted, replaced
from symnet.kernel import (
    BATCH,
    COLUMN,
    INNER,
    ROW,
    Axis,
    Contraction,
    Let,
    Store,
    accumulated,
)
from symnet.nest import Root, axes
from symnet.scalar import Const, Expr, Symbol, const, substitute
from symnet.values import Product, longer, position


def contraction(
    product: Product, left: Expr, right: Expr, roots: Sequence[Root], dtypes: Mapping[str, str]
) -> tuple[Contraction, Abstraction]:
    """The contraction of a product, and what it was abstracted from.

    Parameters
    ----------
    product
        Where its axes are.
    left, right
        Its factors.
    roots
        What its epilogue stores, over ``symnet.nest.axes`` and the accumulated sum.
    dtypes
        Dtypes of buffers.
    """
    dtype = product.result.variable.dtype
    factors = Let(Symbol("left", dtype), left), Let(Symbol("right", dtype), right)
    stmts: tuple[Let | Store, ...] = (*factors, *_epilogue(product, roots))
    classes = [product.batch, product.rows, product.columns, product.inner]
    # A length that is computed is one integer to the kernel, not terms to multiply out.
    computed = {
        a.extent: Symbol(f"length{k}_{i}")
        for k, found in enumerate(classes)
        for i, a in enumerate(found)
        if not isinstance(a.extent, Const | Symbol)
    }
    if computed:
        stmts = replaced(stmts, dict(computed))
        classes = [
            tuple(Axis(a.symbol, computed.get(a.extent, a.extent)) for a in found)
            for found in classes
        ]
    classes[3], stmts = parted(classes[3], stmts, [a for found in classes[:3] for a in found])
    renamed: dict[Expr, Expr] = {}
    for k, (found, name) in enumerate(zip(classes, (BATCH, ROW, COLUMN, INNER), strict=True)):
        found, stmts = merged(found, stmts)
        if len(found) == 1:
            renamed[found[0].symbol] = name
            found = (Axis(name, found[0].extent),)
        elif not found and name is not BATCH:
            found = (Axis(name, const(1)),)
        classes[k] = found
    stmts = replaced(stmts, renamed)
    every = [a for found in classes for a in found]
    lengths = tuple(Let(Symbol(f"size{k}"), a.extent) for k, a in enumerate(every))
    bound = {**{a.symbol: a.extent for a in every}, accumulated(dtype): None}
    found_ = abstract((*lengths, *stmts), dtypes, bound)
    values = [s.value for s in found_.stmts[: len(every) + 2] if isinstance(s, Let)]
    extents = iter(values)
    left, right = values[-2:]
    batch, rows, columns, inner = (
        tuple(Axis(a.symbol, next(extents)) for a in found) for found in classes
    )
    epilogue = tuple(s for s in found_.stmts[len(every) + 2 :] if isinstance(s, Let | Store))
    work = Contraction(
        found_.params, found_.ints, batch, rows, columns, inner, left, right, epilogue, dtype
    )
    behind: dict[Expr, Expr] = {s: n for n, s in computed.items()}
    arguments = tuple(substitute(x, behind) for x in found_.arguments)
    return work, replace(found_, arguments=arguments)


def _epilogue(product: Product, roots: Sequence[Root]) -> tuple[Let | Store, ...]:
    """The statements that store what becomes of a sum."""
    lets: list[Let | Store] = []
    stores: list[Let | Store] = []
    shape = product.result.shape
    point = longer(shape, product.index)
    offset = position(shape, product.index)
    bound: dict[Expr, Expr] = {}
    for number, root in enumerate(roots):
        # Results may differ in axes of length 1.
        own = longer(root.shape, axes(len(root.shape)))
        element = substitute(root.expr, dict(zip(own, point, strict=True)))
        value = substitute(element, bound)
        if not isinstance(value, Const | Symbol):
            lets.append(Let(Symbol(f"s{number}", value.dtype), value))
            bound[element] = value = Symbol(f"s{number}", value.dtype)
        place = offset if root.base == const(0) else root.base + offset
        stores.extend(Store(b, place, value) for b in root.buffers)
    return (*lets, *stores)
