"""Operations of users' own in Python, as Theano teaches them: `PyOp` and `as_op`.

A subclass of `PyOp` says what it does in Theano's words (`make_node`, `perform`, `grad` ...). The
class answers for it in symnet's (`symnet.op.Op`). Where both protocols have a method of the same
name, what it is called with tells which of them is meant. It runs as a host call of the program.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.graph import Apply, Constant, Variable, make_variable
from symnet.op import Array, Op, ShapeContext
from symnet.ops import build
from symnet.ops.integers import integer_value
from symnet.scalar import Expr, const
from symnet.tensor.convert import as_tensor_variable
from symnet.types import TensorType


def _two_faced(method: Callable[..., Any], own: str, is_own: Callable[..., bool]) -> Any:
    """Return a method that is the user's, but for calls of symnet's, which go to method `own`."""

    @functools.wraps(method)
    def dispatch(self: PyOp, *args: Any) -> Any:
        return getattr(self, own)(*args) if is_own(*args) else method(self, *args)

    return dispatch


class PyOp(Op):
    """Base of operations in Python.

    Attributes
    ----------
    __props__
        Names of the attributes that make two operations of the class equal. Without it every
        object is an operation of its own.
    itypes, otypes
        Types of operands and results, for which `make_node` then needs no writing: `TensorType`,
        or functions that make inputs (``T.dmatrix``).
    view_map, destroy_map
        Theano's: for each result the operands whose memory it shares or overwrites. Results are
        copied out, and operands that are overwritten are copies, so nothing can go wrong.

    Notes
    -----
    ``make_node(self, *operands)`` returns ``Apply(self, inputs, outputs)`` with fresh outputs.
    ``perform(self, node, inputs, output_storage)`` puts each result into ``output_storage[k][0]``.
    ``grad(self, inputs, output_grads)``, or ``L_op(self, inputs, outputs, output_grads)``, returns
    a gradient for each operand; without one the operation has no derivative.
    ``infer_shape(self, node, shapes)`` returns for each result a tuple of lengths, made of those of
    the operands; without it they are known when `perform` has run.
    ``R_op(self, inputs, eval_points)`` returns what `Rop` makes of it, None for zero; without one,
    `grad` is differentiated.
    ``connection_pattern(self, node)`` says for each operand which results depend on it. C code is
    never looked at.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> class Double(PyOp):
    ...     __props__ = ()
    ...
    ...     def make_node(self, x):
    ...         x = T.as_tensor_variable(x)
    ...         return sn.Apply(self, [x], [x.type()])
    ...
    ...     def perform(self, node, inputs, output_storage):
    ...         output_storage[0][0] = inputs[0] * 2
    ...
    ...     def infer_shape(self, node, shapes):
    ...         return shapes
    ...
    ...     def grad(self, inputs, output_grads):
    ...         return [output_grads[0] * 2]
    >>> x = T.dvector("x")
    >>> sn.function([x], sn.grad(Double()(x).sum(), x))([1, 2, 3])
    array([2., 2., 2.])
    """

    __props__: ClassVar[tuple[str, ...]]
    itypes: Sequence[Any]
    otypes: Sequence[Any]
    view_map: ClassVar[Mapping[int, Sequence[int]]] = {}
    destroy_map: ClassVar[Mapping[int, Sequence[int]]] = {}
    default_output: int | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "perform" in cls.__dict__:
            written = cls.__dict__["perform"]
            cls.perform = _two_faced(written, "_performed", _is_inputs)  # type: ignore[method-assign]
        if "infer_shape" in cls.__dict__:
            written = cls.__dict__["infer_shape"]
            cls.infer_shape = _two_faced(written, "_shapes", _is_context)  # type: ignore[method-assign]

    # -- what makes operations equal -------------------------------------------------------

    def _props(self) -> tuple[Any, ...] | None:
        names = getattr(self, "__props__", None)
        return None if names is None else tuple(getattr(self, name) for name in names)

    def __eq__(self, other: object) -> bool:
        if self is other or type(self) is not type(other):
            return self is other
        mine = self._props()
        return mine is not None and mine == other._props()

    def __hash__(self) -> int:
        mine = self._props()
        return object.__hash__(self) if mine is None else hash((type(self), mine))

    def __str__(self) -> str:
        names = getattr(self, "__props__", None) or ()
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}{{{inside}}}" if inside else type(self).__name__

    # -- applying it -----------------------------------------------------------------------

    def make_node(self, *operands: Any) -> Apply:
        """Apply to operands; needs `itypes` and `otypes` unless a subclass writes its own."""
        if not hasattr(self, "itypes") or not hasattr(self, "otypes"):
            raise NotImplementedError(f"{self} has neither make_node nor itypes and otypes")
        kinds = [_type(t) for t in self.itypes]
        inputs = [as_tensor_variable(x) for x in operands]
        if len(inputs) != len(kinds):
            raise TypeError(f"{self} takes {len(kinds)} operands, got {len(inputs)}")
        for k, (v, kind) in enumerate(zip(inputs, kinds, strict=True)):
            if not kind.accepts(v.type):
                raise TypeError(f"{self}: operand {k} is {v.type}, not {kind}")
        return Apply(self, tuple(inputs), tuple(_type(t)() for t in self.otypes))

    def __call__(self, *operands: Any, **kwargs: Any) -> Any:
        """Apply to operands: the only output (or `default_output`), or a list of several."""
        as_list = kwargs.pop("return_list", False)
        outputs = self.make_node(*operands, **kwargs).outputs
        if self.default_output is not None and not as_list:
            return outputs[self.default_output]
        return outputs[0] if len(outputs) == 1 and not as_list else list(outputs)

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        """Types of the outputs: those of a node."""
        return [v.type for v in self.make_node(*operands).outputs]

    # -- shapes ----------------------------------------------------------------------------

    @property
    def length_from_data(self) -> bool:
        """Whether lengths that types leave open are known only when `perform` has run."""
        return type(self).infer_shape is PyOp.infer_shape

    def infer_shape(self, node: Apply, context: Any) -> Any:
        """Lengths of the outputs, where their types know all."""
        if any(None in v.type.shape for v in node.outputs):
            raise NotImplementedError(
                f"{self} has no infer_shape, so the lengths of its results are not known "
                "beforehand; write infer_shape(self, node, shapes)"
            )
        return [tuple(const(n) for n in v.type.shape if n is not None) for v in node.outputs]

    def _shapes(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        """What the user's `infer_shape` says, as expressions of integers."""
        # Leaves stand for the operands: what is behind them is the context's.
        leaves = [v if isinstance(v, Constant) else make_variable(v.type) for v in node.inputs]
        place = {v: k for k, v in enumerate(leaves)}
        inner = Apply(self, tuple(leaves), ())
        object.__setattr__(inner, "outputs", node.outputs)
        said = self.infer_shape(inner, [build.lengths(v) for v in leaves])
        shapes = [tuple(dims) for dims in said]
        if [len(dims) for dims in shapes] != [v.ndim for v in node.outputs]:
            kinds = ", ".join(str(v.type) for v in node.outputs)
            raise TypeError(f"{self}.infer_shape returned {said!r} for outputs {kinds}")

        def length(n: Any) -> Expr:
            found = integer_value(
                as_tensor_variable(n),
                lambda v: context.integer(place[v]) if v in place else None,
                lambda v: context.shape(place[v]),
            )
            if found is None:
                raise NotImplementedError(
                    f"{self}.infer_shape: {n!r} is known only from data; it may be made of lengths "
                    "and of operands that are integers of no dimensions"
                )
            return found

        return [
            tuple(
                length(n) if static is None else const(static)
                for n, static in zip(dims, v.type.shape, strict=True)
            )
            for v, dims in zip(node.outputs, shapes, strict=True)
        ]

    # -- values ----------------------------------------------------------------------------

    def perform(self, *args: Any) -> Any:
        """Compute results; a subclass writes ``perform(self, node, inputs, output_storage)``."""
        raise NotImplementedError(f"{self} has no perform; C code alone does not run here")

    def _performed(self, inputs: Sequence[Array]) -> list[Array]:
        types = [TensorType(a.dtype.name, (None,) * a.ndim) for a in inputs]
        return self.host(self.make_node(*(make_variable(t) for t in types)))(inputs)

    def host(self, node: Apply) -> Callable[[Sequence[Array]], list[Array]]:
        """What a host call runs: the user's `perform`, with its results held to their types."""
        overwritten = {k for places in self.destroy_map.values() for k in places}

        def run(inputs: Sequence[Array]) -> list[Array]:
            given = [np.array(a) if k in overwritten else a for k, a in enumerate(inputs)]
            storage: list[list[Any]] = [[None] for _ in node.outputs]
            self.perform(node, given, storage)
            return [
                self._result(k, cell[0], v.type)
                for k, (cell, v) in enumerate(zip(storage, node.outputs, strict=True))
            ]

        return run

    def _result(self, number: int, value: Any, kind: TensorType) -> Array:
        if value is None:
            raise ValueError(f"{self}.perform put nothing into output_storage[{number}][0]")
        weak = not isinstance(value, np.ndarray | np.generic)
        array = np.asarray(value, kind.dtype if weak else None)
        if not kind.accepts(TensorType.of(array)):
            raise TypeError(
                f"{self}.perform gave a {array.dtype} array of shape {array.shape} as result "
                f"{number}, which make_node says is {kind}"
            )
        return array

    # -- derivatives -----------------------------------------------------------------------

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        """Cotangents of the operands: what `L_op` or `grad` returns."""
        inputs, outputs = list(node.inputs), list(node.outputs)
        # Zeros instead of None: formulas are written for all results.
        given = [
            build.zeros_like(v, v.dtype if dtypes.is_float(v.dtype) else config.floatX)
            if g is None
            else g
            for g, v in zip(cotangents, outputs, strict=True)
        ]
        found = self.L_op(inputs, outputs, given)
        found = found if isinstance(found, (list, tuple)) else [found]
        return [g if g is None or isinstance(g, Variable) else as_tensor_variable(g) for g in found]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_grads: list[Any]) -> Any:
        """Gradients with respect to the operands; `grad` unless a subclass writes its own."""
        return self.grad(inputs, output_grads)

    def jvp(
        self, node: Apply, tangents: Sequence[Variable | None]
    ) -> Sequence[Variable | None] | None:
        """Tangents of the outputs: what `R_op` returns, if a subclass writes one."""
        forward = getattr(self, "R_op", None)
        if forward is None:
            return None
        found: Sequence[Variable | None] = forward(list(node.inputs), list(tangents))
        return found

    def grad(self, inputs: list[Any], output_grads: list[Any]) -> Any:
        """Gradients with respect to the operands, for a subclass to write."""
        raise NotImplementedError("it has no method grad")


def _is_inputs(*args: object) -> bool:
    return len(args) == 1


def _is_context(node: object, shapes: object) -> bool:
    return hasattr(shapes, "require_equal")


def _type(kind: Any) -> TensorType:
    """Return a type given by itself or by a function that makes inputs of it."""
    if isinstance(kind, TensorType):
        return kind
    made: TensorType = kind().type
    return made


class FunctionOp(PyOp):
    """A Python function as an operation; see `as_op`.

    Parameters
    ----------
    fn, itypes, otypes, infer_shape
        As `as_op` takes them.
    """

    __props__ = ("_function", "itypes", "otypes", "_shape_function")

    def __init__(
        self,
        fn: Callable[..., Any],
        itypes: Iterable[Any],
        otypes: Iterable[Any],
        infer_shape: Callable[..., Any] | None,
    ) -> None:
        self._function = fn
        self.itypes = tuple(_type(t) for t in itypes)
        self.otypes = tuple(_type(t) for t in otypes)
        self._shape_function = infer_shape

    @property
    def length_from_data(self) -> bool:
        """Whether no function for shapes was given."""
        return self._shape_function is None

    def infer_shape(self, node: Apply, shapes: Any) -> Any:
        """What the function for shapes says."""
        if self._shape_function is None:
            return super().infer_shape(node, shapes)
        return self._shape_function(node, shapes)

    def perform(self, *args: Any) -> Any:
        """Call the function."""
        _, inputs, output_storage = args
        results = self._function(*inputs)
        many = results if isinstance(results, (list, tuple)) else [results]
        if len(many) != len(output_storage):
            raise ValueError(f"{self} returned {len(many)} results, not {len(output_storage)}")
        for cell, result in zip(output_storage, many, strict=True):
            cell[0] = result

    def __str__(self) -> str:
        return f"FunctionOp{{{getattr(self._function, '__name__', self._function)}}}"

    def __reduce__(self) -> Any:
        # Where `as_op` is a decorator, the function's name is that of the operation.
        place = self._function.__module__, getattr(self._function, "__qualname__", "")
        if _found(*place) is self:
            return _found, place
        return FunctionOp, (self._function, self.itypes, self.otypes, self._shape_function)


def _found(module: str, name: str) -> Any:
    """Return what stands under a name in a module, None for nothing."""
    try:
        return functools.reduce(getattr, name.split("."), import_module(module))
    except AttributeError:
        return None


def as_op(
    itypes: Any, otypes: Any, infer_shape: Callable[..., Any] | None = None
) -> Callable[[Callable[..., Any]], FunctionOp]:
    """Return a decorator that makes an operation of a Python function of arrays.

    It has no derivative; `PyOp` and `OpFromGraph` can have one.

    Parameters
    ----------
    itypes, otypes
        Types of the arguments and of the results: `TensorType`, or functions that make inputs
        (``T.dmatrix``); one or a list.
    infer_shape
        Takes the node and the shapes of the arguments, returns those of the results. Without it
        they are known when the function has run.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> @as_op(itypes=[T.dmatrix], otypes=[T.dvector], infer_shape=lambda node, s: [s[0][:1]])
    ... def median(x):
    ...     return np.median(x, axis=1)
    >>> x = T.dmatrix("x")
    >>> sn.function([x], median(x) + 1)([[1, 2, 6], [3, 3, 4]])
    array([3., 4.])
    """

    def decorate(fn: Callable[..., Any]) -> FunctionOp:
        return FunctionOp(fn, _list(itypes), _list(otypes), infer_shape)

    return decorate


def _list(types: Any) -> list[Any]:
    return list(types) if isinstance(types, (list, tuple)) else [types]
