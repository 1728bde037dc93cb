"""Scalar expressions and the table of elementwise operations."""

from symnet.scalar.derivative import derivative
from symnet.scalar.expr import (
    Call,
    Const,
    Expr,
    Load,
    Operand,
    ScalarOp,
    Symbol,
    by_parts,
    cast,
    cast_to,
    const,
    evaluate,
    expand,
    rebuild,
    rows,
    show,
    substitute,
    walk,
)
from symnet.scalar.integer import (
    NotAffineError,
    coefficient,
    evaluate_int,
    simplify,
    split,
)
from symnet.scalar.table import TABLE

__all__ = [
    "TABLE",
    "Call",
    "Const",
    "Expr",
    "Load",
    "NotAffineError",
    "Operand",
    "ScalarOp",
    "Symbol",
    "by_parts",
    "cast",
    "cast_to",
    "coefficient",
    "const",
    "derivative",
    "evaluate",
    "evaluate_int",
    "expand",
    "rebuild",
    "rows",
    "show",
    "simplify",
    "split",
    "substitute",
    "walk",
]
