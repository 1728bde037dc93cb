"""What must hold of every operation, for every example of one; nothing is compiled here."""

from __future__ import annotations

import numpy as np
import pytest

from symnet import dtypes
from symnet.gradient import verify_grad
from symnet.graph import Constant, Variable
from symnet.interpreter import evaluate
from symnet.op import constant
from symnet.ops.batched import batched
from tests.examples import EXAMPLES, Example, named, operations
from tests.unit.ops.elements import check_gradients, check_graph, variables

every = pytest.mark.parametrize("example", EXAMPLES, ids=str)


def test_every_operation_has_an_example() -> None:
    missing = set(operations()) - {named(type(example.op)) for example in EXAMPLES}
    assert not missing, "each needs a line in tests/examples.py"


def applied(
    example: Example, arrays: list, constants: bool, dtype: str = "float64"
) -> tuple[list[Variable], dict]:
    """Outputs of the operation, and values of its inputs."""
    inputs = variables(arrays, example.static)
    if constants:
        pairs = zip(arrays, inputs, strict=True)
        inputs = [constant(a) if is_integer(a) else v for a, v in pairs]
    given = {v: a for v, a in zip(inputs, arrays, strict=True) if not isinstance(v, Constant)}
    return list(example.of(dtype).make_node(*inputs).outputs), given


def is_integer(array: np.ndarray) -> bool:
    """Whether an operand may decide about shapes."""
    return array.ndim == 0 and array.dtype.kind in "iu"


@every
@pytest.mark.parametrize("constants", [False, True], ids=["unknown", "constants"])
def test_shapes_and_elements(example: Example, constants: bool) -> None:
    for sizes in example.sizes():
        outputs, given = applied(example, example.arrays(sizes), constants)
        try:
            evaluate(outputs, given)
        except (ValueError, IndexError):
            assert not all(sizes), "only sizes of 0 may have no meaning"
            continue
        check_graph(outputs, given)


@every
def test_dtypes(example: Example) -> None:
    kinds = ["float32", "int32", "int8"] if example.ints else ["float32"]
    for dtype in kinds:
        check_graph(*applied(example, example.arrays(dtype=dtype), False, dtype))


@every
def test_gradients_to_second_order(example: Example) -> None:
    arrays = example.arrays()
    floats = [k for k, a in enumerate(arrays) if a.dtype.kind == "f"]
    outputs, _ = applied(example, arrays, True)
    for number, out in enumerate(outputs):
        if not dtypes.is_float(out.dtype) or not floats or not example.smooth:
            continue

        def one(*inputs: Variable, number: int = number) -> Variable:
            given = dict(zip(floats, inputs, strict=True))
            operands = [given.get(k, constant(a)) for k, a in enumerate(arrays)]
            return example.op.make_node(*operands).outputs[number]

        check_gradients(one, *(arrays[k] for k in floats))


def rows_of(array: np.ndarray, count: int, rolls: bool = True) -> np.ndarray:
    """Rows that differ, if they may, but hold the same numbers."""
    rows = [np.roll(array.ravel(), r * rolls) for r in range(count)]
    return np.array(rows, array.dtype).reshape(count, *array.shape)


@every
@pytest.mark.parametrize("count", [2, 1, 0])
def test_rows_of_a_batch(example: Example, count: int) -> None:
    arrays = example.arrays()
    if example.op.length_from_data:
        with pytest.raises(TypeError, match="would differ from row to row"):
            _check_batch(example, arrays, {0}, count)
        return
    data = [k for k, a in enumerate(arrays) if not is_integer(a)]
    for chosen in ([k] for k in data) if count == 2 else [data]:
        _check_batch(example, arrays, set(chosen), count)
    if count == 2:
        _check_batch(example, arrays, set(data), count)


def _check_batch(example: Example, arrays: list, chosen: set[int], count: int) -> None:
    if not chosen:
        return
    many = [rows_of(a, count, example.rolls) if k in chosen else a for k, a in enumerate(arrays)]
    outputs, given = applied(example, arrays, True)
    node = outputs[0].owner
    rows = variables(
        [a.reshape(count, *arrays[k].shape) for k, a in enumerate(many) if k in chosen]
    )
    batches = dict(zip([node.inputs[k] for k in sorted(chosen)], rows, strict=True))
    made = batched(outputs, batches)
    values = {v: many[k] for v, k in zip(rows, sorted(chosen), strict=True)}
    values |= {v: a for v, a in given.items() if v not in batches}
    found = check_graph(made, values)
    for r in range(count):
        one = [a[r] if k in chosen else a for k, a in enumerate(many)]
        for got, v, want in zip(found, outputs, example.op.perform(one), strict=True):
            np.testing.assert_allclose(got[r] if got.ndim > v.ndim else got, want, rtol=1e-12)


@every
def test_gradients_of_a_batch(example: Example) -> None:
    arrays = example.arrays()
    floats = [k for k, a in enumerate(arrays) if a.dtype.kind == "f"]
    outputs, _ = applied(example, arrays, True)
    for number, out in enumerate(outputs):
        if not dtypes.is_float(out.dtype) or not floats or not example.smooth:
            continue

        def many(*rows: Variable, number: int = number) -> Variable:
            ones = dict(zip(floats, variables([arrays[k] for k in floats]), strict=True))
            operands = [ones.get(k, constant(a)) for k, a in enumerate(arrays)]
            out = example.op.make_node(*operands).outputs[number]
            batches = dict(zip(ones.values(), rows, strict=True))
            (made,) = batched([out], {v: x for v, x in batches.items() if x.ndim > v.ndim})
            return made

        verify_grad(many, [rows_of(arrays[k], 2, example.rolls) for k in floats], n_tests=1)
