"""Contractions of several axes: convolutions of all kinds against their meaning as loop nests."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from symnet.kernel import Axis, Contraction, Param, Store, accumulated, verify
from symnet.scalar import Load, Symbol, const
from symnet_cuda.contraction import as_kernel
from symnet_llvm import slabs
from symnet_llvm.borders import arranged
from tests.backends.convolutions import Convolution
from tests.backends.llvm.test_contraction import HOST, TARGETS, Native
from tests.kernel_interpreter import interpret


def check(cases: list[Any], target) -> None:
    rng = np.random.default_rng(0)
    native = Native(cases, target)
    for i, case in enumerate(cases):
        memory = {
            name: (rng.random(size) - 0.5).astype(case.dtype) for name, size in case.sizes.items()
        }
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


@dataclass(frozen=True)
class Matrices:
    """A product of matrices whose columns and rows are summed over in a box of two axes."""

    rows: int
    columns: int
    side_by_side: str  # "rows" or "inner"
    dtype: str = "float32"
    lengths = MappingProxyType({})

    def work(self) -> Contraction:
        m, n, k, j = Symbol("m"), Symbol("n"), Symbol("k_0"), Symbol("k_1")
        x = j * 7 + k * 3 + m if self.side_by_side == "rows" else m * 90 + k * 9 + j
        left = Load("x", x, self.dtype)
        right = Load("w", (n * 5 + k) * 6 + j, self.dtype)
        params = [Param(name, self.dtype, name == "y") for name in "xwy"]
        return Contraction(
            tuple(params), (), (), (Axis(m, const(self.rows)),), (Axis(n, const(self.columns)),),
            (Axis(k, const(5)), Axis(j, const(6))), left, right,
            (Store("y", m * self.columns + n, accumulated(self.dtype)),), self.dtype,
        )  # fmt: skip

    @property
    def sizes(self) -> dict[str, int]:
        columns = self.columns * 30
        return {"x": 90 * self.rows + 99, "w": columns, "y": self.rows * self.columns}


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
def test_one_axis_of_rows_and_several_of_products(target):
    sizes = ((1, 1), (3, 40), (37, 2), (70, 33))
    check([Matrices(*s, order) for s in sizes for order in ("rows", "inner")], target)


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


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.vector_bytes}B")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_images_side_by_side(target, dtype):
    plain = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "dtype": dtype}
    wide = plain | {"padding": (4, 2), "missing": 3}
    cases = [
        Convolution(1, 16, 4, 5, (6, 7), (5, 5), **plain),
        Convolution(2, 31, 7, 4, (3, 5), (3, 4), **plain, epilogue="bias", swapped=True),
        Convolution(1, 16, 4, 33, (6, 12), (5, 4), **wide, epilogue="place"),
        Convolution(1, 29, 5, 9, (8, 17), (5, 3), **wide, epilogue="update", swapped=True),
        Convolution(1, 16, 9, 6, (4, 3), (3, 3), (2, 3), (2, 0), (2, 1), 2, dtype=dtype),
        Convolution(1, 32, 9, 4, (20,), (9,), (1,), (4,), (1,), 4, dtype=dtype),
        Convolution(1, 15, 3, 7, (2, 3, 4), (3, 3, 3), *[(1, 1, 1)] * 3, 1, dtype=dtype),
    ]
    assert all(slabs.emit(case.work(), "f", target) is not None for case in cases)
    check(cases, target)


def test_scratch_memory_is_bounded():
    for symbolic in (False, True):
        case = Convolution(
            1, 64, 512, 512, (32, 32), (5, 5), (1, 1), (2, 2), (1, 1), 0, "bias", symbolic
        )
        native = Native([case], HOST)
        assert native.scratch[0].scratch_bytes < 16 << 20
