"""Convolutions of any rank with Theano's conventions, and their gradients.

A `Convolution` holds the settings that a convolution shares with its gradients; its methods build
expressions. Inputs are (batch, channels, space...), filters (filters, channels, taps...), results
(batch, filters, space...). Unless told otherwise the filters are flipped, as a convolution's are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet import dtypes, ops
from symnet.config import config
from symnet.ops.convolution import Length, Pair, dilated, filter_gradient, input_gradient
from symnet.ops.integers import integer_value
from symnet.ops.shape import Broadcast
from symnet.scalar import Const, Expr, Symbol, const
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted, static_integer
from symnet.tensor.manipulation import (
    dimshuffle,
    lengths,
    reshape,
    shape_arguments,
    specify_shape,
)
from symnet.tensor.nnet import unshared_convolutions as by_place
from symnet.tensor.nnet.conv_shapes import BorderMode, border_pads

if TYPE_CHECKING:
    from symnet.graph import Variable
    from symnet.tensor.variable import TensorVariable

Shape = Sequence[Any] | None
"""Lengths as far as they are known beforehand; None for each that is not, or for all of them."""


@dataclass(frozen=True)
class Convolution:
    """What a convolution and its gradients have in common.

    Attributes
    ----------
    what
        The function's name, for messages.
    rank
        Number of spatial dimensions.
    border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared
        As of `conv2d`.
    """

    what: str
    rank: int
    border_mode: BorderMode = "valid"
    subsample: Sequence[int] = ()
    filter_flip: bool = True
    filter_dilation: Sequence[int] = ()
    num_groups: int = 1
    unshared: bool = False

    def __post_init__(self) -> None:
        for name in ("subsample", "filter_dilation"):
            object.__setattr__(self, name, self._steps(getattr(self, name), name))
        if self.num_groups < 1:
            raise ValueError(f"{self.what}: num_groups is at least 1, got {self.num_groups}")
        if self.unshared and self.rank != 2:
            raise ValueError(f"{self.what}: only convolutions of two dimensions can be unshared")
        border_pads(self.border_mode, [1] * self.rank, self.what)

    def _steps(self, steps: Any, name: str) -> tuple[int, ...]:
        whole = isinstance(steps, (tuple, list, np.ndarray))
        given = list(steps) if whole else [steps] * self.rank
        known = [static_integer(n) for n in given or (1,) * self.rank]
        if len(known) != self.rank or any(n is None or n < 1 for n in known):
            raise ValueError(
                f"{self.what}: {name} is an integer of at least 1 for each of {self.rank} spatial "
                f"dimensions, not {steps!r}"
            )
        return tuple(n for n in known if n is not None)

    # ------------------------------------------------------------------- what users ask for

    def apply(
        self, x: TensorLike, w: TensorLike, x_shape: Shape = None, w_shape: Shape = None
    ) -> TensorVariable:
        """Return the convolution of an input with filters."""
        x, w = _of_one_dtype(x, w)
        x = self._described(x, x_shape, self.rank + 2, "input")
        w = self._described(w, w_shape, self._filter_ndim, "filters")
        channels, own = x.type.shape[1], w.type.shape[-self.rank - 1]
        if channels is not None and own is not None and channels != own * self.num_groups:
            groups = f" in each of {self.num_groups} groups" if self.num_groups > 1 else ""
            raise ValueError(
                f"{self.what}: the input {x.type} has {channels} channels, but the filters "
                f"{w.type} take {own}{groups}"
            )
        parts, taps = self._grouped(x), self._taps(w)
        if self.unshared:
            return self._joined(by_place.apply(parts, self._places(w), *self._settings(taps)))
        pads, steps = self._pads(taps), self.subsample
        ones = (1,) * self.rank
        out = ops.convolve(parts, self._grouped_filters(w), steps, pads, ones, self.filter_dilation)
        return self._joined(out)

    def input_gradient(
        self,
        w: TensorLike,
        g: TensorLike,
        space: Any,
        x_shape: Shape = None,
        w_shape: Shape = None,
    ) -> TensorVariable:
        """Return the gradient of the input, of spatial lengths `space`, given the result's."""
        w, g = _of_one_dtype(w, g)
        w = self._described(w, w_shape, self._filter_ndim, "filters")
        g = self._described(g, None, self.rank + 2, "gradient of the result")
        n = self._lengths(space, x_shape, 2)
        taps = self._taps(w)
        g = self._agreeing(g, n, taps)
        parts = self._grouped(g)
        if self.unshared:
            settings = self._settings(taps)
            back: Variable = by_place.input_gradient(parts, self._places(w), n, *settings)
        else:
            back = input_gradient(
                parts,
                self._grouped_filters(w),
                n,
                self.subsample,
                self._pads(taps),
                (1,) * self.rank,
                self.filter_dilation,
            )
        return self._described(self._joined(back), x_shape, self.rank + 2, "input")

    def filter_gradient(
        self,
        x: TensorLike,
        g: TensorLike,
        taps: Any,
        x_shape: Shape = None,
        w_shape: Shape = None,
    ) -> TensorVariable:
        """Return the gradient of the filters, of `taps` lengths, given the result's."""
        x, g = _of_one_dtype(x, g)
        x = self._described(x, x_shape, self.rank + 2, "input")
        g = self._described(g, None, self.rank + 2, "gradient of the result")
        k = self._lengths(taps, w_shape, self._filter_ndim - self.rank)
        g = self._agreeing(g, _lengths(x)[2:], k)
        parts, tops = self._grouped(x), self._grouped(g)
        if self.unshared:
            found = self._without_places(by_place.filter_gradient(parts, tops, *self._settings(k)))
        else:
            found = self._without_groups(
                filter_gradient(
                    parts,
                    tops,
                    k,
                    self.subsample,
                    self._pads(k),
                    (1,) * self.rank,
                    self.filter_dilation,
                )
            )
        return self._described(found, w_shape, self._filter_ndim, "filters")

    # ------------------------------------------------------------------------------ parts

    @property
    def _filter_ndim(self) -> int:
        return self.rank + 2 + (self.rank if self.unshared else 0)

    def _described(self, v: TensorVariable, shape: Shape, ndim: int, name: str) -> TensorVariable:
        """Return `v` with the lengths that the user says it has."""
        if v.ndim != ndim:
            raise TypeError(f"{self.what}: the {name} has {ndim} dimensions, got {v.type}")
        if shape is None:
            return v
        given = list(shape)
        if len(given) != ndim:
            raise ValueError(
                f"{self.what}: a shape of {len(given)} entries, {tuple(given)}, for the {name} of "
                f"{ndim} dimensions"
            )
        known = [None if n is None else _length(n) for n in given]
        return specify_shape(v, [n if isinstance(n, int) else None for n in known])

    def _lengths(self, given: Any, shape: Shape, skipped: int) -> list[Length]:
        """Return spatial lengths from a shape that holds them only, or the other ones too."""
        if given is None:
            given = [None] * self.rank
        if isinstance(given, (tuple, list)):
            given = list(given)[-self.rank :]
        else:
            given = shape_arguments(given, self.what)[-self.rank :]
        if shape is not None:
            own = list(shape)[skipped:]
            given = [b if a is None else a for a, b in zip(given, own, strict=True)]
        if len(given) != self.rank or any(n is None for n in given):
            raise ValueError(
                f"{self.what}: the {self.rank} spatial lengths of what is wanted must be given, "
                f"got {tuple(given)}"
            )
        return [_length(n) for n in given]

    def _taps(self, w: TensorVariable) -> list[Length]:
        return _lengths(w)[-self.rank :]

    def _pads(self, taps: Sequence[Length]) -> list[Pair]:
        reach = [dilated(k, by) for k, by in zip(taps, self.filter_dilation, strict=True)]
        return border_pads(self.border_mode, reach, self.what)

    def _settings(self, taps: Sequence[Length]) -> tuple[Any, ...]:
        """What the functions of an unshared convolution ask for."""
        fixed = [n for n in taps if isinstance(n, int)]
        if len(fixed) != len(taps):
            raise ValueError(
                f"{self.what}: rows and columns of unshared filters must be known beforehand; "
                "give filter_shape"
            )
        return fixed, self.subsample, self._pads(taps), self.filter_dilation

    def _agreeing(
        self, g: TensorVariable, space: Sequence[Length], taps: Sequence[Length]
    ) -> TensorVariable:
        """Return `g`, which has the lengths that input and filters of these lengths give."""
        wanted: list[Any] = []
        pads = self._pads(taps)
        for axis, (n, k) in enumerate(zip(space, taps, strict=True)):
            low, high = pads[axis]
            reach = dilated(k, self.filter_dilation[axis])
            wanted.append((n + low + high - reach) // self.subsample[axis] + 1)
        have = g.type.shape[2:]
        for axis, (n, m) in enumerate(zip(wanted, have, strict=True)):
            if isinstance(n, int) and m is not None and n != m:
                raise ValueError(
                    f"{self.what}: an input of spatial lengths {tuple(space)} and filters of "
                    f"{tuple(taps)} give a result of length {n} in spatial dimension {axis}, but "
                    f"its gradient {g.type} has {m}"
                )
        if all(isinstance(n, int) for n in wanted):
            return specify_shape(g, [None, None, *wanted])
        if 1 in have:
            return g
        checked: TensorVariable = Broadcast(g.ndim)(
            g, *lengths(g)[:2], *(as_tensor_variable(n) for n in wanted)
        )
        return checked

    def _flipped(self, w: TensorVariable) -> TensorVariable:
        if not self.filter_flip:
            return w
        whole = (slice(None),) * (w.ndim - self.rank)
        return w[whole + (slice(None, None, -1),) * self.rank]

    def _grouped(self, x: TensorVariable) -> TensorVariable:
        """(batch, channels, space...) as (groups, batch, channels, space...)."""
        rest = range(3, 3 + self.rank)
        if self.num_groups == 1:
            return dimshuffle(x, "x", *range(x.ndim))
        batch, channels, *space = _lengths(x)
        parts = reshape(x, [batch, self.num_groups, channels // self.num_groups, *space])
        return dimshuffle(parts, 1, 0, 2, *rest)

    def _joined(self, out: Variable) -> TensorVariable:
        """(groups, batch, channels, space...) as (batch, channels, space...)."""
        rest = range(3, 3 + self.rank)
        if self.num_groups == 1:
            return dimshuffle(out, 1, 2, *rest)
        groups, batch, channels, *space = _lengths(out)
        parts = dimshuffle(out, 1, 0, 2, *rest)
        return reshape(parts, [batch, groups * channels, *space])

    def _grouped_filters(self, w: TensorVariable) -> TensorVariable:
        """(filters, channels, taps...) as (groups, filters, channels, taps...), not flipped."""
        w = self._flipped(w)
        if self.num_groups == 1:
            return dimshuffle(w, "x", *range(w.ndim))
        filters, channels, *taps = _lengths(w)
        return reshape(w, [self.num_groups, filters // self.num_groups, channels, *taps])

    def _without_groups(self, w: Variable) -> TensorVariable:
        if self.num_groups == 1:
            joined = dimshuffle(w, *range(1, w.ndim))
        else:
            groups, filters, channels, *taps = _lengths(w)
            joined = reshape(w, [groups * filters, channels, *taps])
        return self._flipped(joined)

    def _places(self, w: TensorVariable) -> TensorVariable:
        """Unshared filters as (groups, filters, rows, columns, channels, taps...)."""
        w = self._flipped(w)
        filters, *rest = _lengths(w)
        return reshape(w, [self.num_groups, filters // self.num_groups, *rest])

    def _without_places(self, w: Variable) -> TensorVariable:
        groups, filters, *rest = _lengths(w)
        return self._flipped(reshape(w, [groups * filters, *rest]))


def _of_one_dtype(a: TensorLike, b: TensorLike) -> tuple[TensorVariable, TensorVariable]:
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    dtype = dtypes.promote(a.dtype, b.dtype)
    if not dtypes.is_float(dtype):
        dtype = dtypes.promote(dtype, config.floatX)
    return converted(a, dtype), converted(b, dtype)


def _length(n: Any) -> Length:
    """Return a length as a number if it follows from what types say, else as it is."""
    number = static_integer(n)
    if number is not None:
        return number
    v = as_tensor_variable(n)
    if v.ndim != 0 or v.dtype not in dtypes.INTEGER:
        raise TypeError(f"a length is an integer of no dimensions, got {n!r} of type {v.type}")
    found = integer_value(v, lambda _: None, _lengths_of_type)
    return int(found.value) if isinstance(found, Const) else converted(v, "int64")


def _lengths(v: Variable) -> list[Any]:
    return [_length(n) for n in lengths(v)]


def _lengths_of_type(v: Variable) -> tuple[Expr, ...]:
    return tuple(Symbol("?") if n is None else const(n) for n in v.type.shape)
