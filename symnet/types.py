"""Types of symbolic values: a dtype and a shape whose unknown lengths are None.

A length known to be 1 broadcasts; an unknown length never does, even if it happens to be 1 when
the function runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnet import dtypes

Shape = tuple[int | None, ...]

VARIABLE_CLASSES: dict[type, Callable[..., Any]] = {}
"""Class of the variables of each kind of type, called with (type, owner, index, name)."""


@dataclass(frozen=True, slots=True, init=False)
class TensorType:
    """The type of a dense tensor; called with a name, it makes a symbolic input of this type.

    Parameters
    ----------
    dtype
        Name of the element type, or anything `dtypes.canonical` understands.
    shape
        One entry for each dimension: its length, or None where unknown. Booleans are Theano's
        broadcast pattern: True is length 1, False an unknown length.
    broadcastable
        The same pattern under Theano's name for it.
    name
        Theano's name of a type; without effect.

    Examples
    --------
    >>> matrix = TensorType("float32", (None, 1))
    >>> matrix.ndim, matrix.broadcastable
    (2, (False, True))
    >>> print(TensorType("float32", (False, True)))
    float32[?, 1]
    """

    dtype: str
    shape: Shape

    def __init__(
        self,
        dtype: object,
        shape: Sequence[int | None] | None = None,
        broadcastable: Sequence[bool] | None = None,
        name: str | None = None,
    ) -> None:
        if (shape is None) == (broadcastable is None):
            raise TypeError("a TensorType needs a shape or a broadcast pattern, one of the two")
        given = tuple(shape if shape is not None else broadcastable or ())
        known = isinstance(dtype, str) and dtype in dtypes.ALL
        object.__setattr__(self, "dtype", dtype if known else dtypes.canonical(dtype))
        object.__setattr__(self, "shape", tuple(n if n is None else _length(n) for n in given))

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """For each dimension whether its length is known to be 1, as Theano calls it."""
        return tuple(n == 1 for n in self.shape)

    def accepts(self, other: TensorType) -> bool:
        """Whether every value of type `other` is also a value of this type."""
        return (
            self.dtype == other.dtype
            and self.ndim == other.ndim
            and all(
                mine is None or mine == theirs
                for mine, theirs in zip(self.shape, other.shape, strict=True)
            )
        )

    def clone(
        self, dtype: object = None, broadcastable: Sequence[bool] | None = None
    ) -> TensorType:
        """Return this type with another dtype or broadcast pattern."""
        shape = self.shape if broadcastable is None else tuple(broadcastable)
        return TensorType(self.dtype if dtype is None else dtype, shape)

    def make_variable(
        self, name: str | None = None, shape: Sequence[int | None] | None = None
    ) -> Any:
        """Return a symbolic input of this type; `shape` names lengths that the type leaves open.

        Raises
        ------
        TypeError
            If the name is not a string.
        ValueError
            If the shape is not one of this type.
        """
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of a variable is a string, not {name!r}")
        kind = self
        if shape is not None:
            known = (n if m is None else m for m, n in zip(shape, self.shape, strict=False))
            kind = TensorType(self.dtype, tuple(known))
            if not self.accepts(kind) or len(shape) != self.ndim:
                raise ValueError(f"the shape {tuple(shape)} is not one of the type {self}")
        return VARIABLE_CLASSES[type(self)](kind, None, 0, name)

    __call__ = make_variable

    def filter(
        self, data: Any, strict: bool = False, allow_downcast: bool | None = None
    ) -> np.ndarray[Any, Any]:
        """Return a value as an array of this type.

        Parameters
        ----------
        data
            An array, a number or a nested list of numbers.
        strict
            Whether to refuse what would have to be converted.
        allow_downcast
            Whether the value may lose precision; None allows it for Python floats.

        Raises
        ------
        TypeError
            If `data` is not a value of this type.
        """
        value = np.asarray(data)
        weak = not isinstance(data, (np.ndarray, np.generic))
        if not (strict or allow_downcast is False) and (weak or allow_downcast):
            casting = "unsafe" if allow_downcast else "same_kind"
        else:
            casting = "no" if strict else "safe"
        if np.can_cast(value.dtype, self.dtype, casting):  # type: ignore[arg-type]
            value = value.astype(self.dtype, copy=False)
            if self.accepts(TensorType.of(value)):
                return value
        raise TypeError(f"{data!r} of dtype {value.dtype} and shape {value.shape} is no {self}")

    def values_eq(self, a: Any, b: Any) -> bool:
        """Whether two arrays are the same: shapes, dtypes and elements, NaN for NaN."""
        a, b = np.asarray(a), np.asarray(b)
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")

    def values_eq_approx(self, a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
        """Whether two arrays are the same up to rounding."""
        a, b = np.asarray(a), np.asarray(b)
        same = a.dtype == b.dtype and a.shape == b.shape
        return same and np.allclose(a, b, rtol, atol, equal_nan=True)

    def is_valid_value(self, data: Any) -> bool:
        """Whether `data` is an array of this type."""
        try:
            self.filter(data, strict=True)
        except TypeError:
            return False
        return isinstance(data, np.ndarray)

    @staticmethod
    def of(value: np.ndarray[Any, Any]) -> TensorType:
        """Return the most precise type of a NumPy array."""
        return TensorType(dtypes.canonical(value.dtype), value.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join('?' if n is None else str(n) for n in self.shape)}]"


def _length(n: Any) -> int | None:
    """Return a static length for an entry of a shape or of a broadcast pattern."""
    if isinstance(n, (bool, np.bool_)):
        return 1 if n else None
    if not isinstance(n, (int, np.integer)) or n < 0:
        raise TypeError(f"a length in a type is None or an integer of at least 0, not {n!r}")
    return int(n)
