"""Rules about matrices: determinants that overflow, inverses that need not be computed."""

from __future__ import annotations

from symnet.graph import Apply, Variable
from symnet.ops import build
from symnet.ops.contraction import Dot
from symnet.ops.diagonal import PlaceDiagonal
from symnet.ops.elementwise import Elemwise
from symnet.ops.linalg import Cholesky, Det, MatrixInverse, SLogDet, Solve, diagonal_of
from symnet.ops.reduce import Reduce
from symnet.ops.shape import DimShuffle
from symnet.rewriting.pattern import Draw
from symnet.rewriting.rule import AnyRule, OpRule
from symnet.scalar import TABLE

add, log, absolute, mul, lt, switch = (
    TABLE[name] for name in ("add", "log", "abs", "mul", "lt", "switch")
)


def log_det(node: Apply) -> Variable | None:
    """The logarithm of a determinant without the determinant, which over- or underflows."""
    op, (v,) = node.op, node.inputs
    assert isinstance(op, Elemwise)
    inner = v.owner
    magnitude = inner is not None and isinstance(inner.op, Elemwise) and inner.op.scalar is absolute
    if magnitude and inner is not None:
        inner = inner.inputs[0].owner
    if inner is None or not isinstance(inner.op, Det):
        return None
    sign, logarithm = SLogDet()(inner.inputs[0])
    found: Variable = logarithm if magnitude else switch(lt(sign, 0), float("nan"), logarithm)
    return found


def det_of_triangle(node: Apply) -> Variable | None:
    """The determinant of a triangular matrix is the product of its diagonal."""
    (v,) = node.inputs
    inner = v.owner
    if inner is not None and isinstance(inner.op, DimShuffle) and inner.op.order == (1, 0):
        inner = inner.inputs[0].owner
    if inner is None or not isinstance(inner.op, Cholesky):
        return None
    found: Variable = Reduce(mul, (v.ndim - 2,), v.dtype)(diagonal_of(inner.out))
    return found


def inverse_times(node: Apply) -> Variable | None:
    """The product with an inverse is the solution of equations."""
    a, b = node.inputs
    if a.owner is not None and isinstance(a.owner.op, MatrixInverse):
        solved: Variable = Solve()(a.owner.inputs[0], b)
        return solved
    if b.owner is not None and isinstance(b.owner.op, MatrixInverse):
        flip = DimShuffle((1, 0))
        turned: Variable = flip(Solve()(flip(b.owner.inputs[0]), flip(a)))
        return turned
    return None


def _square(d: Draw) -> Variable:
    """A matrix that is positive definite."""
    x = d("nk", static=False)
    spread = Dot()(x, DimShuffle((1, 0))(x))
    one = build.ones_like(Reduce(add, (1,), x.dtype)(x))
    found: Variable = spread + PlaceDiagonal()(one, *build.lengths(spread))
    return found


RULES: list[AnyRule] = [
    OpRule("log_det", log, log_det, "a determinant over- or underflows long before its logarithm",
           lambda d: log(absolute(Det()(_square(d)))), (Det, absolute)),
    OpRule("det_of_triangle", Det, det_of_triangle, "nothing needs to be factored",
           lambda d: Det()(Cholesky()(_square(d))), (Cholesky, DimShuffle)),
    OpRule("inverse_times", Dot, inverse_times, "fewer operations, and fewer digits lost",
           lambda d: Dot()(MatrixInverse()(_square(d)), d("nm")), among=MatrixInverse),
]  # fmt: skip
"""Applied with the stable forms, so that derivatives are those of the right sides."""
