import numpy as np
import pytest

import symnet.tensor as T
from symnet.op import constant
from symnet.ops import (
    ARange,
    Argmax,
    Broadcast,
    DimShuffle,
    MakeVector,
    Reduce,
    ShapeOf,
    StopGradient,
    integer_value,
    subtensor,
)
from symnet.ops.integers import is_known
from symnet.scalar import Const, Symbol, rows, show, simplify
from symnet.scalar.integer import evaluate_int

R = rows()
x = T.fmatrix("x")
n = T.iscalar("n")
b = T.bscalar("b")
ROWS, COLUMNS = Symbol("rows"), Symbol("columns")
VALUES = {"rows": 6, "columns": 4, "n": 3, "b": 100}


def value(v):
    return integer_value(
        v,
        lambda u: Symbol(u.name) if u.owner is None and u.name else None,
        lambda u: (ROWS, COLUMNS)[: u.ndim],
    )


rows_of, columns_of = ShapeOf(0)(x), ShapeOf(1)(x)


def shape():
    return MakeVector("int64")(rows_of, columns_of)


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (lambda: constant(5), 5),
        (lambda: rows_of, 6),
        (lambda: rows_of * n + 1, 19),
        (lambda: R["int_div"](rows_of, 4) % 3 - (-n), 4),
        (lambda: R["cast_int32"](rows_of) + n, 9),
        (lambda: R["switch"](R["gt"](n, 2), rows_of, columns_of), 6),
        (lambda: R["maximum"](n, columns_of), 4),
        (lambda: subtensor(shape(), (1,)), 4),
        (lambda: subtensor(shape(), (-2,)), 6),
        (lambda: subtensor(subtensor(shape(), (slice(None, None, -1),)), (0,)), 4),
        (lambda: Reduce(R["mul"], (0,), "int64")(shape()), 24),
        (lambda: Reduce(R["add"], (0,), "int64")(shape() * 2), 20),
        (lambda: Reduce(R["mul"], (0,), "int64")(constant(np.zeros(0), "int64")), 1),
        (lambda: Reduce(R["maximum"], (), "int32")(n), 3),
        (lambda: DimShuffle(())(DimShuffle((None, None))(n)[0]), 3),
        (lambda: Reduce(R["add"], (0,), "int64")(Broadcast(1)(n, constant(4))), 12),
        (lambda: subtensor(ARange("int64")(*map(constant, (2, 9, 3))), (2,)), 8),
        (lambda: StopGradient()(n), 3),
        (lambda: b + b, -56),
        (lambda: R["cast_int8"](rows_of * 50), 44),
        (lambda: R["cast_int64"](R["eq"](rows_of, 6)), 1),
        (lambda: subtensor(constant(np.array([3, 1, 2])), (1,)), 1),
    ],
)
def test_known(variable, expected):
    found = value(variable())
    assert found is not None
    assert found.dtype == "int64"
    assert evaluate_int(found, VALUES) == expected
    assert is_known(variable())


def test_affine_values_stay_affine():
    batch = R["cast_int64"](n) * constant(20, "int32")
    assert show(simplify(value(batch + rows_of))) in ("((n * 20) + rows)", "((20 * n) + rows)")
    assert isinstance(simplify(value(rows_of * 2 - rows_of - rows_of)), Const)


@pytest.mark.parametrize(
    "variable",
    [
        lambda: Argmax(0)(T.fvector("v")),
        lambda: subtensor(T.ivector("v"), (0,)),
        lambda: R["cast_int64"](T.fscalar("f")),
        lambda: R["cast_int64"](R["floor"](rows_of * 0.5)),
        lambda: Reduce(R["add"], (0,), "int64")(T.ivector("v")),
        lambda: subtensor(constant(np.arange(100)), (n,)),
        lambda: T.fscalar("f"),
        lambda: shape(),
        lambda: subtensor(shape(), (n,)),
    ],
)
def test_data(variable):
    assert value(variable()) is None
    assert not is_known(variable())


def test_deep_chains():
    total, vector = n, shape()
    for k in range(2000):
        total = total + 1
        vector = vector + constant(np.array([k % 3]))
    assert evaluate_int(value(total), VALUES) == 2003
    assert value(subtensor(vector, (0,))) is not None
