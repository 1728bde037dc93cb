"""Convolutions as contractions, written without any operation."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from symnet.kernel import Axis, Contraction, Param, Store, accumulated
from symnet.scalar import TABLE, Const, Load, Symbol, const


@dataclass(frozen=True)
class Convolution:
    """Filters moved over images, and what becomes of the sums."""

    groups: int
    images: int
    channels: int
    filters: int
    space: tuple[int, ...]  # of the results
    taps: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]  # in front; negative: left out
    dilation: tuple[int, ...]
    missing: int = 0  # elements that the images lack at the end
    epilogue: str = "plain"
    symbolic: bool = False
    swapped: bool = False  # whether images are columns
    dtype: str = "float32"

    @functools.cached_property
    def lengths(self) -> dict[str, int]:
        sizes = (self.groups, self.images, self.channels, self.filters, *self.space, *self.taps)
        return {f"N{i}": n for i, n in enumerate(sizes)}

    @property
    def image(self) -> tuple[int, ...]:
        whole = (
            (n - 1) * s + (k - 1) * d + 1 - p - self.missing
            for n, k, s, d, p in zip(
                self.space, self.taps, self.stride, self.dilation, self.padding, strict=True
            )
        )
        return tuple(max(n, 0) for n in whole)

    def work(self) -> Contraction:
        ints = tuple(Symbol(s) for s in self.lengths) if self.symbolic else ()
        sizes = ints or tuple(const(n) for n in self.lengths.values())
        rank = len(self.space)
        groups, images, channels, filters = sizes[:4]
        space, taps = sizes[4 : 4 + rank], sizes[4 + rank :]
        g, n, c, o = (Symbol(s) for s in ("b", "m_0", "k_0", "n"))
        t = [Symbol(f"m_{i + 1}") for i in range(rank)]
        k = [Symbol(f"k_{i + 1}") for i in range(rank)]
        x = (g * images + n) * channels + c
        w = (g * filters + o) * channels + c
        y = (g * images + n) * filters + o
        inside = []
        for i in range(rank):
            at = t[i] * self.stride[i] + k[i] * self.dilation[i] - self.padding[i]
            length = self.image[i]
            if self.padding[i] > 0 or self.missing:
                inside += [at >= 0, at <= length - 1]
                at = TABLE["maximum"](TABLE["minimum"](at, length - 1), 0)
            x = x * length + at
            w = w * taps[i] + k[i]
            y = y * space[i] + t[i]
        left = Load("x", x, self.dtype)
        if inside:
            condition = functools.reduce(TABLE["logical_and"], inside)
            left = TABLE["switch"](condition, left, Const(0.0, self.dtype))
        right = Load("w", w, self.dtype)
        acc = accumulated(self.dtype)
        params = [Param("x", self.dtype, False), Param("w", self.dtype, False)]
        match self.epilogue:
            case "plain":
                stores = (Store("y", y, acc),)
            case "bias":
                params.append(Param("bias", self.dtype, False))
                stores = (Store("y", y, TABLE["tanh"](acc + Load("bias", o, self.dtype))),)
            case "place":
                where = TABLE["cast_" + self.dtype](t[0] * 3 + t[-1] + n)
                stores = (Store("y", y, acc - where),)
            case "update":
                stores = (Store("y", y, Load("y", y, self.dtype) - acc * 0.5),)
            case "turned":  # filters side by side
                y = g * images + n
                for i in range(rank):
                    y = y * space[i] + t[i]
                stores = (Store("y", y * filters + o, acc),)
        params.append(Param("y", self.dtype, True))
        rows = (Axis(n, images), *(Axis(s, e) for s, e in zip(t, space, strict=True)))
        columns = (Axis(o, filters),)
        if self.swapped:
            rows, columns, left, right = columns, rows, right, left
        return Contraction(
            tuple(params), ints, (Axis(g, groups),), rows, columns,
            (Axis(c, channels), *(Axis(s, e) for s, e in zip(k, taps, strict=True))),
            left, right, stores, self.dtype,
        )  # fmt: skip

    @property
    def sizes(self) -> dict[str, int]:
        """Elements of the buffers."""
        shapes = {
            "x": (self.groups, self.images, self.channels, *self.image),
            "w": (self.groups, self.filters, self.channels, *self.taps),
            "y": (self.groups, self.images, self.filters, *self.space),
            "bias": (self.filters,),
        }
        # Of images without lines, too, places in a line are read, though never used.
        return {p.name: int(np.prod(shapes[p.name])) + 64 for p in self.work().params}
