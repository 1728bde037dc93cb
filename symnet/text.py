"""Expressions as text: `pp` on one line, `debugprint` as a tree; `Print`, for values."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TextIO

import numpy as np

from symnet.config import config
from symnet.graph import Apply, Constant, Variable, ancestors
from symnet.op import LoopOp
from symnet.ops.contraction import Dot
from symnet.ops.elementwise import Elemwise
from symnet.ops.indexing import Subtensor
from symnet.ops.shape import DimShuffle, ShapeOf
from symnet.ops.slices import Range

__all__ = [
    "debugprint",
    "leaf_text",
    "min_informative_str",
    "operation_text",
    "pp",
    "roots_of",
]

_INFIX = {
    "add": "+", "sub": "-", "mul": "*", "true_div": "/", "int_div": "//", "mod": "%", "pow": "**",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "neq": "!=",
    "bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^",
    "left_shift": "<<", "right_shift": ">>",
}  # fmt: skip
_PREFIX = {"neg": "-", "invert": "~"}


def pp(variable: Variable) -> str:
    r"""Return an expression on one line, as it might have been written.

    Parameters
    ----------
    variable
        Any variable.

    Examples
    --------
    >>> from symnet.tensor import matrix, vector, dot, tanh
    >>> pp(tanh(dot(matrix("x"), matrix("W")) + vector("b")))
    'tanh(((x \\dot W) + DimShuffle{x,0}(b)))'
    """
    texts: dict[Variable, str] = {}
    for node in ancestors([variable]):
        for v in node.inputs:
            if v.owner is None:
                texts[v] = leaf_text(v)
        for out in node.outputs:
            # A name is what the user called it; only the whole is always spelled out.
            named = out.name if out is not variable else None
            texts[out] = named or _applied(node, [texts[v] for v in node.inputs], out.index)
    return texts.get(variable) or leaf_text(variable)


def leaf_text(v: Variable) -> str:
    """Return what stands for a variable that nothing computes."""
    if v.name:
        return v.name
    if isinstance(v, Constant):
        return f"TensorConstant{{{_value_text(v.data)}}}"
    return f"<{v.type}>"


def _value_text(data: np.ndarray[Any, Any]) -> str:
    if data.ndim == 0:
        return str(data)
    first = data.flat[0] if data.size else None
    if data.size and np.all(data == first):
        return f"{data.shape} of {first}"
    return str(data).replace("\n", "") if data.size <= 10 else f"{data.shape} of {data.dtype}"


def operation_text(node: Apply) -> str:
    """Return the name of a node's operation in Theano's form."""
    op = node.op
    if isinstance(op, Elemwise):
        return f"Elemwise{{{_row_text(op)}}}"
    return _other_text(op)


def _row_text(op: Elemwise) -> str:
    name = op.scalar.name
    return f"Cast{{{name.removeprefix('cast_')}}}" if name.startswith("cast_") else name


def _other_text(op: Any) -> str:
    if isinstance(op, DimShuffle):
        return f"DimShuffle{{{','.join('x' if a is None else str(a) for a in op.order)}}}"
    return str(op)


def _applied(node: Apply, given: Sequence[str], index: int) -> str:
    op = node.op
    match op:
        case Elemwise(scalar) if scalar.name in _INFIX:
            return f"({given[0]} {_INFIX[scalar.name]} {given[1]})"
        case Elemwise(scalar) if scalar.name in _PREFIX:
            return f"({_PREFIX[scalar.name]}{given[0]})"
        case Elemwise():
            return f"{_row_text(op)}({', '.join(given)})"
        case Dot():
            return f"({given[0]} \\dot {given[1]})"
        case DimShuffle(order=(1, 0)):
            return f"{given[0]}.T"
        case ShapeOf(axis):
            return f"{given[0]}.shape[{axis}]"
        case Subtensor(spec):
            return f"{given[0]}[{_index_text(spec, iter(given[1:]))}]"
    called = f"{_other_text(op)}({', '.join(given)})"
    return called if len(node.outputs) == 1 else f"{called}.{index}"


def _index_text(spec: Sequence[Any], bounds: Iterator[str]) -> str:
    parts = []
    for entry in spec:
        if isinstance(entry, Range):
            start, stop, step = (
                next(bounds) if given else "" for given in (entry.start, entry.stop, entry.step)
            )
            parts.append(f"{start}:{stop}" + (f":{step}" if step else ""))
        else:
            parts.append(next(bounds))
    return ", ".join(parts)


def debugprint(
    obj: Any,
    depth: int = -1,
    print_type: bool = False,
    file: TextIO | Literal["str"] | None = None,
    ids: str = "CHAR",
    stop_on_name: bool = False,
    done: dict[Any, str] | None = None,
) -> Any:
    """Print expressions as a tree, one operation or input on a line.

    Every node has a letter; where it turns up again its operands are not repeated. Behind the nodes
    of a compiled function stands their number in an order of evaluation. What loops do in a step
    comes at the end.

    Parameters
    ----------
    obj
        A variable, a node, a list of these, or a compiled function.
    depth
        How many levels to print; -1 for all.
    print_type
        Whether to print the type of every variable.
    file
        Where to print; by default standard output. ``"str"`` returns the text instead.
    ids
        How nodes are told apart: ``"CHAR"`` by letters, ``"int"`` by numbers, ``""`` not at all.
    stop_on_name
        Whether to stop at variables that have a name.
    done
        What has been printed, with its letter; it is added to. Given to several calls it makes them
        use the same letters, and print nothing twice.

    Examples
    --------
    >>> from symnet.tensor import scalars
    >>> x, y = scalars("x", "y")
    >>> debugprint((x + y) * x)
    Elemwise{mul} [id A] ''
     |Elemwise{add} [id B] ''
     | |x [id C]
     | |y [id D]
     |x [id C]
    """
    if ids not in _IDS:
        raise ValueError(f"debugprint: ids is one of {', '.join(map(repr, _IDS))}, not {ids!r}")
    maker = getattr(obj, "maker", None)
    numbers = {n: k for k, n in enumerate(maker.fgraph.toposort())} if maker else {}
    tree = _Tree(depth, print_type, stop_on_name, _IDS[ids], numbers, {} if done is None else done)
    text = "".join(line + "\n" for line in tree.lines(roots_of(obj)))
    if file == "str":
        return text
    (file or sys.stdout).write(text)
    return file


def roots_of(obj: Any) -> list[Variable]:
    """Return the variables that an expression, a node, a list or a compiled function stands for."""
    if isinstance(obj, Variable):
        return [obj]
    if isinstance(obj, Apply):
        return [obj.outputs[0]]
    if isinstance(obj, (list, tuple)):
        return [root for entry in obj for root in roots_of(entry)]
    maker = getattr(obj, "maker", None)  # a compiled function
    if maker is None:
        raise TypeError(f"debugprint: {obj!r} is not a variable, a node or a compiled function")
    return roots_of(list(maker.fgraph.outputs))


class _Tree:
    """Writes the trees of one call of `debugprint`."""

    def __init__(
        self,
        depth: int,
        print_type: bool,
        stop_on_name: bool,
        name_of: Callable[[int], str],
        numbers: Mapping[Apply, int],
        done: dict[Any, str],
    ) -> None:
        self._depth = depth
        self._print_type = print_type
        self._stop_on_name = stop_on_name
        self._name_of = name_of
        self._numbers = numbers
        self._letters = done
        self._expanded: set[object] = set(done)
        self._loops: dict[Apply, None] = {}

    def lines(self, roots: Sequence[Variable]) -> Iterator[str]:
        """The trees of some variables, then those of the loops in them."""
        for v in roots:
            yield from self._tree(v, "", "")
        if self._loops:
            yield ""
            yield "Inner graphs of the scan ops:"
        while self._loops:
            node = next(iter(self._loops))
            del self._loops[node]
            assert isinstance(node.op, LoopOp)
            yield ""
            yield self._line(node.outputs[0], "")
            for v in node.op.outputs:
                yield from self._tree(v, " >", " >")

    def _tree(self, root: Variable, before: str, inner: str) -> Iterator[str]:
        # Variable, what stands before it, what stands before its operands, its level.
        stack = [(root, before, inner, 1)]
        while stack:
            v, before, inner, level = stack.pop()
            yield self._line(v, before)
            node = v.owner
            if node is None or node in self._expanded or level == self._depth:
                continue
            if self._stop_on_name and v.name:
                continue
            self._expanded.add(node)
            if isinstance(node.op, LoopOp):
                self._loops[node] = None
            last = len(node.inputs) - 1
            operands = [
                (x, f"{inner} |", f"{inner} |" if k < last else f"{inner}  ", level + 1)
                for k, x in enumerate(node.inputs)
            ]
            stack.extend(reversed(operands))

    def _line(self, v: Variable, before: str) -> str:
        node = v.owner
        key = v if node is None else node
        letter = self._letters.setdefault(key, self._name_of(len(self._letters)))
        kind = f" [id {letter}]" if letter else ""
        kind += f" <{v.type}>" if self._print_type else ""
        if config.print_test_value and hasattr(v.tag, "test_value"):
            kind += f" {v.tag.test_value}"
        if node is None:
            return f"{before}{leaf_text(v)}{kind}"
        number = f".{v.index}" if len(node.outputs) > 1 else ""
        place = f"   {self._numbers[node]}" if node in self._numbers else ""
        return f"{before}{operation_text(node)}{number}{kind} '{v.name or ''}'{place}"


def _letter(number: int) -> str:
    """Return A, B, ... Z, AA, AB ..."""
    found = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        found = chr(ord("A") + rest) + found
    return found


_IDS: dict[str, Callable[[int], str]] = {"CHAR": _letter, "int": str, "": lambda number: ""}


def min_informative_str(obj: Variable) -> str:
    """Return what an expression is, down to inputs, constants and variables that have names.

    Parameters
    ----------
    obj
        Any variable.

    Examples
    --------
    >>> from symnet.tensor import scalars
    >>> a, b = scalars("a", "b")
    >>> c = a + b
    >>> c.name = "c"
    >>> print(min_informative_str(c * a + c))
    A. add
     B. mul
      C. c
      D. a
     <C>
    """
    letters: dict[Variable, str] = {}
    lines: list[str] = []
    stack = [(obj, 0)]
    while stack:
        v, level = stack.pop()
        if v in letters:
            lines.append(f"{' ' * level}<{letters[v]}>")
            continue
        letters[v] = _letter(len(letters))
        if v.name or v.owner is None:
            text = leaf_text(v)
        else:
            text = str(v.owner.op)
            stack.extend((x, level + 1) for x in reversed(v.owner.inputs))
        lines.append(f"{' ' * level}{letters[v]}. {text}")
    return "\n".join(lines)


def time_text(seconds: float) -> str:
    """A time with three digits."""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"
