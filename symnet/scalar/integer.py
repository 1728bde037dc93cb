"""Light algebra of the int64 expressions that dims and addresses are made of.

`simplify` brings an expression to a canonical polynomial form, so that equal integers become
structurally equal expressions; `split` and `coefficient` read the strides off an affine address;
`evaluate_int` computes a value from bound symbols. In and out go `symnet.scalar` expressions.

These run on thousands of expressions per compilation, therefore: Python integers throughout, no
NumPy, no recursion, and atoms named by strings (whose hashes the interpreter caches).

Values are taken to fit int64, as sizes and addresses do.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from symnet.scalar.expr import Call, Const, Expr, Load, Symbol, rows

Monomial = tuple[str, ...]
"""Keys of the factors, sorted; ``()`` is the constant term."""
Polynomial = dict[Monomial, int]
"""Coefficients, none of them zero."""
Range = tuple[int | None, int | None]
"""Least and greatest value; None where there is no bound."""
_Interval = tuple[float, float]

_UNBOUNDED: _Interval = (-inf, inf)
_ZERO: Polynomial = {}


class NotAffineError(ValueError):
    """An expression is not affine in a symbol that it was to be split by."""


def int_div(a: int, b: int) -> int:
    """Floor division with NumPy's meaning of a zero divisor.

    Examples
    --------
    >>> int_div(-7, 2), int_div(7, 0)
    (-4, 0)
    """
    return a // b if b else 0


def int_mod(a: int, b: int) -> int:
    """Remainder of floor division with NumPy's meaning of a zero divisor.

    Examples
    --------
    >>> int_mod(-7, 2), int_mod(7, 0)
    (1, 0)
    """
    return a % b if b else 0


def _quotient(a: int, b: int) -> int:
    return -(-a // b) if (a < 0) != (b < 0) else a // b


def _shift_right(a: int, b: int) -> int:
    return a >> b if 0 <= b < 64 else -(a < 0)


_MEANING: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "abs": abs,
    "sqr": lambda a: a * a,
    "identity": lambda a: a,
    "int_div": int_div,
    "mod": int_mod,
    "quotient": _quotient,
    "remainder": lambda a, b: a - b * _quotient(a, b),
    "minimum": min,
    "maximum": max,
    "clip": lambda a, low, high: min(max(a, low), high),
    "sgn": lambda a: (a > 0) - (a < 0),
    "right_shift": _shift_right,
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "logical_and": lambda a, b: bool(a) and bool(b),
    "logical_or": lambda a, b: bool(a) or bool(b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
    "logical_not": operator.not_,
    "switch": lambda c, a, b: a if c else b,
    "cast_int64": int,
    "cast_bool": bool,
}
"""Rows by their meaning for Python integers; any other row is asked for its NumPy meaning."""

_COMPARISONS = frozenset({"eq", "neq", "lt", "le", "gt", "ge"})


def _apply(x: Call, values: tuple[Any, ...]) -> Any:
    meaning = _MEANING.get(x.op.name)
    if meaning is not None and all(a.dtype in ("int64", "bool") for a in x.operands):
        return meaning(*values)
    converted = (Const(v, a.dtype).value for v, a in zip(values, x.operands, strict=True))
    return x.op.evaluate(*converted).astype(x.dtype).item()


def evaluate_int(root: Expr, values: Mapping[str, int]) -> int:
    """Compute the value of an expression without loads.

    Parameters
    ----------
    root
        An expression of integers and booleans.
    values
        Values of the symbols, by name.

    Raises
    ------
    KeyError
        If a symbol has no value.
    TypeError
        If the expression reads memory.

    Examples
    --------
    >>> n = Symbol("n")
    >>> evaluate_int((n + 3) // 4 * 4, {"n": 9})
    12
    """
    done: dict[int, Any] = {}
    stack = [root]
    while stack:
        x = stack[-1]
        name = id(x)
        if name in done:
            stack.pop()
        elif isinstance(x, Const):
            done[name] = x.value
        elif isinstance(x, Symbol):
            done[name] = values[x.name]
        elif isinstance(x, Call):
            missing = [a for a in x.operands if id(a) not in done]
            if missing:
                stack.extend(missing)
            else:
                done[name] = _apply(x, tuple([done[id(a)] for a in x.operands]))
        else:
            raise TypeError("an integer that is read from memory has no value at compile time")
    return int(done[id(root)])


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
    algebra = _Algebra(ranges or {})
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
    algebra = _Algebra({})
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


def _add(a: Polynomial, b: Polynomial, sign: int = 1) -> Polynomial:
    total = dict(a)
    for m, c in b.items():
        c = total.get(m, 0) + sign * c
        if c:
            total[m] = c
        else:
            del total[m]
    return total


def _mul(a: Polynomial, b: Polynomial) -> Polynomial:
    if not a or not b:
        return _ZERO
    if len(b) == 1 and () in b:
        c = b[()]
        return {m: k * c for m, k in a.items()}
    if len(a) == 1 and () in a:
        c = a[()]
        return {m: k * c for m, k in b.items()}
    total: Polynomial = {}
    for m, c in a.items():
        for n, d in b.items():
            product = tuple(sorted(m + n)) if m and n else m or n
            total[product] = total.get(product, 0) + c * d
    return {m: c for m, c in total.items() if c}


def _constant(p: Polynomial) -> int | None:
    """The value of a polynomial without symbols."""
    if not p:
        return 0
    return p[()] if len(p) == 1 and () in p else None


def _order(term: tuple[Monomial, int]) -> tuple[bool, bool, int, Monomial]:
    """Positive terms first (`n - i` reads better than `-i + n`), the constant last of its sign."""
    monomial, c = term
    return c < 0, not monomial, -len(monomial), monomial


def _product(a: float, b: float) -> float:
    return a * b if a and b else 0  # zero times infinity bounds nothing away from zero


@dataclass(slots=True)
class _Algebra:
    """One simplification: the atoms met so far and what is known of them.

    A node is read once (by identity) into a polynomial, or, for a node that is not an int64, into
    the one-term polynomial of an atom that stands for it.
    """

    ranges: Mapping[str, Range]
    atoms: dict[str, Expr] = field(default_factory=dict)
    intervals: dict[str, _Interval] = field(default_factory=dict)
    extrema: dict[str, tuple[str, list[Polynomial]]] = field(default_factory=dict)
    polynomials: dict[int, Polynomial] = field(default_factory=dict)
    alive: list[Expr] = field(default_factory=list)  # so that no id is used twice

    def expression(self, p: Polynomial, like: Expr) -> Expr:
        """The expression of what `read` gave for `like`."""
        if like.dtype == "int64":
            return self.build(p)
        c = _constant(p)
        if c is not None:
            return Const(c, like.dtype)
        ((key,),) = p
        return self.atoms[key]

    def key(self, x: Expr) -> str:
        """The name of an atom: equal for equal expressions and for no others.

        Prefix notation over tokens closed by control characters, which names do not contain.
        """
        match x:
            case Symbol(name=name, dtype="int64"):
                key = name + "\0"
            case Symbol():
                key = f"{x.name}\1{x.dtype}\0"
            case Const():
                key = f"{x.value!r}\2{x.dtype}\0"
            case Load():
                key = f"{x.buffer}\3{x.dtype}\0{self._key_of_operand(x.offset)}"
            case Call():
                # A row outside the table may have the name of one inside it.
                own = "" if rows().get(x.op.name) is x.op else f"\1{id(x.op)}"
                operands = "".join([self._key_of_operand(a) for a in x.operands])
                key = f"{x.op.name}{own}\4{x.dtype}\0{operands}"
            case _:
                raise TypeError(f"not an expression: {x!r}")
        if key not in self.atoms:
            self.atoms[key] = x
            self.intervals[key] = self._interval_of_symbol(x)
        return key

    def _key_of_operand(self, x: Expr) -> str:
        """A key made of what `read` found, so that keys cost no second traversal."""
        p = self.polynomials[id(x)]
        terms = [f"{c}\5{len(m)}\0{''.join(m)}" for m, c in sorted(p.items())]
        return f"{x.dtype}\6{len(terms)}\0{''.join(terms)}"

    def _interval_of_symbol(self, x: Expr) -> _Interval:
        if x.dtype == "bool":
            return 0, 1
        if not isinstance(x, Symbol):
            return _UNBOUNDED
        low, high = self.ranges.get(x.name, (None, None))
        return -inf if low is None else low, inf if high is None else high

    def atom(self, x: Expr) -> Polynomial:
        """The polynomial that is one atom."""
        return {(self.key(x),): 1}

    def remember(self, x: Expr, p: Polynomial) -> Expr:
        """Note that `x`, which this object built, reads as `p`."""
        self.polynomials[id(x)] = p
        self.alive.append(x)
        return x

    def build(self, p: Polynomial) -> Expr:
        """The canonical expression of a polynomial."""
        total: Expr | None = None
        for monomial, c in sorted(p.items(), key=_order):
            term: Expr | None = None
            for key in monomial:
                factor = self.atoms[key]
                term = factor if term is None else _call("mul", term, factor)
            size = -c if c < 0 and total is not None else c
            if term is None:
                term = _integer(size)
            elif size == -1:
                term = _call("neg", term)
            elif size != 1:
                term = _call("mul", term, _integer(size))
            sign = "sub" if c < 0 else "add"
            total = term if total is None else _call(sign, total, term)
        return self.remember(_integer(0) if total is None else total, p)

    def polynomial(self, root: Expr) -> Polynomial:
        """The polynomial of an int64 expression."""
        if root.dtype != "int64":
            raise TypeError(f"an int64 expression is needed, got one of {root.dtype}")
        return self.read(root)

    def read(self, root: Expr) -> Polynomial:
        """Read an expression, operands first."""
        done = self.polynomials
        stack = [root]
        while stack:
            x = stack[-1]
            name = id(x)
            if name in done:
                stack.pop()
                continue
            if not isinstance(x, Const | Symbol):
                missing = [a for a in x.args if id(a) not in done]
                if missing:
                    stack.extend(missing)
                    continue
            done[name] = self._read(x)
            self.alive.append(x)
        return done[id(root)]

    def _read(self, x: Expr) -> Polynomial:
        match x:
            case Const(dtype="int64" | "bool"):
                return {(): int(x.value)} if x.value else _ZERO
            case Load():
                offset = self.expression(self.polynomials[id(x.offset)], x.offset)
                return self.atom(
                    x if offset is x.offset else Load(x.buffer, self._again(offset), x.dtype)
                )
            case Call():
                operands = [self.polynomials[id(a)] for a in x.operands]
                if self._has_rule(x):
                    found = _RULES[x.op.name](self, *operands)
                    if found is not None:
                        return found
                return self._opaque(x, operands)
        return self.atom(x)

    def _has_rule(self, x: Call) -> bool:
        name = x.op.name
        if name not in _RULES or any(a.dtype not in ("int64", "bool") for a in x.operands):
            return False
        return x.dtype == "int64" or name in _COMPARISONS or name == "switch"

    def _again(self, x: Expr) -> Expr:
        """An expression this object built, read if it was not."""
        if id(x) not in self.polynomials:
            self.read(x)
        return x

    def _opaque(self, x: Call, operands: list[Polynomial]) -> Polynomial:
        """A call no rule applies to: a constant, or an atom with simplified operands."""
        if x.dtype in ("int64", "bool") and not any(p and _constant(p) is None for p in operands):
            value = int(_apply(x, tuple(_constant(p) for p in operands)))
            return {(): value} if value else _ZERO
        pairs = zip(operands, x.operands, strict=True)
        args = tuple([self._again(self.expression(p, a)) for p, a in pairs])
        if x.op.commutative and len(args) == 2:
            args = tuple(sorted(args, key=self._key_of_operand))
        return self.atom(Call(x.op, args, x.dtype))

    def mentions(self, key: str, keys: Mapping[str, Any]) -> bool:
        """Whether the atom `key` contains one of the symbols named `keys`."""
        stack, seen = [self.atoms[key]], set[int]()
        while stack:
            x = stack.pop()
            if id(x) in seen:
                continue
            seen.add(id(x))
            if isinstance(x, Symbol) and self.key(x) in keys:
                return True
            stack.extend(x.args)
        return False

    def interval(self, p: Polynomial) -> _Interval:
        """Bounds of a polynomial's values, from those of its atoms."""
        low: float = 0
        high: float = 0
        for monomial, c in p.items():
            a: float = c
            b: float = c
            for key in monomial:
                lo, hi = self.intervals[key]
                ends = (_product(a, lo), _product(a, hi), _product(b, lo), _product(b, hi))
                a, b = min(ends), max(ends)
            low += a
            high += b
        return low, high

    def divide(self, a: Polynomial, b: Polynomial, op: str) -> Polynomial:
        """``a // b`` or ``a % b``: multiples of a constant divisor are taken out.

        For floor division ``(b*q + r) // b == q + r // b`` and ``(b*q + r) % b == r % b`` hold
        whatever the signs.
        """
        divisor = _constant(b)
        if divisor == 0 or not a:
            return _ZERO
        whole: Polynomial = {}
        if divisor is not None:
            rest: Polynomial = {}
            for m, c in a.items():
                if c % divisor == 0:
                    whole[m] = c // divisor
                elif m:
                    rest[m] = c
                else:
                    # The constant stays whole in the rest only as far as it must.
                    rest[m] = c % divisor
                    if c // divisor:
                        whole[m] = c // divisor
            a = rest
            low, high = self.interval(a)
            if low > -inf and high < inf and int(low) // divisor == int(high) // divisor:
                # All values have one quotient (a divisor below zero only swaps the ends).
                q = int(low) // divisor
                constant: Polynomial = {(): q} if q else _ZERO
                if op == "int_div":
                    return _add(whole, constant)
                return _add(a, {(): q * divisor} if q else _ZERO, -1)
        x = _call(op, self._again(self.build(a)), self._again(self.build(b)))
        p = self.atom(x)
        if divisor is not None:
            ((key,),) = p
            self.intervals[key] = _quotients(self.interval(a), divisor, op)
        return _add(whole, p) if op == "int_div" else p

    def extremum(self, a: Polynomial, b: Polynomial, op: str) -> Polynomial:
        """Minimum or maximum of two: nested ones are merged, decided ones dropped."""
        candidates: list[Polynomial] = []
        for p in self._candidates(a, op) + self._candidates(b, op):
            if any(self._beats(q, p, op) for q in candidates):
                continue
            candidates = [q for q in candidates if not self._beats(p, q, op)]
            candidates.append(p)
        if len(candidates) == 1:
            return candidates[0]
        built = sorted((self._again(self.build(p)) for p in candidates), key=self._key_of_operand)
        total = built[0]
        for x in built[1:]:
            total = _call(op, total, x)
            p = self.atom(total)
            self.remember(total, p)
        ((key,),) = p
        self.extrema[key] = op, candidates
        ends = [self.interval(q) for q in candidates]
        choose = min if op == "minimum" else max
        self.intervals[key] = choose(e[0] for e in ends), choose(e[1] for e in ends)
        return p

    def _candidates(self, p: Polynomial, op: str) -> list[Polynomial]:
        if len(p) == 1:
            ((monomial, c),) = p.items()
            if c == 1 and len(monomial) == 1 and monomial[0] in self.extrema:
                kind, candidates = self.extrema[monomial[0]]
                if kind == op:
                    return candidates
        return [p]

    def _beats(self, a: Polynomial, b: Polynomial, op: str) -> bool:
        low, high = self.interval(_add(a, b, -1))
        return high <= 0 if op == "minimum" else low >= 0

    def compare(self, a: Polynomial, b: Polynomial, op: str) -> Polynomial | None:
        """A comparison that the bounds of the difference decide, or None."""
        low, high = self.interval(_add(a, b, -1))
        match op:
            case "lt" | "ge":
                truth = True if high < 0 else False if low >= 0 else None
            case "le" | "gt":
                truth = True if high <= 0 else False if low > 0 else None
            case _:
                truth = True if low == high == 0 else False if low > 0 or high < 0 else None
        if truth is None:
            return None
        return {(): 1} if truth == (op in ("lt", "le", "eq")) else _ZERO

    def choose(self, c: Polynomial, a: Polynomial, b: Polynomial) -> Polynomial | None:
        """A `switch` whose condition is known or does not matter."""
        if a == b:
            return a
        truth = _constant(c)
        return None if truth is None else a if truth else b

    def magnitude(self, a: Polynomial) -> Polynomial | None:
        """The absolute value of what has a known sign."""
        low, high = self.interval(a)
        return a if low >= 0 else _mul(a, {(): -1}) if high <= 0 else None

    def shift(self, a: Polynomial, b: Polynomial, op: str) -> Polynomial | None:
        """A shift by a constant is a multiplication or a division."""
        count = _constant(b)
        if count is None or not 0 <= count < 62:
            return None
        power: Polynomial = {(): 1 << count}
        return _mul(a, power) if op == "left_shift" else self.divide(a, power, "int_div")


def _quotients(ends: _Interval, divisor: int, op: str) -> _Interval:
    """Bounds of ``a // divisor`` or ``a % divisor`` for `a` between `ends`."""
    if op == "mod":
        return (0, divisor - 1) if divisor > 0 else (divisor + 1, 0)
    found = [int(e) // divisor if abs(e) < inf else e * divisor for e in ends]
    return min(found), max(found)


_RULES: dict[str, Callable[..., Polynomial | None]] = {
    "add": lambda s, a, b: _add(a, b),
    "sub": lambda s, a, b: _add(a, b, -1),
    "mul": lambda s, a, b: _mul(a, b),
    "neg": lambda s, a: _mul(a, {(): -1}),
    "sqr": lambda s, a: _mul(a, a),
    "identity": lambda s, a: a,
    "int_div": lambda s, a, b: s.divide(a, b, "int_div"),
    "mod": lambda s, a, b: s.divide(a, b, "mod"),
    "minimum": lambda s, a, b: s.extremum(a, b, "minimum"),
    "maximum": lambda s, a, b: s.extremum(a, b, "maximum"),
    "clip": lambda s, a, low, high: s.extremum(s.extremum(a, low, "maximum"), high, "minimum"),
    "abs": _Algebra.magnitude,
    "switch": _Algebra.choose,
    "left_shift": lambda s, a, b: s.shift(a, b, "left_shift"),
    "right_shift": lambda s, a, b: s.shift(a, b, "right_shift"),
    "eq": lambda s, a, b: s.compare(a, b, "eq"),
    "neq": lambda s, a, b: s.compare(a, b, "neq"),
    "lt": lambda s, a, b: s.compare(a, b, "lt"),
    "le": lambda s, a, b: s.compare(a, b, "le"),
    "gt": lambda s, a, b: s.compare(a, b, "gt"),
    "ge": lambda s, a, b: s.compare(a, b, "ge"),
}
"""Rewrites of calls whose operands are int64 or boolean, by the name of the row."""


def _call(name: str, *operands: Expr) -> Call:
    """A call on int64 operands, without the dtype rule that a general call needs."""
    return Call(rows()[name], operands, "int64")


def _integer(value: int) -> Const:
    return Const(value, "int64")
