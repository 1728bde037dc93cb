"""Shared variables: symbolic tensors that have a value, which outlives calls of functions.

`shared` makes one of a number or an array. Compiled functions read the value and, through
`updates`, change it; Python does so with `get_value` and `set_value`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.graph import Variable
from symnet.storage import LOCK, Storage
from symnet.tensor.variable import TensorVariable
from symnet.types import TensorType

Array = np.ndarray[Any, Any]


class SharedVariable(TensorVariable):
    """A tensor whose value lives from call to call; made by `shared`.

    Attributes
    ----------
    container
        The `symnet.storage.Storage` that holds the value.
    default_update
        An expression that becomes the value whenever a compiled function depends on this variable
        and says nothing else, or None.
    allow_downcast
        Whether `set_value` takes values that lose precision or kind.
    """

    default_update: Variable | None = None  # of the class, so that old code may delete its own

    def __init__(self, type: TensorType, container: Storage, name: str | None = None) -> None:
        super().__init__(type, name=name)
        self.container = container
        self.allow_downcast = False

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Array:
        """Return the value.

        Parameters
        ----------
        borrow
            Whether the array may be the very memory that compiled functions write to, as on the
            CPU it is: cheaper, but it changes under your hands, and writing to it changes the
            variable. By default it is a copy.
        return_internal_type
            Accepted for old code; the value is an array on every device.
        """
        with LOCK:
            value = self.container.host()
            return value if borrow else np.array(value)

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Change the value.

        Parameters
        ----------
        new_value
            An array or a number that the variable's dtype holds without loss of kind (or any, if it
            was made with ``allow_downcast=True``); it may have another shape, with the same number
            of dimensions.
        borrow
            Whether the array itself may become the variable's memory, if it is suitable.

        Raises
        ------
        TypeError
            If dtype or number of dimensions are wrong.
        ValueError
            If a dimension known to have a certain length would have another.
        """
        self.container.set(_fitting(new_value, self.type, self), borrow)

    def zero(self, borrow: bool = False) -> None:
        """Set all elements to zero."""
        with LOCK:
            self.set_value(np.zeros(self.container.shape, self.dtype))

    def clone(self) -> SharedVariable:
        """Return another variable with a copy of the value."""
        return copy.copy(self)

    def __copy__(self) -> SharedVariable:
        # Two variables never have one storage: functions rely on it.
        twin = SharedVariable(self.type, copy.deepcopy(self.container), self.name)
        if self.default_update is not None:
            twin.default_update = self.default_update
        twin.allow_downcast = self.allow_downcast
        twin.tag.__dict__.update(self.tag.__dict__)
        return twin

    def __repr__(self) -> str:
        return self.name or f"<shared {self.type}>"


CONSTRUCTORS: list[Callable[[Any, str | None, bool], Any]] = []
"""What is asked first to make a shared variable of a value; each returns None for what it is not.

`symnet.sparse` enters its own.
"""


def shared(
    value: Any,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    borrow: bool = False,
    broadcastable: Sequence[bool] | None = None,
    target: str | None = None,
) -> SharedVariable:
    """Make a shared variable.

    Parameters
    ----------
    value
        An array, a number, or a nested list of numbers. Arrays keep their dtype; a Python float
        becomes ``config.floatX``, a Python integer int64.
    name
        What to call it.
    strict
        Whether to refuse anything but an array.
    allow_downcast
        Whether `SharedVariable.set_value` may be given what loses precision, as a float64 or a
        fraction for an integer; by default it refuses.
    borrow
        Whether the variable may keep the array itself instead of a copy.
    broadcastable
        For each dimension whether its length is, and will stay, 1, so that it broadcasts. By
        default nothing is known of the lengths, and `SharedVariable.set_value` may change them.
    target
        Accepted for old code: a value moves to the device of the function that uses it.

    Raises
    ------
    TypeError
        If `value` is symbolic, or symnet has no dtype for it.

    Examples
    --------
    >>> w = shared(np.zeros((2, 3), "float32"), name="w")
    >>> w.set_value(w.get_value() + 1)
    >>> w.get_value().sum()
    np.float32(6.0)
    """
    if isinstance(value, Variable):
        raise TypeError(
            f"shared needs a value, but {value!r} is an expression without one; .eval() computes it"
        )
    if strict and not isinstance(value, (np.ndarray, np.generic)):
        raise TypeError(f"shared(strict=True) takes an array, not a {type(value).__name__}")
    for made in (make(value, name, borrow) for make in CONSTRUCTORS):
        if made is not None:
            found: SharedVariable = made
            return found
    array = _as_array(value)
    pattern = (False,) * array.ndim if broadcastable is None else tuple(broadcastable)
    if len(pattern) != array.ndim:
        raise ValueError(
            f"shared: broadcastable={pattern} is for {len(pattern)} dimensions, the value has "
            f"{array.ndim}"
        )
    kind = TensorType(dtypes.canonical(array.dtype), broadcastable=pattern)
    _check_lengths(array, kind, name or "shared")
    made = SharedVariable(kind, Storage(array, borrow), name)
    made.allow_downcast = bool(allow_downcast)
    return made


def _as_array(value: Any) -> Array:
    """Return `value` as an array of a dtype symnet has; Python floats get the default one."""
    array = np.asarray(value)
    dtype = dtypes.canonical(array.dtype)
    if dtypes.is_float(dtype) and not isinstance(value, (np.ndarray, np.generic)):
        dtype = config.floatX
    return array.astype(dtype, copy=False)


def _fitting(value: Any, kind: TensorType, variable: SharedVariable) -> Array:
    """Return `value` as an array of a type, or say why it is not one."""
    if isinstance(value, Variable):
        raise TypeError(
            f"set_value of {variable!r}: {value!r} is an expression; .eval() computes its value, "
            "and `updates` of a function change a variable to that of an expression"
        )
    array = np.asarray(value)
    given = array.dtype.name
    weak = not isinstance(value, (np.ndarray, np.generic))
    casting: Literal["same_kind", "safe"] = "same_kind" if weak else "safe"
    if not (np.can_cast(array.dtype, kind.dtype, casting) or variable.allow_downcast):
        raise TypeError(
            f"set_value of {variable!r}: its dtype is {kind.dtype}, and a value of {given} would "
            f"lose precision; convert it with .astype({kind.dtype!r})"
        )
    if array.ndim != kind.ndim:
        raise TypeError(
            f"set_value of {variable!r}: it has {kind.ndim} dimensions, the value has "
            f"{array.ndim} (shape {array.shape})"
        )
    _check_lengths(array, kind, f"set_value of {variable!r}")
    return array.astype(kind.dtype, copy=False)


def _check_lengths(array: Array, kind: TensorType, what: str) -> None:
    for axis, (known, n) in enumerate(zip(kind.shape, array.shape, strict=True)):
        if known not in (None, n):
            raise ValueError(
                f"{what}: dimension {axis} must have length {known}, the value has shape "
                f"{array.shape}"
            )
