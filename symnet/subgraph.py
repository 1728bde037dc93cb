"""`OpFromGraph`: a graph used as one operation, whose derivative can be replaced.

The operation is one node only as long as graphs are built and differentiated. A function is
compiled of what it stands for, so that nothing becomes slower by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symnet import dtypes
from symnet.config import config
from symnet.forward import push_forward
from symnet.graph import (
    Apply,
    Constant,
    Variable,
    expanded,
    leaves,
    make_apply,
    make_variable,
    rebuild,
    user_line,
)
from symnet.interpreter import Evaluation
from symnet.op import Array, Op, ShapeContext
from symnet.ops import build
from symnet.ops.batched import batched
from symnet.reverse import DisconnectedType, Paths, differentiate
from symnet.scalar import Expr
from symnet.shared import SharedVariable
from symnet.tensor.convert import as_tensor_variable
from symnet.types import TensorType


class OpFromGraph(Op):
    """A graph as an operation.

    Parameters
    ----------
    inputs
        Symbolic inputs of the graph. Shared variables in it need not be named.
    outputs
        What it computes.
    inline
        Theano's; functions are always compiled as if the graph stood in place of the operation.
    lop_overrides
        What the operation's gradient is, instead of that of its graph:

        - ``"default"``: that of its graph;
        - a function ``f(inputs, outputs, output_grads)``, or an `OpFromGraph` of all of these, one
          after the other: returns gradients with respect to all inputs;
        - a list with an entry for each input: ``"default"``, a function that returns the gradient
          with respect to it, None for zero, or a variable of `NullType` or `DisconnectedType`.
    grad_overrides
        The same, where functions are called with ``(inputs, output_grads)``.
    rop_overrides
        The same for forward mode: functions are called with ``(inputs, eval_points)`` and return
        tangents of the outputs; a list has an entry for each output. By default the gradient is
        differentiated.
    connection_pattern
        For each input a list that says which outputs gradients count as depending on it.
    name
        What to call it.

    Raises
    ------
    TypeError
        If inputs or outputs are not variables.
    ValueError
        If the graph depends on a variable that is not among the inputs.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x, y = T.dscalars("x", "y")
    >>> straight_through = OpFromGraph([x], [T.round(x)], grad_overrides=lambda inputs, gs: gs)
    >>> sn.grad(straight_through(y) ** 2, y).eval({y: 2.6})
    array(6.)
    """

    def __init__(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Any] | Any,
        inline: bool = False,
        lop_overrides: Any = "default",
        grad_overrides: Any = "default",
        rop_overrides: Any = "default",
        connection_pattern: Sequence[Sequence[bool]] | None = None,
        name: str | None = None,
    ) -> None:
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        for v in inputs:
            if not isinstance(v, Variable) or isinstance(v, Constant | SharedVariable):
                raise TypeError(f"OpFromGraph: inputs are symbolic variables, not {v!r}")
        # Fresh inputs: any variable of the graph can be named as one, computed ones too.
        self._inputs = [make_variable(v.type, name=v.name) for v in inputs]
        places = dict(zip(inputs, self._inputs, strict=True))
        made = rebuild([as_tensor_variable(v) for v in outputs], places)
        self._written, self._graph = made, expanded(made)
        found = [v for v in leaves(made) if v not in self._inputs]
        self._shared = [v for v in found if isinstance(v, SharedVariable)]
        for v in found:
            if not isinstance(v, SharedVariable | Constant):
                raise ValueError(
                    f"OpFromGraph: the outputs depend on {v!r} ({v.type}), which is not an input"
                )
        if "default" not in (lop_overrides, grad_overrides):
            raise ValueError("OpFromGraph: lop_overrides or grad_overrides, one of the two")
        self._lop, self._grad, self._rop = lop_overrides, grad_overrides, rop_overrides
        self._pattern = connection_pattern
        self._defaults: tuple[list[Variable], list[Variable | None]] | None = None
        self.name = name

    def __str__(self) -> str:
        return self.name or f"OpFromGraph{{{len(self._inputs)}}}"

    # -- applying it -----------------------------------------------------------------------

    def make_node(self, *operands: Any) -> Apply:
        """Apply to operands: one for each input (and, in copies of a node, shared variables)."""
        given: list[Variable] = [as_tensor_variable(x) for x in operands]
        if len(given) == len(self._inputs):
            given += self._shared
        return make_apply(
            self, given, self.infer_types([v.type for v in given], given), user_line()
        )

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        """Types of the graph's outputs."""
        slots = [*self._inputs, *self._shared]
        if len(types) != len(slots):
            raise TypeError(f"{self} takes {len(self._inputs)} operands, got {len(types)}")
        for k, (have, v) in enumerate(zip(types, slots, strict=True)):
            if not v.type.accepts(have):
                raise TypeError(f"{self}: operand {k} is {have}, its input {v!r} is {v.type}")
        return [v.type for v in self._graph]

    def expand(self, operands: Sequence[Variable]) -> list[Variable]:
        """The graph, with operands in place of its inputs."""
        return rebuild(self._graph, self._places(operands))

    def _places(self, operands: Sequence[Variable]) -> dict[Variable, Variable]:
        return dict(zip([*self._inputs, *self._shared], operands, strict=True))

    # -- what other operations have --------------------------------------------------------

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        """Never asked: the operation is expanded first."""
        raise NotImplementedError(f"{self} is expanded before shapes are inferred")

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        """Interpret the graph."""
        slots = [*self._inputs, *self._shared]
        return Evaluation(self._graph, slots)(dict(zip(slots, inputs, strict=True)))

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched_: Sequence[bool]
    ) -> list[Variable]:
        """The graph for every row; its derivative is then its own."""
        pairs = self._places(operands).items()
        rows = {v: x for v, x in pairs if x.ndim > v.ndim}
        single = {v: x for v, x in pairs if x.ndim == v.ndim}
        return batched(rebuild(self._graph, single), rows)

    # -- derivatives -----------------------------------------------------------------------

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Which outputs depend on which operand."""
        rows = [] if self._pattern is None else [list(row) for row in self._pattern]
        override = self._grad if self._lop == "default" else self._lop
        for k, v in enumerate([*self._inputs, *self._shared][len(rows) :], len(rows)):
            entry = override
            if isinstance(override, (list, tuple)):
                entry = override[k] if k < len(override) else "default"
            if k >= len(self._inputs) or entry == "default":
                reached = Paths(self._written, [v], ()).varying
                rows.append([out in reached for out in self._written])
            else:
                severed = isinstance(entry, Variable) and _is(entry, DisconnectedType)
                rows.append([not severed] * len(self._graph))
        return rows

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        """Cotangents of the operands: overridden ones, and those of the graph."""
        count = len(self._inputs)
        inputs, outputs = list(node.inputs[:count]), list(node.outputs)
        override = self._grad if self._lop == "default" else self._lop
        if isinstance(override, (list, tuple)) and len(override) != count:
            raise ValueError(f"{self}: {len(override)} gradients are overridden, of {count} inputs")
        grads = [_filled(g, v) for g, v in zip(cotangents, outputs, strict=True)]
        arguments = [inputs, grads] if self._lop == "default" else [inputs, outputs, grads]
        whole = override != "default" and not isinstance(override, (list, tuple))
        if whole:
            said = _called(override, arguments)
            if len(said) != count:
                raise ValueError(
                    f"{self}: the override returned {len(said)} gradients, not {count}"
                )
            entries: list[Any] = [*said, *["default"] * len(self._shared)]
        else:
            entries = list(override) if override != "default" else ["default"] * count
            entries += ["default"] * len(self._shared)
        found: list[Variable | None] = []
        defaults: list[Variable | None] | None = None
        for k, entry in enumerate(entries):
            if isinstance(entry, str):
                defaults = defaults or self._own_gradient(node, cotangents)
                found.append(defaults[k])
            elif whole or entry is None or isinstance(entry, Variable):
                found.append(entry)
            else:
                found += _called(entry, arguments)
        return found

    def _own_gradient(
        self, node: Apply, cotangents: Sequence[Variable | None]
    ) -> list[Variable | None]:
        """The gradient of the graph, differentiated once."""
        if self._defaults is None:
            # Of what was written: operations in it may have gradients of their own.
            rows = [make_variable(v.type) for v in self._written]
            seeds = [
                (v, r) for v, r in zip(self._written, rows, strict=True) if dtypes.is_float(v.dtype)
            ]
            wanted = [*self._inputs, *self._shared]
            cotangents_of = differentiate(seeds, {}, wanted, ())
            self._defaults = rows, [cotangents_of[v][1] for v in wanted]
        rows, slopes = self._defaults
        places = self._places(node.inputs)
        pairs = zip(rows, cotangents, node.outputs, strict=True)
        places |= {r: _filled(g, v) for r, g, v in pairs}
        made = iter(rebuild([g for g in slopes if g is not None], places))
        return [None if g is None else next(made) for g in slopes]

    def jvp(
        self, node: Apply, tangents: Sequence[Variable | None]
    ) -> Sequence[Variable | None] | None:
        """Tangents of the outputs, where `rop_overrides` says what they are."""
        if isinstance(self._rop, str):
            return None
        count = len(self._inputs)
        points = list(tangents[:count])
        arguments: list[list[Any]] = [list(node.inputs[:count]), points]
        if not isinstance(self._rop, (list, tuple)):
            return _called(self._rop, arguments)
        written = rebuild(self._written, self._places(node.inputs))
        found: list[Variable | None] = []
        for k, entry in enumerate(self._rop):
            if isinstance(entry, str):
                seeds = {v: t for v, t in zip(node.inputs, tangents, strict=True) if t is not None}
                found.append(push_forward([written[k]], seeds)[0][1])
            elif entry is None or isinstance(entry, Variable):
                found.append(entry)
            else:
                found += _called(entry, arguments)
        return found


def _is(v: Variable, kind: type) -> bool:
    own: object = v.type
    return isinstance(own, kind)


def _filled(g: Variable | None, v: Variable) -> Variable:
    """Return a cotangent of `v`, zeros for None."""
    if g is not None:
        return g
    return build.zeros_like(v, v.dtype if dtypes.is_float(v.dtype) else config.floatX)


def _called(entry: Callable[..., Any], arguments: Sequence[list[Any]]) -> list[Variable | None]:
    """Return what an override gives: a function of lists, or a graph of what is in them."""
    if isinstance(entry, OpFromGraph):
        given = entry(*(v for group in arguments for v in group))
    else:
        given = entry(*arguments)
    return list(given) if isinstance(given, (list, tuple)) else [given]
