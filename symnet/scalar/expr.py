"""Scalar expressions: what a kernel computes at one point of its iteration space.

An expression is an immutable DAG of `Const`, `Symbol`, `Load` and `Call` nodes. The same class
serves the integers of shapes and addresses (int64 expressions over dims) and the arithmetic
inside kernels, so that one simplifier, one printer and one code generator serve both.

`ScalarOp` is one row of the scalar table (`symnet.scalar.table`). A row is callable on anything
that understands it: NumPy values, scalar expressions, and symbolic tensors. A derivative or an
expansion written once therefore works in gradients, in kernels and in tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from symnet import dtypes

_PYTHON_NUMBERS = (bool, int, float)  # weak operands, as in symbolic expressions


@dataclass(frozen=True, slots=True, eq=False)
class ScalarOp:
    """One elementwise operation: everything symnet knows of it.

    Attributes
    ----------
    name
        The name users write.
    arity
        Number of operands.
    rule
        The dtypes it computes in (`symnet.dtypes`).
    numpy
        Its meaning: a NumPy function of arrays that already have the operand dtypes.
    partials
        For each operand the partial derivative as a function ``(*operands, out) -> expr``, written
        with table rows and operators; None where the derivative is zero everywhere it exists.
    expand
        The operation in terms of other rows, for code generators that have no instruction for it;
        None for primitives, which every backend knows.
    commutative, associative
        Traits that rewrites use.
    identity
        The value `e` with ``op(x, e) == x``; needed to reduce with the operation.
    domain
        Interval of inputs over which tests draw operands, one pair for each operand; None means
        the whole line.
    ulp
        Greatest error of the compiled operation in units in the last place (float32 and float64)
        against a correctly rounded result, which tests hold it to; 0 is exact.
    doc
        One sentence for users.
    """

    name: str
    arity: int
    rule: dtypes.DtypeRule
    numpy: Callable[..., Any]
    partials: tuple[Callable[..., Any] | None, ...] = ()
    expand: Callable[..., Any] | None = None
    commutative: bool = False
    associative: bool = False
    identity: float | bool | None = None
    domain: tuple[tuple[float, float] | None, ...] = ()
    ulp: float = 0
    doc: str = ""

    def __call__(self, *operands: Any) -> Any:
        """Apply to NumPy values, scalar expressions or symbolic tensors alike."""
        if len(operands) != self.arity:
            raise TypeError(f"{self.name} takes {self.arity} operands, got {len(operands)}")
        for operand in operands:
            if isinstance(operand, Operand):
                return operand.apply_scalar(self, operands)
        return self.evaluate(*operands)

    def evaluate(self, *operands: Any) -> np.ndarray[Any, Any]:
        """The NumPy meaning, with operands converted and the result in the declared dtype."""
        strong = [np.asarray(x).dtype.name for x in operands if type(x) not in _PYTHON_NUMBERS]
        arrays = [
            np.asarray(x, dtypes.weak(x, strong) if type(x) in _PYTHON_NUMBERS else None)
            for x in operands
        ]
        signature = self.rule(tuple(a.dtype.name for a in arrays))
        with np.errstate(all="ignore"):
            converted = [
                a.astype(d, copy=False) for a, d in zip(arrays, signature.operands, strict=True)
            ]
            return np.asarray(self.numpy(*converted)).astype(signature.result, copy=False)

    def __reduce__(self) -> tuple[Any, ...]:
        # There is one object of each row: rows of the table travel by name, others by their parts.
        if rows().get(self.name) is self:
            return _table_row, (self.name,)
        return ScalarOp, tuple(getattr(self, f.name) for f in fields(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> ScalarOp:
        return self

    def __repr__(self) -> str:
        return self.name


def _table_row(name: str) -> ScalarOp:
    return rows()[name]


def by_parts(x: Any) -> tuple[Any, ...]:
    """How a dataclass is pickled: as a call of its class, which makes what is not a parameter anew.

    Hashes of strings, for one, differ from process to process.
    """
    kind = type(x)
    if kind not in _PARAMETERS:
        _PARAMETERS[kind] = tuple(f.name for f in fields(x) if f.init)
    return kind, tuple([getattr(x, name) for name in _PARAMETERS[kind]])


_PARAMETERS: dict[type, tuple[str, ...]] = {}


class Operand:
    """What table rows can be applied to: gives Python's operators to expressions and tensors.

    Comparison operators other than ``==`` and ``!=`` build expressions; equality stays Python's
    own, as in Theano (`eq` and `neq` build expressions).
    """

    __slots__ = ()
    __array_ufunc__ = None  # NumPy arrays and scalars defer to our reflected operators

    def apply_scalar(self, op: ScalarOp, operands: tuple[Any, ...]) -> Any:
        """Build the application of `op` to `operands`, of which `self` is one."""
        raise NotImplementedError

    def __add__(self, other: Any) -> Any:
        return rows()["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return rows()["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return rows()["sub"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return rows()["sub"](other, self)

    def __mul__(self, other: Any) -> Any:
        return rows()["mul"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return rows()["mul"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return rows()["true_div"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return rows()["true_div"](other, self)

    def __floordiv__(self, other: Any) -> Any:
        return rows()["int_div"](self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return rows()["int_div"](other, self)

    def __mod__(self, other: Any) -> Any:
        return rows()["mod"](self, other)

    def __rmod__(self, other: Any) -> Any:
        return rows()["mod"](other, self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __pow__(self, other: Any) -> Any:
        return rows()["pow"](self, other)

    def __rpow__(self, other: Any) -> Any:
        return rows()["pow"](other, self)

    def __and__(self, other: Any) -> Any:
        return rows()["bitwise_and"](self, other)

    def __rand__(self, other: Any) -> Any:
        return rows()["bitwise_and"](other, self)

    def __or__(self, other: Any) -> Any:
        return rows()["bitwise_or"](self, other)

    def __ror__(self, other: Any) -> Any:
        return rows()["bitwise_or"](other, self)

    def __xor__(self, other: Any) -> Any:
        return rows()["bitwise_xor"](self, other)

    def __rxor__(self, other: Any) -> Any:
        return rows()["bitwise_xor"](other, self)

    def __lshift__(self, other: Any) -> Any:
        return rows()["left_shift"](self, other)

    def __rshift__(self, other: Any) -> Any:
        return rows()["right_shift"](self, other)

    def __neg__(self) -> Any:
        return rows()["neg"](self)

    def __pos__(self) -> Any:
        return self

    def __invert__(self) -> Any:
        return rows()["invert"](self)

    def __abs__(self) -> Any:
        return rows()["abs"](self)

    def __lt__(self, other: Any) -> Any:
        return rows()["lt"](self, other)

    def __le__(self, other: Any) -> Any:
        return rows()["le"](self, other)

    def __gt__(self, other: Any) -> Any:
        return rows()["gt"](self, other)

    def __ge__(self, other: Any) -> Any:
        return rows()["ge"](self, other)


def rows() -> Mapping[str, ScalarOp]:
    """The scalar table by name (read late: the table's own expansions use operators)."""
    from symnet.scalar.table import TABLE

    return TABLE


class Expr(Operand):
    """A scalar expression: `Const`, `Symbol`, `Load` or `Call`; equal when structurally equal."""

    __slots__ = ()
    dtype: str
    _hash: int

    @property
    def args(self) -> tuple[Expr, ...]:
        """Sub-expressions."""
        return ()

    def with_args(self, args: tuple[Expr, ...]) -> Expr:
        """This node with other sub-expressions."""
        return self

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return by_parts(self)

    def apply_scalar(self, op: ScalarOp, operands: tuple[Any, ...]) -> Expr:
        """Build a `Call`; Python numbers among the operands take their partners' dtype."""
        strong = [x.dtype for x in operands if isinstance(x, Expr)]
        given = [x if isinstance(x, Expr) else Const(x, dtypes.weak(x, strong)) for x in operands]
        signature = op.rule(tuple(x.dtype for x in given))
        converted = [cast(x, d) for x, d in zip(given, signature.operands, strict=True)]
        return Call(op, tuple(converted), signature.result)


@dataclass(frozen=True, slots=True, eq=False)
class Const(Expr):
    """A number of a dtype."""

    value: Any
    dtype: str
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        value = self.value
        if not (self.dtype == "int64" and type(value) is int):  # what addresses are made of
            value = np.asarray(value).astype(self.dtype).item()
            object.__setattr__(self, "value", value)
        # NaN hashes by identity, but two NaN are one constant.
        key = value if value == value else "nan"
        object.__setattr__(self, "_hash", hash((self.dtype, key)))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Const)
            and self.dtype == other.dtype
            and _same_number(self.value, other.value)
        )

    __hash__ = Expr.__hash__


def _same_number(a: Any, b: Any) -> bool:
    """Whether two constants are one: -0.0 is not 0.0, NaN is NaN."""
    if a != b:
        return bool(a != a and b != b)
    return a != 0 or math.copysign(1, a) == math.copysign(1, b)


@dataclass(frozen=True, slots=True, eq=False)
class Symbol(Expr):
    """A name: a loop axis, a dim, an integer input, an accumulator or a value bound by `Let`."""

    name: str
    dtype: str = "int64"
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((Symbol, self.name, self.dtype)))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Symbol) and self.name == other.name and self.dtype == other.dtype
        )

    __hash__ = Expr.__hash__


@dataclass(frozen=True, slots=True, eq=False)
class Load(Expr):
    """The element of a buffer at `offset`, counted in elements from its first."""

    buffer: str
    offset: Expr
    dtype: str
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((Load, self.buffer, self.offset, self.dtype)))

    @property
    def args(self) -> tuple[Expr, ...]:
        """The offset."""
        return (self.offset,)

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Load) and self._hash == other._hash and _same_structure(self, other)
        )

    __hash__ = Expr.__hash__


@dataclass(frozen=True, slots=True, eq=False)
class Call(Expr):
    """A table row applied to operands that have the dtypes its rule asks for."""

    op: ScalarOp
    operands: tuple[Expr, ...]
    dtype: str
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.op.name, self.operands, self.dtype)))

    @property
    def args(self) -> tuple[Expr, ...]:
        """The operands."""
        return self.operands

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Call) and self._hash == other._hash and _same_structure(self, other)
        )

    __hash__ = Expr.__hash__


def _same_structure(a: Expr, b: Expr) -> bool:
    """Whether two expressions are equal: no recursion, and each pair of nodes compared once."""
    stack, seen = [(a, b)], set[tuple[int, int]]()
    while stack:
        x, y = stack.pop()
        if x is y or (id(x), id(y)) in seen:
            continue
        seen.add((id(x), id(y)))
        match x, y:
            case Call(), Call():
                if x.op is not y.op or x.dtype != y.dtype or len(x.operands) != len(y.operands):
                    return False
                stack.extend(zip(x.operands, y.operands, strict=True))
            case Load(), Load():
                if x.buffer != y.buffer or x.dtype != y.dtype:
                    return False
                stack.append((x.offset, y.offset))
            case _ if x != y:
                return False
    return True


def cast_to(dtype: str) -> ScalarOp:
    """The table row that converts to `dtype` (truncating toward zero into integers)."""
    return rows()[f"cast_{dtype}"]


def cast(x: Expr, dtype: str) -> Expr:
    """`x` converted to `dtype`; itself where it already is."""
    if x.dtype == dtype:
        return x
    if isinstance(x, Const):
        return Const(cast_to(dtype).evaluate(np.asarray(x.value, x.dtype))[()], dtype)
    return Call(cast_to(dtype), (x,), dtype)


def const(value: Any, dtype: str = "int64") -> Const:
    """A constant, an int64 unless said otherwise."""
    if type(value) is int and dtype == "int64":
        found = _INTEGERS.get(value)
        if found is None:
            found = Const(value, dtype)
            if len(_INTEGERS) < _KNOWN:
                _INTEGERS[value] = found
        return found
    return Const(value, dtype)


_INTEGERS: dict[int, Const] = {}
"""Integers that recur, as lengths do: what is one object is quickly found equal."""
_KNOWN = 10_000


def walk(*roots: Expr) -> list[Expr]:
    """Every distinct sub-expression once, operands before what uses them."""
    seen: set[Expr] = set()
    found: list[Expr] = []
    stack: list[Expr | None] = [*reversed(roots)]
    while stack:
        x = stack.pop()
        if x is None:  # the operands of what lies below are done
            x = stack.pop()
            assert x is not None
            found.append(x)
        elif x not in seen:
            seen.add(x)
            args = x.args
            if args:
                stack += (x, None, *reversed(args))
            else:
                found.append(x)
    return found


def rebuild(x: Expr, args: tuple[Expr, ...]) -> Expr:
    """`x` with other sub-expressions."""
    match x:
        case Call():
            return x if args == x.operands else Call(x.op, args, x.dtype)
        case Load():
            return x if args == x.args else Load(x.buffer, args[0], x.dtype)
    return x.with_args(args)


def substitute(root: Expr, replacement: Mapping[Expr, Expr]) -> Expr:
    """`root` with whole sub-expressions replaced."""
    done: dict[Expr, Expr] = {}
    for x in walk(root):
        found = replacement.get(x)
        if found is None:
            args = x.args
            found = rebuild(x, tuple([done[a] for a in args])) if args else x
        done[x] = found
    return done[root]


def expand(root: Expr, native: frozenset[str]) -> Expr:
    """Expand every call whose row is not in `native` until only primitives and natives remain.

    Parameters
    ----------
    root
        Any expression.
    native
        Names of non-primitive rows that the caller has instructions for.
    """
    done: dict[Expr, Expr] = {}
    for x in walk(root):
        y = rebuild(x, tuple(done[a] for a in x.args))
        if isinstance(y, Call) and y.op.expand is not None and y.op.name not in native:
            y = expand(cast(y.op.expand(*y.operands), y.dtype), native)
        done[x] = y
    return done[root]


def evaluate(
    root: Expr, values: Mapping[Expr, Any], memory: Mapping[str, np.ndarray[Any, Any]] | None = None
) -> Any:
    """The value of an expression by its NumPy meaning.

    Parameters
    ----------
    root
        The expression.
    values
        Values of symbols (arrays broadcast).
    memory
        Flat arrays behind the buffers that loads name.
    """
    done: dict[Expr, Any] = dict(values)
    for x in walk(root):
        if x in done:
            continue
        match x:
            case Const():
                done[x] = np.asarray(x.value, x.dtype)[()]
            case Call():
                done[x] = x.op.evaluate(*(done[a] for a in x.operands))[()]
            case Load() if memory is not None:
                done[x] = memory[x.buffer][done[x.offset]]
            case _:
                raise KeyError(f"no value for {show(x)}")
    return done[root]


_INFIX = {
    "add": "+", "sub": "-", "mul": "*", "true_div": "/", "int_div": "//", "mod": "%",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "neq": "!=",
    "bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^",
}  # fmt: skip


LONGEST = 200
"""Nodes up to which `show` writes an expression as a tree."""


def show(root: Expr) -> str:
    """Readable text of an expression; equal text means equal expressions of equal dtypes of leaves.

    An expression that would be long because it uses sub-expressions more than once is written with
    names for these, so the text grows with the number of distinct nodes.

    Examples
    --------
    >>> i = Symbol("i")
    >>> show(Load("x", i * 4 + 1, "float32") * 2.0)
    '(x[((i * 4) + 1)] * 2.0)'
    """
    nodes = list(walk(root))
    sizes: dict[Expr, int] = {}
    uses: dict[Expr, int] = {}
    for x in nodes:
        sizes[x] = 1 + sum(sizes[a] for a in x.args)
        for a in x.args:
            uses[a] = uses.get(a, 0) + 1
    named = sizes[root] > LONGEST
    texts: dict[Expr, str] = {}
    where: list[str] = []
    for x in nodes:
        text = _text(x, texts)
        if named and isinstance(x, Call) and uses.get(x, 0) > 1:
            name = f"%{len(where)}"
            where.append(f"{name} = {text}")
            text = name
        texts[x] = text
    return " where ".join([texts[root], ", ".join(where)]) if where else texts[root]


def _text(x: Expr, texts: Mapping[Expr, str]) -> str:
    """Text of a node, given that of its operands."""
    match x:
        case Const():
            return repr(x.value)
        case Symbol():
            return x.name
        case Load():
            return f"{x.buffer}[{texts[x.offset]}]"
        case Call() if x.op.name in _INFIX:
            a, b = x.operands
            return f"({texts[a]} {_INFIX[x.op.name]} {texts[b]})"
        case Call():
            return f"{x.op.name}({', '.join(texts[a] for a in x.operands)})"
    raise TypeError(f"not an expression: {x!r}")
