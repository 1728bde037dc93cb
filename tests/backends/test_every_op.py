"""Every operation, compiled: what the interpreter computes, in all dtypes and sizes."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest

import symnet as sn
from symnet import interpreter
from symnet.op import ChoiceOp, ContractionOp, IndexedOp, LoopOp, OrderedOp
from symnet.program import HostCall
from symnet_cuda.emulator import EmulatedBackend
from tests.backends.cuda.test_functions import on
from tests.examples import EXAMPLES, Example
from tests.unit.ops.elements import variables

NATIVE = IndexedOp | ContractionOp | OrderedOp | LoopOp | ChoiceOp
"""What kinds of operations have native code."""

every = pytest.mark.parametrize("example", EXAMPLES, ids=str)


def check(example: Example, dtype: str, strided: bool = False) -> Any:
    """Hold a compiled operation to the interpreter, in all sizes; returns the function."""
    inputs = variables(example.arrays(dtype=dtype), example.static)
    outputs = list(example.of(dtype).make_node(*inputs).outputs)
    f = sn.function(inputs, outputs, on_unused_input="ignore")
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for sizes in example.sizes():
        arrays = example.arrays(sizes, dtype)
        try:
            want = interpreter.evaluate(outputs, dict(zip(inputs, arrays, strict=True)))
        except (ValueError, IndexError) as error:
            with pytest.raises(type(error)):
                f(*arrays)
            continue
        given = [spread(a) for a in arrays] if strided else arrays
        for got, expected in zip(f(*given), want, strict=True):
            assert got.dtype == expected.dtype
            assert got.shape == expected.shape
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
        if example.static:
            break
    return f


def spread(array: np.ndarray) -> np.ndarray:
    """The same numbers, not beside each other in memory."""
    wide = np.zeros((*array.shape, 2), array.dtype)
    wide[..., 0] = array
    return wide[..., 0]


@every
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "int8"])
def test_value(example: Example, dtype: str, device: str) -> None:
    if dtype.startswith("int") and not example.ints:
        with pytest.raises(TypeError):
            check(example, dtype)
        return
    check(example, dtype, strided=dtype == "float32")


@every
def test_native_or_host_call(example: Example, device: str) -> None:
    f = check(example, "float64")
    hosts = [s for p in f.programs for s in p.steps if isinstance(s, HostCall)]
    hosts += [line for line in f.stages if line.startswith("host")]
    assert bool(hosts) != isinstance(example.op, NATIVE)


@pytest.fixture(scope="module")
def emulated() -> EmulatedBackend:
    if shutil.which("g++") is None:
        pytest.skip("g++ is missing, which the CUDA emulator compiles with")
    return EmulatedBackend()


@every
def test_emulated_cuda(example: Example, emulated: EmulatedBackend) -> None:
    with on(emulated):
        check(example, "float32")
