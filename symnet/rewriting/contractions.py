"""Products of matrices: fewer, smaller, or none at all."""

from __future__ import annotations

from itertools import pairwise
from math import prod

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.ops import build
from symnet.ops.contraction import BatchedDot, Dot, SummedDot
from symnet.ops.reduce import Reduce
from symnet.ops.shape import Broadcast, DimShuffle
from symnet.rewriting.pattern import row_of
from symnet.rewriting.rule import AnyRule, OpRule
from symnet.scalar import TABLE

add, sub, mul, neg, true_div = (TABLE[n] for n in ("add", "sub", "mul", "neg", "true_div"))
transposed = DimShuffle((1, 0))


def _factors(v: Variable) -> tuple[Variable, Variable] | None:
    """The factors of a matrix product."""
    if v.owner is None or not isinstance(v.owner.op, Dot):
        return None
    a, b = v.owner.inputs
    return a, b


def sum_of_batched_products(node: Apply) -> Variable | None:
    """The sum of a batch of products is one product: the batch is one more axis to sum over."""
    op, inner = node.op, node.inputs[0].owner
    assert isinstance(op, Reduce)
    assert inner is not None
    if op.combine is not add or op.axes != (0,) or op.dtype != node.inputs[0].dtype:
        return None
    total: Variable = SummedDot()(*inner.inputs)
    return total


def product_of_transposes(node: Apply) -> Variable | None:
    """The product of two transposes is the transpose of a product."""
    views = [v.owner for v in node.inputs]
    a, b = (w.inputs[0] if w is not None and w.op == transposed else None for w in views)
    if a is None or b is None or a.ndim != 2 or b.ndim != 2:
        return None
    turned: Variable = transposed(Dot()(b, a))
    return turned


def product_of_scaled(node: Apply) -> Variable | None:
    """A number that scales a factor scales the product, which takes it along when it is stored."""
    for k, v in enumerate(node.inputs):
        row = row_of(v)
        if v.owner is None or row not in (neg, mul, true_div):
            continue
        others = list(node.inputs)
        if row is neg:
            (others[k],) = v.owner.inputs
            negated: Variable = -node.op(*others)
            return negated
        pairs = (v.owner.inputs, v.owner.inputs[::-1])[: 2 if row is mul else 1]
        for rest, number in pairs:
            if all(number.broadcastable) and rest.type == v.type and number.dtype == v.dtype:
                others[k] = rest
                scale = number if node.out.ndim == number.ndim else DimShuffle(())(number)
                scaled: Variable = row(node.op(*others), scale)
                return scaled
    return None


def product_of_vectors(node: Apply) -> Variable | None:
    """A column times a row is one product for each element."""
    a, b = node.inputs
    if a.type.shape[-1] != 1 or b.type.shape[-2] != 1:
        return None
    product: Variable = mul(a, b)
    return product


def product_with_number(node: Apply) -> Variable | None:
    """A product with one number repeated is that number times sums."""
    a, b = node.inputs
    for v, other, axis, place in ((b, a, 1, 1), (a, b, 0, 0)):
        if v.owner is None or not isinstance(v.owner.op, Broadcast) or v.owner.inputs[0].ndim:
            continue
        number, *lengths = v.owner.inputs
        sums = build.insert_axes(Reduce(add, (axis,), other.dtype)(other), (axis,))
        shape = [*build.lengths(other)]
        shape[place] = lengths[place]
        filled: Variable = Broadcast(2)(sums * DimShuffle((None, None))(number), *shape)
        return filled
    return None


def sum_of_products_as_product(node: Apply) -> Variable | None:
    """Products of all pairs, summed over what both have, are a product of matrices."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, Reduce)
    assert v.owner is not None
    if op.combine is not add or len(op.axes) != 1 or v.ndim != 3 or op.dtype != v.dtype:
        return None
    (axis,) = op.axes
    a, b = v.owner.inputs
    if a.dtype != b.dtype or not dtypes.is_float(v.dtype):
        return None
    rows, columns = (k for k in range(3) if k != axis)
    if _spread(a) == {columns, axis} and _spread(b) == {rows, axis}:
        a, b = b, a
    if _spread(a) != {rows, axis} or _spread(b) != {columns, axis}:
        return None
    product: Variable = Dot()(DimShuffle((rows, axis))(a), DimShuffle((axis, columns))(b))
    return product


def _spread(v: Variable) -> set[int]:
    """The dimensions that are not known to have length 1."""
    return {k for k, n in enumerate(v.type.shape) if n != 1}


def sum_with_common_factor(node: Apply) -> Variable | None:
    """Products that share a factor need one product of the sum of the others."""
    left, right = (_factors(v) for v in node.inputs)
    row = row_of(node.out)
    if left is None or right is None or row is None:
        return None
    (a, b), (c, d) = left, right
    if a is c and b.type == d.type:
        product: Variable = Dot()(a, row(b, d))
        return product
    if b is d and a.type == c.type:
        product = Dot()(row(a, c), b)
        return product
    return None


def chain_by_cost(node: Apply) -> Variable | None:
    """Of the two orders to multiply three matrices the one with half the work or less.

    The product that is there may be needed elsewhere, and then stays: more than twice the work that
    was there is never done.
    """
    a, b = node.inputs
    for left, right in ((_factors(a), b), (a, _factors(b))):
        if isinstance(left, tuple) and isinstance(right, Variable):
            p, q, r = *left, right
            m, k, n, end = _lengths(p, q, r)
            if _is_less((k, n, end), (m, k, end), than=((m, k, n), (m, n, end))):
                return Dot()(p, Dot()(q, r))  # type: ignore[no-any-return]
        elif isinstance(left, Variable) and isinstance(right, tuple):
            p, q, r = left, *right
            m, k, n, end = _lengths(p, q, r)
            if _is_less((m, k, n), (m, n, end), than=((k, n, end), (m, k, end))):
                return Dot()(Dot()(p, q), r)  # type: ignore[no-any-return]
    return None


def _lengths(p: Variable, q: Variable, r: Variable) -> tuple[int | None, ...]:
    """Rows and columns of three matrices that are multiplied, as far as types know them."""
    ends = (p.type.shape, q.type.shape, r.type.shape)
    inner = [a[1] if a[1] is not None else b[0] for a, b in pairwise(ends)]
    return ends[0][0], *inner, ends[2][1]


def _is_less(*boxes: tuple[int | None, ...], than: tuple[tuple[int | None, ...], ...]) -> bool:
    """Whether boxes of known lengths hold half as many points as others, or fewer."""
    if any(n is None for box in (*boxes, *than) for n in box):
        return False
    new, old = (sum(prod(n or 0 for n in box) for box in group) for group in (boxes, than))
    return 2 * new <= old


def batch_of_one(node: Apply) -> Variable | None:
    """A batch of one product is one product."""
    a, b = node.inputs
    if a.type.shape[0] != 1 or b.type.shape[0] != 1:
        return None
    drop = DimShuffle((1, 2))
    product = Dot()(drop(a), drop(b))
    return build.insert_axes(product, (0,)) if isinstance(node.op, BatchedDot) else product


RULES: list[AnyRule] = [
    OpRule("sum_of_batched_products", Reduce, sum_of_batched_products,
           "one product, and no batch in memory",
           lambda d: Reduce(add, (0,), (a := d("bmk")).dtype)(BatchedDot()(a, d("bkn"))),
           BatchedDot),
    OpRule("product_of_transposes", Dot, product_of_transposes, "one view instead of two",
           lambda d: Dot()(transposed(d("km")), transposed(d("nk"))), DimShuffle),
    OpRule("product_of_scaled", (Dot, BatchedDot, SummedDot), product_of_scaled,
           "the scaling is done when the product is stored",
           lambda d: Dot()(d("mk") * d("11"), d("kn")), among=(neg, mul, true_div),
           assumes="finite operands"),
    OpRule("product_of_vectors", (Dot, BatchedDot), product_of_vectors,
           "elementwise, which fuses", lambda d: Dot()(d("m1"), d("1n"))),
    OpRule("product_with_number", Dot, product_with_number, "sums instead of products",
           lambda d: Dot()(d("mk"), build.fill_like(d.number(), d("kn"))), among=Broadcast,
           assumes="finite operands"),
    OpRule("sum_of_products_as_product", Reduce, sum_of_products_as_product,
           "no tensor of all pairs",
           lambda d: Reduce(add, (1,), (a := d("mk")).dtype)(
               DimShuffle((0, 1, None))(a) * DimShuffle((None, 0, 1))(d("kn"))), mul),
    OpRule("sum_with_common_factor", (add, sub), sum_with_common_factor,
           "one product instead of two",
           lambda d: Dot()(a := d("mk"), d("kn")) + Dot()(a, d("kn")), Dot,
           assumes="finite operands"),
    OpRule("chain_by_cost", Dot, chain_by_cost, "fewer operations",
           lambda d: Dot()(Dot()(d("mk", static=True), d("kn", static=True)), d("n1")), among=Dot,
           assumes="finite operands"),
    OpRule("batch_of_one", (BatchedDot, SummedDot), batch_of_one, "one product",
           lambda d: BatchedDot()(d("1mk"), d("1kn"))),
]  # fmt: skip
"""Products."""
