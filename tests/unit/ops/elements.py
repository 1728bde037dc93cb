"""Checks that what an operation says of its shapes and elements is what NumPy computes.

Element expressions are evaluated at all indices of small arrays, so lowering is checked without
any backend; every address is held to the operand it goes to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symnet.gradient import grad, verify_grad
from symnet.graph import Apply, Constant, Variable, ancestors, make_variable
from symnet.interpreter import evaluate
from symnet.op import Index, IndexedOp, OrderedOp, Steps
from symnet.ops import ShapeOf
from symnet.scalar import Expr, Load, ScalarOp, Symbol, cast, const
from symnet.scalar import evaluate as evaluate_expr
from symnet.types import TensorType

Array = np.ndarray[Any, Any]


class Values:
    """Shape and element context of one node, with lengths as symbols or as constants."""

    def __init__(self, node: Apply, inputs: Sequence[Array], symbolic: bool) -> None:
        self.node = node
        self.inputs = inputs
        self.symbols: dict[Expr, int] = {}
        self.assumed: list[tuple[Expr, str]] = []
        self.addresses: list[tuple[Expr, Expr]] = []
        self._symbolic = symbolic
        self._outs: list[tuple[Expr, ...]] = []

    def _integer(self, name: str, value: int) -> Expr:
        if not self._symbolic:
            return const(value)
        symbol = Symbol(name)
        self.symbols[symbol] = value
        return symbol

    def shape(self, operand: int) -> tuple[Expr, ...]:
        v = self.node.inputs[operand]
        return tuple(
            self._integer(f"n{operand}_{axis}", n) if static is None else const(static)
            for axis, (n, static) in enumerate(
                zip(self.inputs[operand].shape, v.type.shape, strict=True)
            )
        )

    def integer(self, operand: int) -> Expr:
        v = self.node.inputs[operand]
        value = int(self.inputs[operand])
        if v.owner is not None and isinstance(v.owner.op, ShapeOf):
            (x,) = v.owner.inputs
            if x in self.node.inputs:
                return self.shape(self.node.inputs.index(x))[v.owner.op.axis]
        return const(value) if isinstance(v, Constant) else self._integer(f"v{operand}", value)

    def same(self, left: Expr, right: Expr) -> bool:
        return self.value(left) == self.value(right)

    def require_equal(self, left: Expr, right: Expr, what: str) -> Expr:
        assert self.value(left) == self.value(right), what
        return left

    def require(self, condition: Expr, what: str, error: type[Exception] = IndexError) -> None:
        self.assumed.append((condition, what))
        assert self.value(condition), what

    def out_shape(self, output: int = 0) -> tuple[Expr, ...]:
        return self._outs[output]

    def set_out_shapes(self, shapes: list[tuple[Expr, ...]]) -> None:
        self._outs = shapes

    def read(self, operand: int, index: Index) -> Expr:
        array = self.inputs[operand]
        assert len(index) == array.ndim
        offset: Expr = const(0)
        for i, n in zip(index, self.shape(operand), strict=True):
            self.addresses.append((i, n))
            offset = offset * n + i
        return Load(f"x{operand}", offset, array.dtype.name)

    def read_flat(self, operand: int, position: Expr) -> Expr:
        array = self.inputs[operand]
        self.addresses.append((position, const(array.size)))
        return Load(f"x{operand}", position, array.dtype.name)

    def reduce(
        self,
        combine: ScalarOp,
        dtype: str,
        extents: Sequence[Expr],
        element: Callable[[Index], Expr],
    ) -> Expr:
        points = list(np.ndindex(*(int(self.value(n)) for n in extents)))
        elements = [element(tuple(const(i) for i in point)) for point in points]
        if not elements:
            assert combine.identity is not None
            return const(combine.identity, dtype)
        assert {x.dtype for x in elements} == {dtype}
        return functools.reduce(combine, elements)

    def value(self, x: Expr, indices: Mapping[Expr, Any] | None = None) -> Any:
        # An address in an operand without elements is read, though never used.
        memory = {
            f"x{k}": np.ascontiguousarray(a).ravel() if a.size else np.zeros(1, a.dtype)
            for k, a in enumerate(self.inputs)
        }
        return evaluate_expr(x, {**self.symbols, **(indices or {})}, memory)


def check_node(node: Apply, inputs: Sequence[Array], results: Sequence[Array]) -> None:
    """Hold shapes and elements of one application to what it computed."""
    if node.op.length_from_data:
        for v, result in zip(node.outputs, results, strict=True):
            assert v.type.accepts(TensorType.of(result))
        return
    for symbolic in (False, True):
        context = Values(node, inputs, symbolic)
        shapes = node.op.infer_shape(node, context)
        context.set_out_shapes(shapes)
        for v, result, dims in zip(node.outputs, results, shapes, strict=True):
            assert tuple(int(context.value(n)) for n in dims) == result.shape
            for n, static in zip(dims, v.type.shape, strict=True):
                assert static is None or n == const(static), f"{node.op}: {n} is not {static}"
        if isinstance(node.op, IndexedOp):
            for v, result in zip(node.outputs, results, strict=True):
                _check_elements(node, v, result, context)
            stated = node.op.change(node, context)
            if stated is not None:
                _check_steps(node, stated, results[0], context)
        if isinstance(node.op, OrderedOp):
            _check_steps(node, node.op.steps(node, context), results[0], context)
        if isinstance(node.op, IndexedOp | OrderedOp):
            for fault in node.op.faults(node, context):
                box = tuple(int(context.value(n)) for n in fault.extents)
                for point in np.ndindex(*box):
                    broken = fault.broken(tuple(const(i) for i in point))
                    assert not context.value(broken), fault.message


def _check_elements(node: Apply, v: Variable, result: Array, context: Values) -> None:
    assert isinstance(node.op, IndexedOp)
    index = tuple(Symbol(f"i{axis}") for axis in range(result.ndim))
    context.addresses.clear()
    element = cast(node.op.element(node, v.index, index, context), v.dtype)
    if not result.size:
        return
    grid = np.unravel_index(np.arange(result.size), result.shape) if result.ndim else ()
    indices = dict(zip(index, grid, strict=True))
    found = np.broadcast_to(context.value(element, indices), (result.size,))
    np.testing.assert_allclose(found.reshape(result.shape), result, rtol=1e-5, atol=1e-12)
    for i, n in context.addresses:
        at, length = context.value(i, indices), int(context.value(n))
        assert np.all(at >= 0), f"{node.op} reads before the start"
        assert np.all(at < max(length, 1)), f"{node.op} reads behind the end"


def _check_steps(node: Apply, stated: Steps, result: Array, context: Values) -> None:
    """Go through the steps one by one."""
    context.addresses.clear()
    lanes, steps = (
        tuple(int(context.value(n)) for n in box) for box in (stated.lanes, stated.steps)
    )
    axes = tuple(Symbol(f"i{k}") for k in range(len(lanes) + len(steps)))
    lane, step = axes[: len(lanes)], axes[len(lanes) :]
    before = Symbol("before", result.dtype.name)
    place = stated.place(lane, step)
    value = cast(stated.value(lane, step, before), result.dtype.name)
    if stated.first is not None:
        assert len(steps) == 1, "only along one axis something is carried on"
    written = np.array(context.inputs[0]) if stated.begins else np.empty_like(result)
    for one in np.ndindex(lanes):
        carried = None if stated.first is None else context.value(stated.first)
        for other in np.ndindex(steps):
            point: dict[Expr, Any] = dict(zip(axes, map(np.int64, (*one, *other)), strict=True))
            at = tuple(int(context.value(i, point)) for i in place)
            assert all(0 <= i < n for i, n in zip(at, result.shape, strict=True)), f"{node.op}"
            for i, n in context.addresses:
                assert 0 <= context.value(i, point) < max(int(context.value(n)), 1), f"{node.op}"
            point[before] = written[at] if carried is None else carried
            with np.errstate(all="ignore"):
                carried_on = context.value(value, point)
            written[at] = carried_on
            carried = None if stated.first is None else carried_on
    np.testing.assert_allclose(written, result, rtol=1e-5, atol=1e-12)


def check_graph(outputs: Sequence[Variable], given: Mapping[Variable, Array]) -> list[Array]:
    """Hold every application of a graph to NumPy, and return the values of the outputs."""
    nodes = list(ancestors(outputs))
    wanted = [v for n in nodes for v in n.outputs]
    values = dict(zip(wanted, evaluate(wanted, given), strict=True)) | dict(given)

    def value(v: Variable) -> Array:
        return v.data if isinstance(v, Constant) else np.asarray(values[v])

    for node in nodes:
        check_node(node, [value(v) for v in node.inputs], [value(v) for v in node.outputs])
    return [value(v) for v in outputs]


def variables(arrays: Sequence[Array], static: bool = False) -> list[Variable]:
    """Inputs for arrays: of their static shapes, or only with lengths of 1 known."""
    return [
        make_variable(
            TensorType(a.dtype, tuple(n if static or n == 1 else None for n in a.shape)),
            name=f"x{k}",
        )
        for k, a in enumerate(arrays)
    ]


def check(fun: Callable[..., Variable], *arrays: Any) -> Array:
    """Check every application of ``fun(*inputs)``, with unknown and with known lengths."""
    values = [np.asarray(a) for a in arrays]
    for static in (True, False):
        inputs = variables(values, static)
        out = fun(*inputs)
        (result,) = check_graph([out], dict(zip(inputs, values, strict=True)))
    return result


def check_gradients(fun: Callable[..., Variable], *arrays: Any) -> None:
    """Check the gradient to second order, and every application it is made of."""
    values = [np.asarray(a, "float64") for a in arrays]

    def gradient_of(k: int) -> Callable[..., Variable]:
        def first(*inputs: Variable) -> Variable:
            out = fun(*inputs)
            square = (out * out).sum()  # type: ignore[attr-defined]
            found: Variable = grad(square, inputs[k], disconnected_inputs="ignore")
            return found

        return first

    verify_grad(fun, values, n_tests=1)
    for k in range(len(values)):
        verify_grad(gradient_of(k), values, n_tests=1)
        check(gradient_of(k), *values)
