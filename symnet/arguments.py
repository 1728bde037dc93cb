"""The arguments of a call: found, checked and made arrays that compiled code can read.

In go the positional and keyword arguments of a call; out come one array for each input of the
program, and values for the function's hidden state where the call gives any. Every mistake a caller
can make, shapes that do not agree aside, is reported here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.freeze import In, Signature
from symnet.graph import Variable
from symnet.shared import SharedVariable
from symnet.types import TensorType

Array = np.ndarray[Any, Any]

_ABSENT: Any = object()


class Arguments:
    """Reads the arguments of one function's calls.

    Parameters
    ----------
    name
        The function's name, for messages.
    signature
        Its inputs.
    variables
        The variables that stand for them in the graph, hidden state left out.
    allow_downcast
        Whether values may lose precision, where an input does not say itself.

    Raises
    ------
    TypeError, ValueError
        If the default of an input does not convert to its type.
    """

    def __init__(
        self,
        name: str,
        signature: Signature,
        variables: Sequence[Variable],
        allow_downcast: bool | None,
    ) -> None:
        self._name = name
        rest = iter(variables)
        self.places = tuple(
            Place(name, k, spec, state, state.type if state else next(rest).type, allow_downcast)
            for k, (spec, state) in enumerate(zip(signature.inputs, signature.states, strict=True))
        )
        self._named: dict[str, list[Place]] = {}
        for place in self.places:
            if place.spec.name:
                self._named.setdefault(place.spec.name, []).append(place)

    def read(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[list[Array], list[tuple[SharedVariable, Array]]]:
        """Arrays for the inputs, and the hidden state that the call gives.

        Raises
        ------
        TypeError
            If an argument is missing, unknown, given twice or of a type that does not convert.
        ValueError
            If a length is not the one that the input's type says.
        """
        places = self.places
        if len(args) > len(places):
            takes = f"takes {len(places)} argument{'s' * (len(places) != 1)}"
            raise TypeError(f"{self._name}() {takes}, got {len(args)}")
        given = [*args, *(_ABSENT,) * (len(places) - len(args))]
        for name, value in kwargs.items():
            place = self.place(name)
            if given[place.number] is not _ABSENT:
                raise TypeError(f"{self._name}() got the input {name!r} twice")
            given[place.number] = value
        arrays: list[Array] = []
        states: list[tuple[SharedVariable, Array]] = []
        for place, value in zip(places, given, strict=True):
            if place.state is None:
                arrays.append(place.default() if value is _ABSENT else place.convert(value))
            elif value is not _ABSENT:
                states.append((place.state, place.convert(value)))
        return arrays, states

    def place(self, key: str | int | Variable) -> Place:
        """The input of a name, a number or a variable.

        Raises
        ------
        TypeError
            If there is none, or more than one.
        """
        if isinstance(key, int):
            return self.places[key]
        if isinstance(key, Variable):
            found = [p for p in self.places if p.spec.variable is key]
        else:
            found = self._named.get(key, [])
        if len(found) > 1:
            raise TypeError(f"{self._name}() has {len(found)} inputs called {key!r}; rename one")
        if not found:
            known = ", ".join(self._named) or "no inputs with names"
            raise TypeError(f"{self._name}() has no input {key!r}; it has {known}")
        return found[0]


class Place:
    """One input of a function.

    Attributes
    ----------
    number
        Its position among the inputs.
    spec
        What the user said of it.
    state
        The variable that holds it between calls, for hidden state.
    """

    __slots__ = (
        "_bounds",
        "_default",
        "_downcast",
        "_dtype",
        "_floats",
        "_name",
        "_scalar",
        "_shown",
        "_type",
        "number",
        "spec",
        "state",
    )

    def __init__(
        self,
        function: str,
        number: int,
        spec: In,
        state: SharedVariable | None,
        kind: TensorType,
        allow_downcast: bool | None,
    ) -> None:
        self.number = number
        self._shown = number if spec.number is None else spec.number
        self.spec = spec
        self.state = state
        self._name = function
        self._type = kind
        self._dtype = np.dtype(kind.dtype)
        self._downcast = allow_downcast if spec.allow_downcast is None else spec.allow_downcast
        self._scalar = kind.ndim == 0 and not spec.strict
        rounds = self._downcast is not False or kind.dtype == "float64"
        self._floats = self._scalar and rounds and dtypes.is_float(kind.dtype)
        self._bounds = (0, -1)
        if kind.dtype in dtypes.INTEGER:
            info = np.iinfo(kind.dtype)
            self._bounds = (int(info.min), int(info.max))
        self._default: Any = _ABSENT
        if state is None and spec.value is not None:
            self.set_default(spec.value)

    def default(self) -> Array:
        """The value for calls that give none."""
        value = self._default
        if value is _ABSENT:
            raise TypeError(
                f"{self._name}() misses the input {self.spec.variable!r} (number {self._shown})"
            )
        if isinstance(value, SharedVariable):
            # A copy: the call may write the variable's own memory.
            return self.convert(value.get_value())
        found: Array = value
        return found

    def set_default(self, value: Any) -> None:
        """Give calls that say nothing another value."""
        self._default = value if isinstance(value, SharedVariable) else self.convert(value)

    def convert(self, value: Any) -> Array:
        """An argument as an array that native code can read."""
        kind = type(value)
        if kind is np.ndarray and value.dtype == self._dtype:
            array: Array = value
        elif self._scalar and (
            (kind is int and self._bounds[0] <= value <= self._bounds[1])
            or (kind is float and self._floats)
        ):
            return np.array(value, self._dtype)
        elif isinstance(value, SharedVariable):
            return self.convert(value.get_value())
        else:
            array = self._other(value)
        return self._shaped(array)

    def _other(self, value: Any) -> Array:
        """What is not an array of the right dtype, as one."""
        if isinstance(value, Variable):
            raise TypeError(
                f"{self._what()} needs a value, got the expression {value!r}; "
                ".eval() computes its value"
            )
        if self.spec.strict and not (isinstance(value, np.ndarray) and value.dtype == self._dtype):
            raise TypeError(
                f"{self._what()} is strict and needs an array of {self._dtype}, got {_kind(value)}"
            )
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(
                f"{self._what()} needs an array without a mask; .filled() gives its gaps a value"
            )
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise TypeError(f"{self._what()} cannot be made an array: {error}") from None
        return array if array.dtype == self._dtype else self._converted(array, value)

    def _converted(self, array: Array, value: Any) -> Array:
        """An array in another dtype, if nothing is lost or the user allows it."""
        wanted = self._dtype
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{self._what()} needs {wanted}, got {_kind(value)}")
        literal = not isinstance(value, np.ndarray | np.generic)
        rounds = literal and wanted.kind == "f" and self._downcast is not False
        with np.errstate(all="ignore"):
            if array.size == 0 and literal:
                return array.astype(wanted)  # an empty list has no dtype of its own
            if np.can_cast(array.dtype, wanted, "safe") or self._downcast or rounds:
                return array.astype(wanted)
            converted = array.astype(wanted)
        if array.dtype.kind in "biu" and np.array_equal(converted, array):
            return converted  # integers that fit
        raise TypeError(
            f"{self._what()} needs {wanted}, got {_kind(value)} ({array.dtype}) whose values would "
            f"change; convert it with .astype({wanted.name!r}), or pass allow_input_downcast=True "
            "to function"
        )

    def _shaped(self, array: Array) -> Array:
        """An array of the right dtype in plain memory, if its shape is right."""
        kind = self._type
        if array.ndim != kind.ndim:
            raise TypeError(
                f"{self._what()} needs {kind.ndim} dimensions, got {array.ndim} "
                f"(shape {array.shape})"
            )
        for axis, (n, static) in enumerate(zip(array.shape, kind.shape, strict=True)):
            if static is not None and n != static:
                raise ValueError(
                    f"{self._what()} has length {n} in dimension {axis} where its type {kind} "
                    f"says {static}"
                )
        flags = array.flags
        if flags.c_contiguous and flags.aligned:
            return array
        return np.array(array, self._dtype, order="C")

    def _what(self) -> str:
        return f"{self._name}(): input {self.spec.variable!r} (number {self._shown})"


def _kind(value: Any) -> str:
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
