import numpy as np
import pytest

import symnet.tensor as T
from symnet.op import constant
from symnet.ops import ARange
from tests.unit.ops.elements import check


@pytest.mark.parametrize("dtype", ["int64", "int32", "float32"])
@pytest.mark.parametrize(
    ("start", "stop", "step"), [(0, 5, 1), (2, 9, 3), (5, 0, -2), (3, 3, 1), (4, 0, 1), (-2, 2, 2)]
)
def test_arange(start, stop, step, dtype):
    expected = np.arange(start, stop, step).astype(dtype)
    ends = [np.int64(n) for n in (start, stop, step)]
    found = check(lambda a, b, c: ARange(dtype)(a, b, c), *ends)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == dtype
    static = ARange(dtype)(*map(constant, ends))
    assert static.type.shape == expected.shape
    np.testing.assert_array_equal(check(lambda: ARange(dtype)(*map(constant, ends))), expected)


def test_errors():
    n = T.lscalar()
    with pytest.raises(TypeError, match="integers of no dimensions"):
        ARange("int64")(n, n, T.fscalar())
    with pytest.raises(ValueError, match="step cannot be 0"):
        ARange("int64")(n, n, constant(0))
    with pytest.raises(ValueError, match="step cannot be 0"):
        check(lambda a: ARange("int64")(a, a, a), np.int64(0))
