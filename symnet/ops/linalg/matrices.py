"""What the operations of linear algebra and their derivatives share.

Matrices stand in the last two dimensions of variables. In go variables, out come expressions:
products, triangles, diagonals; and what is checked of operands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np

from symnet import dtypes
from symnet.graph import Apply, Variable
from symnet.op import Array, Op, ShapeContext, constant
from symnet.ops import build
from symnet.ops.constructors import ARange
from symnet.ops.contraction import BatchedDot, Dot
from symnet.ops.diagonal import Diagonal, PlaceDiagonal
from symnet.ops.shape import DimShuffle, Reshape
from symnet.scalar import Expr
from symnet.scalar.primitives import eq, ge, gt, le, lt, switch
from symnet.types import TensorType

Side = Literal["L", "U"]


# ---------------------------------------------------------------------------------- what is checked


def check_matrix(op: Op, x: TensorType, square: bool = False) -> None:
    """Raise unless `x` holds floating point matrices, square ones if asked for."""
    if x.ndim < 2:
        raise TypeError(f"{op} takes a matrix, got {x}")
    if not dtypes.is_float(x.dtype):
        raise TypeError(
            f"{op} takes a floating point matrix, got {x}; T.cast converts, as the functions of "
            "symnet.tensor.nlinalg and slinalg do"
        )
    rows, columns = x.shape[-2:]
    if square and None not in (rows, columns) and rows != columns:
        raise TypeError(f"{op} takes a square matrix, got {x}")


def require_square(context: ShapeContext, operand: int = 0) -> Expr:
    """Assume that an operand is square; returns its number of rows."""
    *_, rows, columns = context.shape(operand)
    return context.require_equal(rows, columns, "the matrix is not square")


def over_rows(
    op: Op, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
) -> list[Variable] | None:
    """Return the outputs for every row of a batch: the one operand may have any more dimensions."""
    return list(op.make_node(*operands).outputs)


@contextmanager
def named_failure(op: Op, *operands: Array) -> Iterator[None]:
    """Within, what LAPACK finds wrong with a matrix is reported as the operation's."""
    try:
        with np.errstate(all="ignore"):
            yield
    except np.linalg.LinAlgError as error:
        shapes = ", ".join(str(x.shape) for x in operands)
        raise np.linalg.LinAlgError(f"{op}: {error}. Shapes: {shapes}") from None


# -------------------------------------------------------------------------------------- expressions


def transposed(x: Variable) -> Variable:
    """Return the matrices transposed."""
    leading = tuple(range(x.ndim - 2))
    swapped: Variable = DimShuffle((*leading, x.ndim - 1, x.ndim - 2))(x)
    return swapped


def matrix_product(*factors: Variable) -> Variable:
    """Return the product of matrices of one dtype, from the left to the right."""
    product, *rest = factors
    for factor in rest:
        product = _product(product, factor)
    return product


def _product(x: Variable, y: Variable) -> Variable:
    if x.ndim == 2:
        product: Variable = Dot()(x, y)
        return product
    *leading, rows, _ = build.lengths(x)
    flat: Variable = BatchedDot()(_rows_of_matrices(x), _rows_of_matrices(y))
    if x.ndim == 3:
        return flat
    product = Reshape(x.ndim)(flat, *leading, rows, build.lengths(y)[-1])
    return product


def _rows_of_matrices(x: Variable) -> Variable:
    """Return `x` with the dimensions before the matrices joined into one."""
    if x.ndim == 3:
        return x
    *leading, rows, columns = build.lengths(x)
    count = leading[0]
    for n in leading[1:]:
        count = count * n
    flat: Variable = Reshape(3)(x, count, rows, columns)
    return flat


def _grid(rows: Variable, columns: Variable) -> tuple[Variable, Variable]:
    """Return the numbers of the rows as a column, and of the columns as a row."""
    zero, one = constant(0, "int64"), constant(1, "int64")
    down: Variable = ARange("int64")(zero, rows, one)
    across: Variable = ARange("int64")(zero, columns, one)
    return build.insert_axes(down, (1,)), build.insert_axes(across, (0,))


def triangle(x: Variable, side: Side, k: int = 0) -> Variable:
    """Return `x` with zeros above (of the lower side) or below its diagonal number `k`."""
    row, column = _grid(*build.lengths(x)[-2:])
    kept: Variable = ge(row + k, column) if side == "L" else le(row + k, column)
    found: Variable = switch(kept, x, 0)
    return found


def half_triangle(x: Variable) -> Variable:
    """Return the lower triangle with half of the diagonal."""
    row, column = _grid(*build.lengths(x)[-2:])
    found: Variable = switch(gt(row, column), x, switch(eq(row, column), x * 0.5, 0))
    return found


def folded(x: Variable, side: Side) -> Variable:
    """Return one triangle of ``x + x.T``, the diagonal counted once.

    It is the cotangent of a matrix of which one triangle is read and taken for the other, too,
    where `x` is that of the symmetric matrix.
    """
    row, column = _grid(*build.lengths(x)[-2:])
    inside: Variable = gt(row, column) if side == "L" else lt(row, column)
    found: Variable = switch(inside, x + transposed(x), switch(eq(row, column), x, 0))
    return found


def symmetric(x: Variable, side: Side) -> Variable:
    """Return the symmetric matrix of which `x` has one triangle."""
    row, column = _grid(*build.lengths(x)[-2:])
    own: Variable = ge(row, column) if side == "L" else le(row, column)
    found: Variable = switch(own, x, transposed(x))
    return found


def diagonal_of(x: Variable) -> Variable:
    """Return the diagonals of square matrices."""
    found: Variable = Diagonal()(x)
    return found


def place_diagonal(values: Variable) -> Variable:
    """Return matrices with `values` on their diagonals and zeros elsewhere."""
    n = build.lengths(values)[-1]
    found: Variable = PlaceDiagonal()(values, n, n)
    return found


def as_column(values: Variable) -> Variable:
    """Return vectors as matrices of one column, which broadcasts."""
    return build.insert_axes(values, (values.ndim,))


def as_row(values: Variable) -> Variable:
    """Return vectors as matrices of one row, which broadcasts."""
    return build.insert_axes(values, (values.ndim - 1,))


def reciprocal_differences(values: Variable) -> Variable:
    """Return ``1 / (values[j] - values[i])`` at ``[i, j]``, and 0 where the two are equal."""
    difference = as_row(values) - as_column(values)
    same = eq(difference, 0)
    found: Variable = switch(same, 0, 1 / switch(same, 1, difference))
    return found


def identity_minus(x: Variable) -> Variable:
    """Return ``I - x`` of square matrices."""
    row, column = _grid(*build.lengths(x)[-2:])
    found: Variable = build.cast(eq(row, column), x.dtype) - x
    return found
