"""Contractions of several axes: convolutions of all kinds against their meaning as loop nests."""

import functools
from dataclasses import dataclass

import numpy as np
import pytest

from symnet.kernel import Axis, Contraction, Param, Store, accumulated, verify
from symnet.scalar import TABLE, Const, Load, Symbol, const
from symnet_cuda.contraction import as_kernel
from symnet_llvm.borders import arranged
from tests.backends.llvm.test_contraction import HOST, TARGETS, Native
from tests.kernel_interpreter import interpret


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

    def memory(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        shapes = {
            "x": (self.groups, self.images, self.channels, *self.image),
            "w": (self.groups, self.filters, self.channels, *self.taps),
            "y": (self.groups, self.images, self.filters, *self.space),
            "bias": (self.filters,),
        }
        # Of images without lines, too, places in a line are read, though never used.
        return {
            p.name: (rng.random(int(np.prod(shapes[p.name])) + 64) - 0.5).astype(p.dtype)
            for p in self.work().params
        }


def check(cases: list[Convolution], target) -> None:
    rng = np.random.default_rng(0)
    native = Native(cases, target)
    for i, case in enumerate(cases):
        memory = case.memory(rng)
        want = {name: array.astype("float64") for name, array in memory.items()}
        work = case.work()
        verify(work)
        interpret(as_kernel(work), want, case.lengths)
        one = native.run(i, memory, 1)
        tolerance = 1e-5 if case.dtype == "float32" else 1e-12
        np.testing.assert_allclose(
            one["y"], want["y"], rtol=tolerance, atol=tolerance, err_msg=str(case)
        )
        for parts in (2, 3):
            shared = native.run(i, memory, parts)
            assert one["y"].tobytes() == shared["y"].tobytes(), (case, parts)


def draw(count: int, seed: int, **fixed) -> list[Convolution]:
    rng = np.random.default_rng(seed)

    def pick(*choices):
        return choices[rng.integers(len(choices))]

    cases = []
    for _ in range(count):
        rank = pick(1, 2, 2, 3)
        longest = {1: 60, 2: 11, 3: 4}[rank]
        cases.append(
            Convolution(
                pick(1, 1, 2, 3), pick(0, 1, 2, 3, 5), pick(0, 1, 1, 2, 3), pick(1, 2, 5, 9),
                tuple(int(rng.integers(1, longest + 1)) for _ in range(rank)),
                tuple(pick(1, 2, 3) for _ in range(rank)),
                tuple(pick(1, 1, 2, 3) for _ in range(rank)),
                tuple(pick(0, 0, 1, 2, -1) for _ in range(rank)),
                tuple(pick(1, 1, 2) for _ in range(rank)),
                pick(0, 0, 1, 2),
                pick("plain", "bias", "place", "update", "turned"),
                swapped=pick(False, True),
                **fixed,
            )
        )  # fmt: skip
    return cases


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_convolutions(target, dtype):
    check(draw(12, 1, dtype=dtype), target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
def test_symbolic_lengths(target):
    check(draw(8, 2, symbolic=True), target)


def test_sums_longer_than_a_block():
    cases = [
        Convolution(1, 2, 300, 5, (6, 7), (3, 2), (1, 1), (1, 0), (1, 1)),
        Convolution(1, 5, 3, 4, (3, 3), (40, 17), (1, 1), (1, 1), (1, 1), 1, swapped=True),
        Convolution(2, 3, 700, 4, (9,), (3,), (2,), (0,), (1,), 0, "update"),
        Convolution(1, 2, 300, 5, (6, 7), (3, 2), (1, 1), (1, 0), (1, 1), symbolic=True),
    ]
    check(cases, HOST)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
def test_taps_beyond_the_border_are_left_out(target):
    wide = {"stride": (1, 1), "padding": (4, 4), "dilation": (1, 1), "missing": 4}
    cases = [
        Convolution(1, 3, 4, 5, (12, 12), (5, 5), **wide),
        Convolution(2, 3, 2, 9, (12, 7), (5, 5), **wide, swapped=True, epilogue="bias"),
        Convolution(1, 2, 150, 3, (9, 12), (5, 5), **wide, epilogue="update"),
        Convolution(1, 9, 2, 3, (12, 12), (5, 3), (2, 1), (6, 2), (2, 1), 8, "turned"),
        Convolution(1, 2, 2, 3, (5, 6, 7), (3, 5, 3), (1, 1, 1), (2, 4, 1), (1, 1, 1), 2),
    ]
    assert all(arranged(case.work()) != case.work() for case in cases)
    check(cases, target)


def test_scratch_memory_is_bounded():
    for symbolic in (False, True):
        case = Convolution(
            1, 64, 512, 512, (32, 32), (5, 5), (1, 1), (2, 2), (1, 1), 0, "bias", symbolic
        )
        native = Native([case], HOST)
        assert native.scratch[0].scratch_bytes < 16 << 20
