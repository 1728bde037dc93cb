"""The algebra behind `symnet.scalar.integer`: integer expressions as polynomials over atoms.

Python integers throughout, no recursion, and atoms named by strings, whose hashes the interpreter
caches: this runs on thousands of expressions per compilation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import gcd, inf
from typing import Any

from symnet.scalar.expr import Call, Const, Expr, Load, Symbol, rows
from symnet.scalar.integer_values import apply

Monomial = tuple[str, ...]
"""Keys of the factors, sorted; ``()`` is the constant term."""
Polynomial = dict[Monomial, int]
"""Coefficients, none of them zero."""
Range = tuple[int | None, int | None]
"""Least and greatest value; None where there is no bound."""
Interval = tuple[float, float]

_LONGEST_KEY = 400
"""Characters of the name of an atom, above which it is named by their digest."""
_UNBOUNDED: Interval = (-inf, inf)
_ZERO: Polynomial = {}
_COMPARISONS = frozenset({"eq", "neq", "lt", "le", "gt", "ge"})


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


def _number(value: int) -> Polynomial:
    """The polynomial of a constant."""
    return {(): int(value)} if value else _ZERO


def _floor_all(p: Polynomial, divisor: int) -> Polynomial:
    """The quotients of the coefficients."""
    return {m: c // divisor for m, c in p.items() if c // divisor}


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
class Algebra:
    """One simplification: the atoms met so far and what is known of them.

    A node is read once (by identity) into a polynomial, or, for a node that is not an int64, into
    the one-term polynomial of an atom that stands for it.
    """

    ranges: Mapping[str, Range]
    atoms: dict[str, Expr] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)
    extrema: dict[str, tuple[str, list[Polynomial]]] = field(default_factory=dict)
    quotients: dict[str, tuple[Polynomial, Polynomial]] = field(default_factory=dict)
    remainders: dict[str, tuple[Polynomial, Polynomial]] = field(default_factory=dict)
    polynomials: dict[int, Polynomial] = field(default_factory=dict)
    kinds: dict[Expr, int] = field(default_factory=dict)
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
                # Of a kind that only its user knows, as fusion's elements of values; numbered by
                # what it is but for its operands, in the order of meeting them.
                kind = self.kinds.setdefault(x.with_args(()), len(self.kinds))
                operands = "".join([self._key_of_operand(a) for a in x.args])
                key = f"{kind}\7{x.dtype}\0{operands}"
        if len(key) > _LONGEST_KEY:
            # What stands in many places would be written out in each of them, and in each of those.
            key = f"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}\0"
        if key not in self.atoms:
            self.atoms[key] = x
            self.intervals[key] = self._interval_of_symbol(x)
        return key

    def _key_of_operand(self, x: Expr) -> str:
        """A key made of what `read` found, so that keys cost no second traversal."""
        p = self.polynomials[id(x)]
        terms = [f"{c}\5{len(m)}\0{''.join(m)}" for m, c in sorted(p.items())]
        return f"{x.dtype}\6{len(terms)}\0{''.join(terms)}"

    def _interval_of_symbol(self, x: Expr) -> Interval:
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
                return _number(x.value)
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
        if name in _COMPARISONS:
            return all(a.dtype == "int64" for a in x.operands)
        return x.dtype == "int64" or name == "switch"

    def _again(self, x: Expr) -> Expr:
        """An expression this object built, read if it was not."""
        if id(x) not in self.polynomials:
            self.read(x)
        return x

    def _opaque(self, x: Call, operands: list[Polynomial]) -> Polynomial:
        """A call no rule applies to: a constant, or an atom with simplified operands."""
        if x.dtype in ("int64", "bool") and not any(p and _constant(p) is None for p in operands):
            return _number(apply(x, tuple(_constant(p) for p in operands)))
        pairs = zip(operands, x.operands, strict=True)
        args = tuple([self._again(self.expression(p, a)) for p, a in pairs])
        if x.op.commutative and args[0].dtype in ("int64", "bool"):
            # In one order, constants last.
            args = tuple(
                sorted(args, key=lambda a: (isinstance(a, Const), self._key_of_operand(a)))
            )
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

    def interval(self, p: Polynomial) -> Interval:
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
        if divisor is None:
            return self.quotient_atom(a, b, op)
        whole: Polynomial = {}
        rest: Polynomial = {}
        for m, c in a.items():
            if m and c % divisor:
                rest[m] = c
                continue
            if c // divisor:
                whole[m] = c // divisor
            if c % divisor:
                rest[m] = c % divisor
        low, high = self.interval(rest)
        if low > -inf and high < inf and int(low) // divisor == int(high) // divisor:
            # All values have one quotient.
            q: Polynomial = _number(int(low) // divisor)
            return _add(whole, q) if op == "int_div" else _add(rest, _mul(q, b), -1)
        if op == "mod":
            return self.remainder_by_constant(rest, divisor)
        return _add(whole, self.quotient_by_constant(rest, divisor))

    def quotient_by_constant(self, a: Polynomial, divisor: int) -> Polynomial:
        """``a // divisor`` for what has no multiples of the divisor left.

        ``(g*r + k) // (g*c) == (r + k//g) // c`` and ``(x//b + k) // c == (x + k*b) // (b*c)`` for
        divisors above zero.
        """
        if divisor > 0:
            g = gcd(divisor, *(c for m, c in a.items() if m))
            if g > 1:
                return self.divide(_floor_all(a, g), {(): divisor // g}, "int_div")
            inner = [m for m in a if m]
            if len(inner) == 1 and len(inner[0]) == 1 and a[inner[0]] == 1:
                x, b = self.quotients.get(inner[0][0], (_ZERO, _ZERO))
                below = _constant(b)
                if below is not None and below > 0:
                    x = _add(x, _number(a.get((), 0) * below))
                    return self.divide(x, {(): below * divisor}, "int_div")
        return self.quotient_atom(a, {(): divisor}, "int_div")

    def remainder_by_constant(self, a: Polynomial, divisor: int) -> Polynomial:
        """``a % divisor`` for what has no multiples of the divisor left.

        ``(g*r + k) % (g*c) == g * ((r + k//g) % c) + k%g`` for a divisor above zero, and
        ``(x % (b*c)) % c == x % c``.
        """
        if divisor > 0:
            g = gcd(divisor, *(c for m, c in a.items() if m))
            if g > 1:
                left = _number(a.get((), 0) % g)
                inner = self.divide(_floor_all(a, g), {(): divisor // g}, "mod")
                return _add(_mul(inner, {(): g}), left)
            for m, c in a.items():
                if len(m) == 1 and m[0] in self.remainders:
                    x, b = self.remainders[m[0]]
                    above = _constant(b)
                    if above and above % divisor == 0:
                        outer = _add(_add(a, {m: c}, -1), _mul(x, {(): c}))
                        return self.divide(outer, {(): divisor}, "mod")
        return self.quotient_atom(a, {(): divisor}, "mod")

    def quotient_atom(self, a: Polynomial, b: Polynomial, op: str) -> Polynomial:
        """``a // b`` or ``a % b`` as it is."""
        p = self.atom(_call(op, self._again(self.build(a)), self._again(self.build(b))))
        ((key,),) = p
        (self.quotients if op == "int_div" else self.remainders)[key] = a, b
        divisor = _constant(b)
        if divisor is not None:
            self.intervals[key] = _quotients(self.interval(a), divisor, op)
        return p

    def join(self, p: Polynomial) -> Polynomial:
        """Put ``b * (a // b) + a % b`` together again, where b cannot be zero."""
        for m, c in p.items() if self.remainders and self.quotients else ():
            for key in m:
                if key not in self.remainders:
                    continue
                a, b = self.remainders[key]
                low, high = self.interval(b)
                if low <= 0 <= high:
                    continue
                # Where a is a quotient itself, a // b is one of what a divides.
                quotient = self.divide(a, b, "int_div")
                others = list(m)
                others.remove(key)
                factor: Polynomial = {tuple(others): c}
                multiple = _mul(_mul(b, quotient), factor)
                if multiple and all(p.get(n) == d for n, d in multiple.items()):
                    rest = _add(_add(p, multiple, -1), {m: c}, -1)
                    return self.join(_add(rest, _mul(a, factor)))
        return p

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

    def compare(self, a: Polynomial, b: Polynomial, op: str) -> Polynomial:
        """A comparison: decided by the bounds of the difference, or of what is left on each side.

        Every term stands on the side where it is positive, and the lesser side comes first.
        """
        if op in ("gt", "ge"):
            return self.compare(b, a, "lt" if op == "gt" else "le")
        difference = _add(a, b, -1)
        low, high = self.interval(difference)
        match op:
            case "lt":
                truth = True if high < 0 else False if low >= 0 else None
            case "le":
                truth = True if high <= 0 else False if low > 0 else None
            case _:
                truth = True if low == high == 0 else False if low > 0 or high < 0 else None
                truth = truth if truth is None or op == "eq" else not truth
        if truth is not None:
            return _number(truth)
        left = {m: c for m, c in difference.items() if c > 0}
        right = {m: -c for m, c in difference.items() if c < 0}
        if op in ("eq", "neq") and sorted(left.items()) < sorted(right.items()):
            left, right = right, left
        sides = self._again(self.build(left)), self._again(self.build(right))
        return self.atom(Call(rows()[op], sides, "bool"))

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


def _quotients(ends: Interval, divisor: int, op: str) -> Interval:
    """Bounds of ``a // divisor`` or ``a % divisor`` for `a` between `ends`."""
    if op == "mod":
        return (0, divisor - 1) if divisor > 0 else (divisor + 1, 0)
    found = [int(e) // divisor if abs(e) < inf else e * divisor for e in ends]
    return min(found), max(found)


_RULES: dict[str, Callable[..., Polynomial | None]] = {
    "add": lambda s, a, b: s.join(_add(a, b)),
    "sub": lambda s, a, b: s.join(_add(a, b, -1)),
    "mul": lambda s, a, b: _mul(a, b),
    "neg": lambda s, a: _mul(a, {(): -1}),
    "sqr": lambda s, a: _mul(a, a),
    "identity": lambda s, a: a,
    "int_div": lambda s, a, b: s.divide(a, b, "int_div"),
    "mod": lambda s, a, b: s.divide(a, b, "mod"),
    "minimum": lambda s, a, b: s.extremum(a, b, "minimum"),
    "maximum": lambda s, a, b: s.extremum(a, b, "maximum"),
    "clip": lambda s, a, low, high: s.extremum(s.extremum(a, low, "maximum"), high, "minimum"),
    "abs": Algebra.magnitude,
    "switch": Algebra.choose,
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
    # The algebra is that of integers modulo 2**64, as the machine's is.
    return Const((value + (1 << 63)) % (1 << 64) - (1 << 63), "int64")
