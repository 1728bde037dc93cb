"""Scalar expressions as C++: a function for every primitive row, a library function for many more.

`combine` writes the application of one row to C++ operands; `Expressions` writes whole
expressions, naming what is used twice. Rows without an entry here are written in terms of those
that have one (`symnet.scalar.expand`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from symnet import dtypes
from symnet.kernel import Let, Store
from symnet.scalar import TABLE, Call, Const, Expr, Load, ScalarOp, Symbol, expand, rebuild, walk
from symnet_cuda import types
from symnet_cuda.text import (
    AND,
    BIT_AND,
    BIT_OR,
    BIT_XOR,
    CHOICE,
    EQUALITY,
    OR,
    ORDER,
    PRIMARY,
    PRODUCT,
    SHIFT,
    SUM,
    UNARY,
    Names,
    Text,
    Writer,
)

_FUNCTIONS = {
    "sqrt": "sqrt", "copysign": "copysign", "fma": "fma", "abs": "fabs",
    "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint",
    "exp": "exp", "exp2": "exp2", "expm1": "expm1",
    "log": "log", "log2": "log2", "log10": "log10", "log1p": "log1p",
    "sin": "sin", "cos": "cos", "tan": "tan",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "erf": "erf", "erfc": "erfc", "pow": "pow",
}  # fmt: skip
"""Rows that are functions of CUDA's mathematics library, the accurate ones (not intrinsics)."""

NATIVE = frozenset(_FUNCTIONS)
"""Names of the rows that are not expanded."""

_ARITHMETIC = {"add": ("+", SUM), "sub": ("-", SUM), "mul": ("*", PRODUCT)}
_OPERATORS = {
    "true_div": ("/", PRODUCT), "quotient": ("/", PRODUCT), "remainder": ("%", PRODUCT),
    "eq": ("==", EQUALITY), "neq": ("!=", EQUALITY),
    "lt": ("<", ORDER), "le": ("<=", ORDER), "gt": (">", ORDER), "ge": (">=", ORDER),
    "logical_and": ("&&", AND), "logical_or": ("||", OR), "logical_xor": ("!=", EQUALITY),
    "bitwise_and": ("&", BIT_AND), "bitwise_or": ("|", BIT_OR), "bitwise_xor": ("^", BIT_XOR),
}  # fmt: skip
_OF_BOOLEANS = {
    "add": "logical_or", "maximum": "logical_or", "bitwise_or": "logical_or",
    "mul": "logical_and", "minimum": "logical_and", "bitwise_and": "logical_and",
    "bitwise_xor": "logical_xor", "invert": "logical_not",
}  # fmt: skip
_BITCASTS = {
    "bitcast_int32": "__float_as_int",
    "bitcast_float32": "__int_as_float",
    "bitcast_int64": "__double_as_longlong",
    "bitcast_float64": "__longlong_as_double",
}
_ROUNDING = frozenset({"floor", "ceil", "trunc", "rint"})


def _infix(sign: str, level: int, a: Text, b: Text) -> Text:
    return Text(f"{a.at(level)} {sign} {b.at(level + 1)}", level)


def _converted(x: Text, ctype: str) -> Text:
    return Text(f"({ctype}){x.at(UNARY)}", UNARY)


def _wrapped(sign: str, level: int, a: Text, b: Text, dtype: str) -> Text:
    """Arithmetic that wraps around: signed overflow has no meaning in C++."""
    unsigned = types.wrapping(dtype)
    inner = _infix(sign, level, _converted(a, unsigned), b)
    return _converted(inner, types.register(dtype))


def _narrow(dtype: str) -> bool:
    """Whether C++ computes in `int` what has this dtype."""
    return dtypes.is_discrete(dtype) and dtypes.itemsize(dtype) < 4


def combine(op: ScalarOp, operands: Sequence[Text], dtype: str, plain: bool = False) -> Text:
    """Write a row applied to operands.

    Parameters
    ----------
    op
        A row that is primitive or in `NATIVE`.
    operands
        Their texts. One that is used several times must be a name (see `repeats`).
    dtype
        The dtype of the operands (of the second, for `switch`).
    plain
        Whether integers are known not to overflow, as those of addresses are.
    """
    name = op.name
    if dtype == "bool":
        name = _OF_BOOLEANS.get(name, name)
    if name.startswith("cast_"):
        return _cast(operands[0], dtype, name.removeprefix("cast_"))
    if name in _BITCASTS:
        return Text(f"{_BITCASTS[name]}({operands[0].code})")
    if name in _OPERATORS:
        result = _infix(*_OPERATORS[name], *operands)
        integral = name in ("quotient", "remainder") or name.startswith("bitwise")
        return _converted(result, types.register(dtype)) if integral and _narrow(dtype) else result
    if name in _ARITHMETIC:
        sign, level = _ARITHMETIC[name]
        if plain or dtypes.is_float(dtype) or dtype in ("uint32", "uint64"):
            return _infix(sign, level, *operands)
        return _wrapped(sign, level, operands[0], operands[1], dtype)
    match name:
        case "switch":
            parts = [x.at(CHOICE + 1) for x in operands]
            return Text(f"{parts[0]} ? {parts[1]} : {parts[2]}", CHOICE)
        case "minimum" | "maximum":
            x, y = (x.at(ORDER + 1) for x in operands)
            test = f"{x} {'<' if name == 'minimum' else '>'} {y}"
            if dtypes.is_float(dtype):  # a NaN wins over any number
                test = f"{test} || {x} != {x}"
            return Text(f"{test} ? {x} : {y}", CHOICE)
        case "neg" if dtypes.is_float(dtype) or plain:
            return Text(f"-{operands[0].at(UNARY)}", UNARY)
        case "neg":
            return _wrapped("-", SUM, Text("0"), operands[0], dtype)
        case "invert":
            return _converted(Text(f"~{operands[0].at(UNARY)}", UNARY), types.register(dtype))
        case "logical_not":
            return Text(f"!{operands[0].at(UNARY)}", UNARY)
        case "shl":
            a, b = operands
            left = _converted(a, types.wrapping(dtype))
            return _converted(_infix("<<", SHIFT, left, b), types.register(dtype))
        case "shr":
            return _converted(_infix(">>", SHIFT, *operands), types.register(dtype))
        case "abs" if dtype in dtypes.SIGNED:
            a = operands[0]
            negated = _wrapped("-", SUM, Text("0"), a, dtype)
            return Text(f"{a.at(ORDER)} < 0 ? {negated.code} : {a.at(CHOICE + 1)}", CHOICE)
        case "abs" if dtypes.is_discrete(dtype):
            return operands[0]
    if name in _ROUNDING and dtypes.is_discrete(dtype):
        return operands[0]
    suffix = "f" if dtype == "float32" else ""
    return Text(f"{_FUNCTIONS[name]}{suffix}({', '.join(x.code for x in operands)})")


def repeats(op: ScalarOp, dtype: str) -> bool:
    """Whether the text of a row mentions an operand more than once."""
    return (op.name in ("minimum", "maximum") and dtype != "bool") or (
        op.name == "abs" and dtype in dtypes.SIGNED
    )


def _cast(x: Text, source: str, target: str) -> Text:
    if source == target:
        return x
    if target == "bool":
        zero = types.literal(0, source)
        return Text(f"{x.at(EQUALITY)} != {zero}", EQUALITY)
    return _converted(x, types.register(target))


@dataclass(slots=True)
class Expressions:
    """Writes expressions into the body of a function.

    Attributes
    ----------
    writer, names
        Where declarations go, and where their names come from.
    buffers
        C++ names of the buffers that loads name.
    symbols
        Texts of the symbols in scope.
    exact
        Symbols whose integer arithmetic is known not to overflow: axes and sizes.
    natural
        Symbols that are never negative: axes.
    """

    writer: Writer
    names: Names
    buffers: dict[str, str]
    symbols: dict[Symbol, Text] = field(default_factory=dict)
    exact: set[Expr] = field(default_factory=set)
    natural: set[Expr] = field(default_factory=set)

    def bind(self, symbol: Symbol) -> str:
        """Give a symbol a C++ name, which the caller declares."""
        name = self.names.fresh(symbol.name)
        self.symbols[symbol] = Text(name)
        return name

    def bind_axis(self, symbol: Symbol) -> str:
        """Give an axis a C++ name, which the caller declares."""
        self.exact.add(symbol)
        self.natural.add(symbol)
        return self.bind(symbol)

    def declare(self, symbol: Symbol, value: Text) -> None:
        """Declare a variable that stands for a symbol and does not change."""
        # The value may mention an outer variable of this name: take the new name afterwards.
        name = self.names.fresh(symbol.name)
        self.writer.line(f"const {types.register(symbol.dtype)} {name} = {value.code};")
        self.symbols[symbol] = Text(name)

    def write(self, *roots: Expr) -> list[Text]:
        """Return the texts of expressions, after declarations of what they share."""
        expanded = [prepare(x, self.natural) for x in roots]
        order = list(walk(*expanded))
        uses = _uses(expanded, order)
        done: dict[Expr, Text] = {}
        plain: set[Expr] = set()
        for x in order:
            plainly_called = isinstance(x, Call) and all(a in plain for a in x.operands)
            if plainly_called or isinstance(x, Const) or x in self.exact:
                plain.add(x)
            text = self._text(x, done, x in plain)
            if not isinstance(x, Const | Symbol) and (uses[x] > 1 or len(text.code) > _LONG):
                name = self.names.fresh("t")
                self.writer.line(f"const {types.register(x.dtype)} {name} = {text.code};")
                text = Text(name)
            done[x] = text
        return [done[x] for x in expanded]

    def let(self, stmt: Let) -> None:
        """Write the declaration of a value."""
        (value,) = self.write(stmt.value)
        self.declare(stmt.symbol, value)

    def store(self, stmt: Store) -> None:
        """Write an assignment to an element."""
        offset, value = self.write(stmt.offset, stmt.value)
        self.writer.line(f"{self.element(stmt.buffer, offset)} = {value.code};")

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Forget after a ``with`` block what was bound in it; its names are free again."""
        outer, taken = dict(self.symbols), set(self.names.taken)
        yield
        self.symbols, self.names.taken = outer, taken

    def element(self, buffer: str, offset: Text) -> str:
        """An element of a buffer."""
        # An index that is a plain number needs no suffix to say that it is 64 bits wide.
        index = offset.code.removesuffix("LL") if offset.code[0].isdigit() else offset.code
        return f"{self.buffers[buffer]}[{index}]"

    def _text(self, x: Expr, done: dict[Expr, Text], plain: bool) -> Text:
        match x:
            case Const():
                text = types.literal(x.value, x.dtype)
                return Text(text, UNARY if text.startswith("-") else PRIMARY)
            case Symbol():
                return self.symbols[x]
            case Load():
                element = self.element(x.buffer, done[x.offset])
                return Text(f"{element} != 0", EQUALITY) if x.dtype == "bool" else Text(element)
            case Call():
                dtype = x.operands[1 if x.op.name == "switch" else 0].dtype
                operands = [done[a] for a in x.operands]
                if plain and all(a.dtype == "int64" for a in x.operands):
                    operands = _bare(x, operands)
                return combine(x.op, operands, dtype, plain)
        raise TypeError(f"not an expression: {x!r}")


_LONG = 64
"""Texts longer than this become declarations of their own, for people's sake."""


def _uses(roots: Iterable[Expr], order: Iterable[Expr]) -> Counter[Expr]:
    """How often the text of each expression will be mentioned."""
    uses = Counter(roots)
    for x in order:
        dtype = x.args[0].dtype if x.args else ""
        weight = 2 if isinstance(x, Call) and repeats(x.op, dtype) else 1
        for a in x.args:
            uses[a] += weight
    return uses


def prepare(root: Expr, natural: Collection[Expr]) -> Expr:
    """Choose the rows an expression is written in where the general expansion can be bettered.

    Floor divisions of addresses become the machine's own where no operand can be negative; powers
    of floating point numbers stay, to be calls of a library function.

    Parameters
    ----------
    root
        Any expression.
    natural
        Symbols that are never negative.
    """
    done: dict[Expr, Expr] = {}
    known: set[Expr] = set()
    for x in walk(root):
        y = rebuild(x, tuple(done[a] for a in x.args))
        if isinstance(x, Const):
            positive = x.dtype == "int64" and x.value >= 0
        elif isinstance(x, Call) and isinstance(y, Call):
            name, last = x.op.name, x.operands[-1]
            positive = name in _NATURAL and all(a in known for a in x.operands)
            if name in _DIVISIONS:
                positive = positive and isinstance(last, Const) and last.value > 0
                y = Call(TABLE[_DIVISIONS[name]], y.operands, y.dtype) if positive else y
            elif name == "pow" and not _is_library_power(x):
                y = expand(y, NATIVE - {"pow"})
        else:
            positive = x in natural
        if positive:
            known.add(x)
        done[x] = y
    return expand(done[root], NATIVE)


def _is_library_power(x: Call) -> bool:
    exponent = x.operands[1]
    simple = isinstance(exponent, Const) and exponent.value in (1, 2, 3, -1, -2)
    return dtypes.is_float(x.dtype) and not simple


_DIVISIONS = {"int_div": "quotient", "mod": "remainder"}
_NATURAL = frozenset({"add", "mul", "minimum", "maximum", "int_div", "mod"})


def _bare(x: Call, operands: list[Text]) -> list[Text]:
    """Small constants of addresses without their suffix: the other operand has the type."""
    if all(isinstance(a, Const) for a in x.operands):
        return operands
    return [
        Text(str(a.value), t.level) if isinstance(a, Const) and abs(a.value) < 2**31 else t
        for a, t in zip(x.operands, operands, strict=True)
    ]
