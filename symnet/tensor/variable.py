"""Tensors as users hold them: variables with NumPy's operators, methods and attributes.

The methods are the functions of this package; operators come from `symnet.scalar.Operand` and end
in `TensorVariable.apply_scalar`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from symnet.composite import Composite
from symnet.graph import Constant, Variable
from symnet.ops.elementwise import Elemwise, apply_row
from symnet.scalar import TABLE, ScalarOp, table
from symnet.tensor import (
    constructors,
    cumulative,
    diagonals,
    elementwise,
    indexing,
    manipulation,
    picking,
    positions,
    products,
    reductions,
)
from symnet.tensor.convert import TensorLike, operand
from symnet.tensor.reductions import Axis
from symnet.tensor.sort import argsort, searchsorted, sort
from symnet.types import VARIABLE_CLASSES, TensorType


def _row_method(name: str) -> Callable[[TensorVariable], TensorVariable]:
    def method(self: TensorVariable) -> TensorVariable:
        return elementwise.apply(TABLE[name], self)

    method.__name__ = name
    method.__qualname__ = f"TensorVariable.{name}"
    method.__doc__ = f"Return `T.{name}` of this."
    return method


class TensorVariable(Variable):
    """A symbolic tensor.

    Comparison with ``==`` asks whether two variables are the same object, so that they can be keys
    of dictionaries; `T.eq` compares values. ``<``, ``>`` and the other operators build expressions.

    Examples
    --------
    >>> from symnet.tensor import matrix
    >>> x = matrix("x")
    >>> y = (2 * x).sum(axis=0)
    >>> y.ndim, y.dtype
    (1, 'float32')
    """

    def apply_scalar(self, op: ScalarOp, operands: tuple[Any, ...]) -> Any:
        """Apply a table row elementwise, with broadcasting."""
        if any(isinstance(x, Composite) for x in operands):
            return NotImplemented  # so that Python asks the composite's own operator
        return apply_row(op, [operand(x) for x in operands])

    # -------------------------------------------------------------------------- what is known

    @property
    def shape(self) -> TensorVariable:
        """The lengths of the dimensions, an int64 vector; unpacks into scalars."""
        return manipulation.shape(self)

    @property
    def size(self) -> TensorVariable:
        """Number of elements, an int64 scalar."""
        return manipulation.product(manipulation.lengths(self))

    @property
    def T(self) -> TensorVariable:
        """The dimensions in reverse order."""
        return manipulation.transpose(self)

    # ------------------------------------------------------------------- Python's protocols

    def __getitem__(self, index: Any) -> TensorVariable:
        return indexing.subtensor(self, index)

    def __iter__(self) -> Iterator[TensorVariable]:
        if self.ndim == 0:
            raise TypeError(f"{self!r} has no dimensions to iterate over")
        count = self.type.shape[0]
        if count is None:
            raise TypeError(
                f"{self!r} of type {self.type} cannot be iterated over: how many entries it has "
                "is not known before the function runs. Python's sum, max and list need that "
                "number; T.sum and T.max do not. A static shape in the type or T.specify_shape "
                "says it"
            )
        return (self[i] for i in range(count))

    def __len__(self) -> int:
        raise TypeError(
            f"{self!r} has no len(): its length is not known before the function runs. "
            "x.shape[0] is the symbolic length, x.ndim the number of dimensions"
        )

    def __bool__(self) -> bool:
        node = self.owner
        if node is not None and isinstance(node.op, Elemwise) and self.dtype == "bool":
            raise TypeError(
                f"the truth of {node.op} is not known before the function runs: T.switch chooses "
                "by it; & and | combine conditions (and, or and a < b < c cannot)"
            )
        return True

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray[Any, Any]:
        if self.ndim == 0:
            # An object, so that numpy.prod of lengths, some symbolic, is their symbolic product.
            held = np.empty((), object)
            held[()] = self
            return held
        raise TypeError(
            f"{self!r} is symbolic and has no value yet, so NumPy cannot work on it: use the "
            "function of the same name in symnet.tensor, or .eval() for a value"
        )

    def __float__(self) -> NoReturn:
        raise TypeError(f"{self!r} is symbolic and has no value yet; .eval() computes one")

    __int__ = __float__

    def __matmul__(self, other: TensorLike) -> TensorVariable:
        return NotImplemented if isinstance(other, Composite) else products.matmul(self, other)

    def __rmatmul__(self, other: TensorLike) -> TensorVariable:
        return products.matmul(other, self)

    def eval(self, inputs_to_values: Mapping[Variable, Any] | None = None) -> Any:
        """Compile and compute this variable.

        Parameters
        ----------
        inputs_to_values
            A value for every symbolic input it depends on.

        Returns
        -------
        ndarray
            The value. The compiled function is kept for the next call with the same inputs.
        """
        from symnet.function import function  # built on this package

        values = dict(inputs_to_values or {})
        kept = self.__dict__.setdefault("_compiled", {})
        inputs = tuple(values)
        if inputs not in kept:
            kept[inputs] = function(list(inputs), self)
        return kept[inputs](*values.values())

    def clone(self) -> TensorVariable:
        """Return a new input of the same type and name."""
        made: TensorVariable = self.type(self.name)
        return made

    # ------------------------------------------------------------------------------- shapes

    def dimshuffle(self, *order: Any) -> TensorVariable:
        """Return `T.dimshuffle` of this."""
        return manipulation.dimshuffle(self, *order)

    def transpose(self, *axes: Any) -> TensorVariable:
        """Return this with its dimensions in the order `axes`, by default reversed."""
        if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (list, tuple))):
            return manipulation.transpose(self, axes[0])
        return manipulation.transpose(self, axes or None)

    def swapaxes(self, axis1: int, axis2: int) -> TensorVariable:
        """Return this with two dimensions exchanged."""
        return manipulation.swapaxes(self, axis1, axis2)

    def reshape(self, *shape: TensorLike, ndim: int | None = None) -> TensorVariable:
        """Return `T.reshape` of this; lengths may be given one by one."""
        if ndim is None and len(shape) == 2 and isinstance(shape[0], (list, tuple, Variable)):
            first, second = shape  # reshape(shape, ndim), the second by position
            if isinstance(second, int) and not (isinstance(first, Variable) and first.ndim == 0):
                return manipulation.reshape(self, first, second)
        return manipulation.reshape(self, shape[0] if len(shape) == 1 else shape, ndim)

    def flatten(self, ndim: int = 1) -> TensorVariable:
        """Return this with the last dimensions joined, so that `ndim` remain."""
        return manipulation.flatten(self, ndim)

    def ravel(self) -> TensorVariable:
        """Return this as a vector."""
        return manipulation.ravel(self)

    def squeeze(self, axis: Axis = None) -> TensorVariable:
        """Return this without dimensions of length 1."""
        return manipulation.squeeze(self, axis)

    # --------------------------------------------------------------------------- reductions

    def sum(
        self,
        axis: Axis = None,
        dtype: object = None,
        keepdims: bool = False,
        acc_dtype: object = None,
    ) -> TensorVariable:
        """Return `T.sum` of this."""
        return reductions.sum(self, axis, dtype, keepdims, acc_dtype)

    def prod(
        self,
        axis: Axis = None,
        dtype: object = None,
        keepdims: bool = False,
        acc_dtype: object = None,
    ) -> TensorVariable:
        """Return `T.prod` of this."""
        return reductions.prod(self, axis, dtype, keepdims, acc_dtype)

    def mean(
        self,
        axis: Axis = None,
        dtype: object = None,
        keepdims: bool = False,
        acc_dtype: object = None,
    ) -> TensorVariable:
        """Return `T.mean` of this."""
        return reductions.mean(self, axis, dtype, keepdims, acc_dtype)

    def var(
        self, axis: Axis = None, ddof: int = 0, keepdims: bool = False, corrected: bool = False
    ) -> TensorVariable:
        """Return `T.var` of this."""
        return reductions.var(self, axis, ddof, keepdims, corrected)

    def std(
        self, axis: Axis = None, ddof: int = 0, keepdims: bool = False, corrected: bool = False
    ) -> TensorVariable:
        """Return `T.std` of this."""
        return reductions.std(self, axis, ddof, keepdims, corrected)

    def norm(
        self, L: float | None = None, axis: Axis = None, keepdims: bool = False
    ) -> TensorVariable:
        """Return `T.norm` of this."""
        return reductions.norm(self, L, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
        """Return `T.max` of this."""
        return reductions.max(self, axis, keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
        """Return `T.min` of this."""
        return reductions.min(self, axis, keepdims)

    def sort(
        self, axis: TensorLike = -1, kind: str = "quicksort", order: None = None
    ) -> TensorVariable:
        """Return `T.sort` of this."""
        return sort(self, axis, kind, order)

    def argsort(
        self, axis: TensorLike = -1, kind: str = "quicksort", order: None = None
    ) -> TensorVariable:
        """Return `T.argsort` of this."""
        return argsort(self, axis, kind, order)

    def searchsorted(
        self, v: TensorLike, side: str = "left", sorter: TensorLike = None
    ) -> TensorVariable:
        """Return `T.searchsorted` of values in this."""
        return searchsorted(self, v, side, sorter)

    def ptp(self, axis: Axis = None) -> TensorVariable:
        """Return `T.ptp` of this."""
        return reductions.ptp(self, axis)

    def argmax(self, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
        """Return `T.argmax` of this."""
        return reductions.argmax(self, axis, keepdims)

    def argmin(self, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
        """Return `T.argmin` of this."""
        return reductions.argmin(self, axis, keepdims)

    def any(self, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
        """Return `T.any` of this."""
        return reductions.any(self, axis, keepdims)

    def all(self, axis: Axis = None, keepdims: bool = False) -> TensorVariable:
        """Return `T.all` of this."""
        return reductions.all(self, axis, keepdims)

    # -------------------------------------------------------------------------- elementwise

    def astype(self, dtype: object) -> TensorVariable:
        """Return this converted to `dtype`."""
        return elementwise.cast(self, dtype)

    def clip(self, a_min: TensorLike, a_max: TensorLike) -> TensorVariable:
        """Return this limited to values from `a_min` to `a_max`."""
        return elementwise.apply(table.clip, self, a_min, a_max)

    def round(self, mode: str | None = None) -> TensorVariable:
        """Return `T.round` of this."""
        return elementwise.round(self, mode)

    @property
    def real(self) -> TensorVariable:
        """This: all numbers here are real."""
        return self

    @property
    def imag(self) -> TensorVariable:
        """Zeros of this shape: all numbers here are real."""
        return elementwise.imag(self)

    def conj(self) -> TensorVariable:
        """Return this: all numbers here are real."""
        return self

    conjugate = conj

    def copy(self, name: str | None = None) -> TensorVariable:
        """Return a variable of the same value."""
        copied = elementwise.apply(table.identity, self)
        copied.name = name
        return copied

    __floor__ = _row_method("floor")
    __ceil__ = _row_method("ceil")
    __trunc__ = _row_method("trunc")

    def transfer(self, target: str) -> TensorVariable:
        """Return this: values move by themselves to where the function that uses them runs."""
        return self

    def fill(self, value: TensorLike) -> TensorVariable:
        """Return `value` repeated to the shape of this."""
        return constructors.fill(self, value)

    def zeros_like(self, dtype: object = None) -> TensorVariable:
        """Return zeros of this shape."""
        return constructors.zeros_like(self, dtype)

    def ones_like(self, dtype: object = None) -> TensorVariable:
        """Return ones of this shape."""
        return constructors.ones_like(self, dtype)

    arccos = _row_method("arccos")
    arccosh = _row_method("arccosh")
    arcsin = _row_method("arcsin")
    arcsinh = _row_method("arcsinh")
    arctan = _row_method("arctan")
    arctanh = _row_method("arctanh")
    ceil = _row_method("ceil")
    cos = _row_method("cos")
    cosh = _row_method("cosh")
    deg2rad = _row_method("deg2rad")
    exp = _row_method("exp")
    exp2 = _row_method("exp2")
    expm1 = _row_method("expm1")
    floor = _row_method("floor")
    log = _row_method("log")
    log10 = _row_method("log10")
    log1p = _row_method("log1p")
    log2 = _row_method("log2")
    rad2deg = _row_method("rad2deg")
    sin = _row_method("sin")
    sinh = _row_method("sinh")
    sqrt = _row_method("sqrt")
    tan = _row_method("tan")
    tanh = _row_method("tanh")
    trunc = _row_method("trunc")

    # ------------------------------------------------------------------ products and entries

    def trace(self) -> TensorVariable:
        """Return the sum of the diagonal of this matrix."""
        from symnet.tensor.nlinalg import trace  # which is made of this

        return trace(self)

    def dot(self, other: TensorLike) -> TensorVariable:
        """Return `T.dot` of this and `other`."""
        return products.dot(self, other)

    def take(
        self, indices: TensorLike, axis: int | None = None, mode: str = "raise"
    ) -> TensorVariable:
        """Return `T.take` of this."""
        return picking.take(self, indices, axis, mode)

    def choose(self, choices: Any, out: None = None, mode: str = "raise") -> TensorVariable:
        """Return `T.choose` of this."""
        return picking.choose(self, choices, out, mode)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> TensorVariable:
        """Return `T.diagonal` of this."""
        return diagonals.diagonal(self, offset, axis1, axis2)

    def cumsum(self, axis: int | None = None) -> TensorVariable:
        """Return `T.cumsum` of this."""
        return cumulative.cumsum(self, axis)

    def cumprod(self, axis: int | None = None) -> TensorVariable:
        """Return `T.cumprod` of this."""
        return cumulative.cumprod(self, axis)

    def nonzero(self, return_matrix: bool = False) -> Any:
        """Return `T.nonzero` of this."""
        return positions.nonzero(self, return_matrix)

    def nonzero_values(self) -> TensorVariable:
        """Return `T.nonzero_values` of this."""
        return positions.nonzero_values(self)

    def compress(self, a: TensorLike, axis: int | None = None) -> TensorVariable:
        """Return `T.compress` of this for the condition `a`."""
        return positions.compress(a, self, axis)

    def repeat(self, repeats: TensorLike, axis: int | None = None) -> TensorVariable:
        """Return `T.repeat` of this."""
        return positions.repeat(self, repeats, axis)


class TensorConstant(TensorVariable, Constant):
    """A tensor known when the graph is built, in `data`."""

    @property
    def value(self) -> np.ndarray[Any, Any]:
        """Its array, which must not be written to."""
        return self.data


VARIABLE_CLASSES[TensorType] = TensorVariable
VARIABLE_CLASSES[Constant] = TensorConstant
