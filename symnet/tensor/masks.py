"""Boolean masks between brackets.

A mask stands for as many dimensions as it has. By itself, it picks positions of these dimensions
joined into one; beside other arrays of indices, it is the vectors of indices at which it is true. A
tensor changed under a mask needs no positions, unless what is put there has one entry for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symnet.graph import Variable
from symnet.ops.positions import FlatNonzero
from symnet.ops.shape import SpecifyShape
from symnet.scalar import table
from symnet.tensor.manipulation import dimshuffle, length, lengths, product, reshape

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

_MISFIT = "the mask has other lengths than the dimensions that it stands for"


def is_mask(entry: Any) -> bool:
    """Whether an index is a boolean tensor."""
    return isinstance(entry, Variable) and entry.dtype == "bool"


def under(x: TensorVariable, mask: TensorVariable, axis: int) -> TensorVariable:
    """Return `x`, its dimensions from `axis` on held to the lengths of a mask.

    Raises
    ------
    IndexError
        If lengths that are known differ.
    """
    places = range(axis, axis + mask.ndim)
    pairs = [(x.type.shape[k], mask.type.shape[k - axis]) for k in places]
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise IndexError(f"a mask of {mask.type} does not fit {x.type} from dimension {axis} on")
    unknown = tuple(k for k, pair in zip(places, pairs, strict=True) if None in pair)
    if not unknown:
        return x
    asked = [length(mask, k - axis) for k in unknown]
    held: TensorVariable = SpecifyShape((None,) * x.ndim, unknown, _MISFIT)(x, *asked)
    return held


def places(x: TensorVariable) -> list[TensorVariable]:
    """Return for each dimension of a tensor the vector of indices at which it is not zero."""
    place: Any = FlatNonzero()(x)
    found = []
    for n in reversed(lengths(x)[1:]):
        found.append(place % n)
        place = place // n
    return [place, *reversed(found)]


@dataclass(frozen=True, slots=True)
class Masked:
    """A tensor under one mask.

    Attributes
    ----------
    whole
        The tensor, its lengths held to those of the mask.
    mask
        The mask.
    axis
        The first of the dimensions it stands for.
    joined
        The tensor with these dimensions joined into one.
    plain
        Whether all other dimensions are taken whole.
    """

    whole: TensorVariable
    mask: TensorVariable
    axis: int
    joined: TensorVariable
    plain: bool

    @staticmethod
    def of(x: TensorVariable, mask: TensorVariable, axis: int, plain: bool) -> Masked:
        """`x` under a mask whose first dimension is dimension `axis` of `x`."""
        whole = joined = under(x, mask, axis)
        if mask.ndim != 1:
            dims, behind = lengths(whole), axis + mask.ndim
            joined = reshape(whole, [*dims[:axis], product(dims[axis:behind]), *dims[behind:]])
        return Masked(whole, mask, axis, joined, plain)

    def positions(self) -> TensorVariable:
        """Where the mask is true, along the joined dimension."""
        found: TensorVariable = FlatNonzero()(self.mask)
        return found

    def back(self, joined: TensorVariable) -> TensorVariable:
        """`joined`, or a changed one, with the dimensions of the whole."""
        return joined if self.mask.ndim == 1 else reshape(joined, lengths(self.whole))

    def changed(self, y: TensorVariable, replace: bool) -> TensorVariable | None:
        """The whole with `y` put, or added, where the mask is true.

        None if something is to be done only to a part of that, or `y` has an entry for each place.
        """
        if not self.plain:
            return None
        ndim = self.joined.ndim
        place = self.axis - (ndim - y.ndim)
        if place >= 0:
            if y.type.shape[place] != 1:
                return None
            before, after = range(place), range(place + 1, y.ndim)
            y = dimshuffle(y, *before, *["x"] * self.mask.ndim, *after)
        here = dimshuffle(self.mask, *range(self.mask.ndim), *["x"] * (ndim - self.axis - 1))
        new: TensorVariable = table.switch(here, y if replace else self.whole + y, self.whole)
        return new
