"""The CUDA C++ of a few small kernels, to be read in reviews."""

from __future__ import annotations

import pytest

from symnet_cuda.codegen import generate
from tests.backends.cuda.cases import CASES


@pytest.mark.parametrize(
    ("case", "file"),
    [
        ("in place, two stores", "elementwise"),
        ("short rows", "softmax"),
        ("symbolic rows of columns", "column_sums"),
        ("symbolic hidden layer", "contraction"),
        ("padded convolution", "convolution"),
        ("scatter", "scatter"),
    ],
)
def test_source(golden, case: str, file: str) -> None:
    (found,) = (c for c in CASES if c.name == case)
    comment = "".join(f"// {line}\n" for line in str(found.work).splitlines())
    golden(f"cuda/{file}.cu", comment + generate(found.program()).source)
