"""Light algebra of the int64 expressions that dims and addresses are made of.

`simplify` brings an expression to a canonical polynomial form, so that equal integers become
structurally equal expressions; `split` and `coefficient` read the strides off an affine address;
`evaluate_int` computes a value from bound symbols. In and out go `symnet.scalar` expressions.

Values are taken to fit int64, as sizes and addresses do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symnet.scalar.algebra import Algebra, Polynomial, Range
from symnet.scalar.expr import Const, Expr, Symbol
from symnet.scalar.integer_values import evaluate_int

__all__ = [
    "NotAffineError",
    "Range",
    "coefficient",
    "evaluate_int",
    "simplify",
    "split",
]


class NotAffineError(ValueError):
    """An expression is not affine in a symbol that it was to be split by."""


def simplify(root: Expr, ranges: Mapping[str, Range] | None = None) -> Expr:
    """Bring an integer expression to canonical form.

    The form is a sum of integer coefficients times products of atoms, in an order that depends
    only on what the atoms are. Atoms are symbols, loads, and calls that are not polynomial
    (`int_div`, `mod`, `minimum`, comparisons, ...) with simplified operands. Sub-expressions of
    other dtypes (the int32 operand of a cast) keep their form.

    Parameters
    ----------
    root
        Any expression; only its int64 and boolean parts change.
    ranges
        Least and greatest values of symbols, by name. Minima, comparisons, divisions and
        remainders that these decide disappear.

    Examples
    --------
    >>> from symnet.scalar.expr import show
    >>> i, n = Symbol("i"), Symbol("n")
    >>> show(simplify((i + 1) * n - n))
    '(i * n)'
    >>> show(simplify((8 * i + n) // 4))
    '((i * 2) + (n // 4))'
    >>> show(simplify((4 * i + n) % 4, {"n": (0, 3)}))
    'n'
    """
    if isinstance(root, (Const, Symbol)):
        return root
    algebra = Algebra(ranges or {})
    return algebra.expression(algebra.read(root), root)


def split(root: Expr, symbols: Iterable[Expr]) -> tuple[dict[Expr, Expr], Expr]:
    """Write an expression as ``sum(coefficient[s] * s) + rest``.

    Parameters
    ----------
    root
        An int64 expression.
    symbols
        The symbols it is to be affine in.

    Returns
    -------
    coefficients, rest
        The coefficient of every symbol of `symbols`, zeros included, and what is left; they
        contain none of `symbols` and are in canonical form.

    Raises
    ------
    NotAffineError
        If a product of two of the symbols or a non-polynomial function of one remains.

    Examples
    --------
    >>> from symnet.scalar.expr import show
    >>> i, j, n = Symbol("i"), Symbol("j"), Symbol("n")
    >>> coefficients, rest = split((i * n + j + 1) * 4, [i, j])
    >>> [show(c) for c in coefficients.values()], show(rest)
    (['(n * 4)', '4'], '4')
    """
    algebra = Algebra({})
    wanted = list(symbols)
    keys = {algebra.key(s): s for s in wanted}
    parts: dict[str, Polynomial] = {k: {} for k in keys}
    rest: Polynomial = {}
    for monomial, c in algebra.polynomial(root).items():
        found = [k for k in monomial if k in keys]
        if len(found) > 1 or any(algebra.mentions(k, keys) for k in monomial if k not in keys):
            raise NotAffineError(
                f"not affine in {', '.join(str(getattr(s, 'name', s)) for s in wanted)}"
            )
        if found:
            left = list(monomial)
            left.remove(found[0])
            parts[found[0]][tuple(left)] = c
        else:
            rest[monomial] = c
    return {keys[k]: algebra.build(p) for k, p in parts.items()}, algebra.build(rest)


def coefficient(root: Expr, symbol: Expr) -> Expr:
    """Return the coefficient of a symbol in an expression that is affine in it.

    Raises
    ------
    NotAffineError
        If the expression is not affine in `symbol`.

    Examples
    --------
    >>> i, n = Symbol("i"), Symbol("n")
    >>> coefficient(3 * (i * n + 2) - i * n, i) == simplify(2 * n)
    True
    """
    return split(root, [symbol])[0][symbol]
