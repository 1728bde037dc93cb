"""The protocol of operations.

An operation is a frozen dataclass: its parameters are fields, so that equal operations compare
equal. It states, in one class, its types, its shapes, its derivative, its NumPy meaning and, if it
has one, its lowering:

`Op`
    Without a lowering it runs its NumPy meaning as a host call.
`IndexedOp`
    Each element of its output is a scalar expression of elements of its inputs. It fuses.
`ContractionOp`
    Each element of its output is a sum of products of elements of two inputs: a matrix product, a
    batch of them, a convolution. Elementwise consumers fuse into it.
`OrderedOp`
    Its output is made one element after the other: a later step sees what earlier ones wrote.
`LoopOp`
    Runs a body of its own step after step.
`ChoiceOp`
    Gives one of two operands; the other one need not be computed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from symnet.config import config
from symnet.graph import Apply, Constant, Variable, make_apply, user_line
from symnet.scalar import Expr, ScalarOp
from symnet.types import VARIABLE_CLASSES, TensorType

Array = np.ndarray[Any, Any]
Index = tuple[Expr, ...]


class ShapeContext(Protocol):
    """What an operation may ask when it infers shapes (integers are int64 expressions)."""

    def shape(self, operand: int) -> tuple[Expr, ...]:
        """Lengths of the dimensions of an operand."""
        ...

    def integer(self, operand: int) -> Expr:
        """Value of an operand that is an integer of no dimensions."""
        ...

    def same(self, left: Expr, right: Expr) -> bool:
        """Whether two lengths are known to agree."""
        ...

    def require_equal(self, left: Expr, right: Expr, what: str) -> Expr:
        """Assume that two lengths agree; checked at every call, reported as `what`.

        Returns the one of the two that later shapes should be told in.
        """
        ...

    def require(self, condition: Expr, what: str, error: type[Exception] = IndexError) -> None:
        """Assume a boolean expression of integers; a call that breaks it raises `error`.

        `error` is `IndexError` or `ValueError`.
        """
        ...


class ElementContext(Protocol):
    """What an operation may ask when it states an element of its output."""

    def shape(self, operand: int) -> tuple[Expr, ...]:
        """Lengths of the dimensions of an operand."""
        ...

    def out_shape(self, output: int = 0) -> tuple[Expr, ...]:
        """Lengths of the dimensions of an output."""
        ...

    def integer(self, operand: int) -> Expr:
        """Value of an operand that is an integer of no dimensions."""
        ...

    def read(self, operand: int, index: Index) -> Expr:
        """The element of an operand at `index`."""
        ...

    def read_flat(self, operand: int, position: Expr) -> Expr:
        """The element of an operand at a position counted in C order."""
        ...

    def reduce(
        self,
        combine: ScalarOp,
        dtype: str,
        extents: Sequence[Expr],
        element: Callable[[Index], Expr],
    ) -> Expr:
        """`element` combined over all points of a box; `dtype` is the accumulator's."""
        ...


class Op:
    """Base of all operations."""

    @property
    def severs(self) -> bool:
        """Whether gradients count the outputs as unconnected with the operands, as lengths are."""
        return False

    @property
    def length_from_data(self) -> bool:
        """Whether lengths of the outputs that their types leave open follow from data.

        Then nobody calls `infer_shape`; a function runs the NumPy meaning by itself, before what
        needs the outputs is compiled for their lengths (`symnet.stages`).
        """
        return False

    def infer_types(
        self, types: Sequence[TensorType], operands: Sequence[Variable]
    ) -> list[TensorType]:
        """Types of the outputs.

        Parameters
        ----------
        types
            Types of the operands.
        operands
            The operands themselves, for operations whose type depends on a constant.

        Raises
        ------
        TypeError
            If no output is possible; the message names the operation, the types and the remedy.
        """
        raise NotImplementedError

    def infer_shape(self, node: Apply, context: ShapeContext) -> list[tuple[Expr, ...]]:
        """Lengths of the dimensions of every output."""
        if self.length_from_data:
            raise NotImplementedError(
                f"{self}: the length of the result follows from data. That may be so in the graph "
                "of a function, not in the body of a loop; there T.switch(mask, x, 0) keeps the "
                "length"
            )
        raise NotImplementedError(f"{self} does not say how long its results are")

    def vjp(self, node: Apply, cotangents: Sequence[Variable | None]) -> list[Variable | None]:
        """Cotangents of the operands, given those of the outputs.

        None stands for zero: on the way in an output nothing depends on, on the way out an operand
        (of a discrete dtype, or used for its shape only) that the result does not vary with.
        """
        raise NotImplementedError(f"{self} has no derivative")

    def expand(self, operands: Sequence[Variable]) -> list[Variable] | None:
        """What the outputs are in terms of other operations, which are compiled in its place.

        Returns None for an operation that stands for itself.
        """
        return None

    def jvp(
        self, node: Apply, tangents: Sequence[Variable | None]
    ) -> Sequence[Variable | None] | None:
        """Tangents of the outputs, given those of the operands (None is zero).

        Returns None where the operation has no rule of its own: what follows from `vjp` is taken.
        """
        return None

    def batch(
        self, node: Apply, operands: Sequence[Variable], batched: Sequence[bool]
    ) -> list[Variable] | None:
        """The operation applied to every row of a batch, in other operations than a loop over rows.

        Parameters
        ----------
        node
            The application to one row.
        operands
            What stands for its operands: those that `batched` marks have a dimension more in front.

        Returns
        -------
        list or None
            The outputs with this dimension in front (without it what is the same for all rows).
            None if the operation has nothing to say, and is to be applied row by row.
        """
        return None

    def perform(self, inputs: Sequence[Array]) -> list[Array]:
        """The NumPy meaning: fresh or shared arrays of the declared dtypes."""
        raise NotImplementedError

    def host(self, node: Apply) -> Callable[[Sequence[Array]], list[Array]]:
        """What a host call of one application runs: `perform`."""
        return self.perform

    def connection_pattern(self, node: Apply) -> Sequence[Sequence[bool]] | None:
        """For each operand, which of the outputs gradients count as depending on it.

        None for all of them (or for none, if the operation `severs`).
        """
        return None

    def make_node(self, *operands: Variable) -> Apply:
        """Apply to variables, remembering the user's source line."""
        types = self.infer_types([v.type for v in operands], operands)
        return make_apply(self, operands, types, user_line())

    def __call__(self, *operands: Variable) -> Any:
        """Apply to variables: the only output, or a list of several."""
        node = self.make_node(*operands)
        if config.compute_test_value != "off":
            compute_test_value(node)
        outputs = node.outputs
        return outputs[0] if len(outputs) == 1 else list(outputs)

    def __str__(self) -> str:
        return type(self).__name__.lower()


@dataclass(frozen=True, slots=True)
class Fault:
    """Data that an operation cannot work on: a call that meets it raises and writes nothing.

    Attributes
    ----------
    extents
        Box of points to look at.
    broken
        For a point of the box a boolean expression, true where the data are at fault.
    message
        What the `IndexError` says.
    """

    extents: tuple[Expr, ...]
    broken: Callable[[Index], Expr]
    message: str


class IndexedOp(Op):
    """An operation each of whose output elements is a scalar expression of input elements."""

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        """What to check in the data before anything is written; `element` must be memory-safe."""
        return ()

    def element(self, node: Apply, output: int, index: Index, context: ElementContext) -> Expr:
        """The element of output number `output` at `index`."""
        raise NotImplementedError

    def change(self, node: Apply, context: ElementContext) -> Steps | None:
        """The only output as a change of operand 0, if it differs from it in a part alone.

        That is how it is made where it takes the place of operand 0 in memory.
        """
        return None


@dataclass(frozen=True, slots=True)
class SumOfProducts:
    """``out[index] = sum over a box of left * right``.

    Attributes
    ----------
    batch, rows, columns
        Dimensions of the output, each in one of the three: those that both factors vary with,
        those that only the left one varies with, those that only the right one varies with.
    inner
        Lengths of the box that is summed over.
    left, right
        The factors at an index of the output and a point of the box.
    """

    batch: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    inner: tuple[Expr, ...]
    left: Callable[[Index, Index], Expr]
    right: Callable[[Index, Index], Expr]


class ContractionOp(Op):
    """An operation each of whose output elements is a sum of products of two factors."""

    def products(self, node: Apply, context: ElementContext) -> SumOfProducts:
        """The sum; a factor reads one element of an operand, or is zero where it would not."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Steps:
    """How an output is made, one element after the other.

    Attributes
    ----------
    lanes
        Lengths of a box whose points have nothing to do with each other: they write different
        elements.
    steps
        Lengths of a box whose points, for every point of `lanes`, are gone through in C order.
    place
        For a point of `lanes` and one of `steps` the index of the element that is written.
    value
        What is written there. Its third argument is what the step before has written (`first`, for
        the first step) or, if there is no `first`, what the element holds so far.
    first
        See `value`; then there is one length in `steps`.
    begins
        Whether the output begins as a copy of operand 0; if not, all of its elements are written.
    """

    lanes: tuple[Expr, ...]
    steps: tuple[Expr, ...]
    place: Callable[[Index, Index], Index]
    value: Callable[[Index, Index, Expr], Expr]
    first: Expr | None = None
    begins: bool = False


class OrderedOp(Op):
    """An operation whose only output is made step by step, in order."""

    def faults(self, node: Apply, context: ElementContext) -> Sequence[Fault]:
        """What to check in the data before anything is written; `steps` must be memory-safe."""
        return ()

    def steps(self, node: Apply, context: ElementContext) -> Steps:
        """The steps; `context` reads operands, not the output."""
        raise NotImplementedError


class LoopOp(Op):
    """An operation that runs a body of its own step after step; see `symnet.scanning.op.Scan`."""

    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    sequences: int
    taps: tuple[tuple[int, ...], ...]
    until: bool
    tails: tuple[int, ...]

    def with_tails(self, states: Sequence[int], nonempty: bool) -> LoopOp:
        """The loop that gives only the last rows of the histories of some states.

        If `nonempty`, at least one step must be made.
        """
        raise NotImplementedError

    def with_body(self, outputs: Sequence[Variable]) -> LoopOp:
        """The loop with another way to compute the body's outputs."""
        raise NotImplementedError


class ChoiceOp(Op):
    """An operation whose only output is operand 1 if operand 0 is true, and operand 2 if not.

    Operand 0 is a bool of no dimensions. What only the arm that is not taken needs is not computed
    (`symnet.regions`).
    """


def get_test_value(v: Variable) -> Array:
    """Return the value that a variable has while a graph is built.

    Parameters
    ----------
    v
        A constant, a shared variable, or a variable with a ``tag.test_value``.

    Raises
    ------
    AttributeError
        If it has none.
    TypeError
        If its test value is not of its type.
    """
    if isinstance(v, Constant):
        return v.data
    container = getattr(v, "container", None)
    if container is not None:
        value: Array = container.host()
        return value
    if not hasattr(v.tag, "test_value"):
        raise AttributeError(f"{v!r} of type {v.type} has no tag.test_value")
    return v.type.filter(v.tag.test_value)


def compute_test_value(node: Apply) -> None:
    """Give the outputs of a node the test values that follow from those of its operands."""
    try:
        values = [get_test_value(v) for v in node.inputs]
    except AttributeError as error:
        if config.compute_test_value == "raise":
            message = f"{node.op} cannot be computed while it is built: {error}"
            raise AttributeError(message) from None
        if config.compute_test_value == "warn":
            warnings.warn(f"{node.op} is not computed while it is built: {error}", stacklevel=3)
        return
    for out, result in zip(node.outputs, node.op.host(node)(values), strict=True):
        out.tag.test_value = result


def constant(value: object, dtype: str | None = None) -> Constant:
    """A constant variable of any array-like value."""
    made: Constant = VARIABLE_CLASSES[Constant](np.asarray(value, dtype))
    return made
