import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.graph import ancestors
from symnet.ops import BatchedDot, Dot

rng = np.random.default_rng(6)
SIZES = {"i": 2, "j": 3, "k": 4, "l": 5, "b": 6, "m": 1}
NOTATIONS = [
    "ij,jk->ik", "ij,jk", "ij->ji", "ij->", "ij->j", "ii->i", "ii", "iij->ij", "iji->j", "iii->i",
    "i,i->", "i,j->ij", "ij,ij->ij", "ij,ij->", "bij,bjk->bik", "bij,jk->bik", "ij,bjk->bik",
    "bij,bkj->bki", "ijk,jil->kl", "ij,jk,kl->il", "ij,jk,kl,lb->ib", "i,ij,j->", "ij,k->ijk",
    "bij,bij->b", "bij,bj->bi", "mij,bjk->bik", "im,mj->ij", "im,ij->ij", "mi,ji->j", "ji,jm->",
    "i,j,k,l->ijkl", "ij,ik,il->jkl", "bi,bj,bk,ijk->b", "ijkl,lb,kj->bi", " i j , j k -> k i ",
]  # fmt: skip


def _operands(notation):
    terms = notation.replace(" ", "").partition("->")[0].split(",")
    return [rng.integers(-4, 5, [SIZES[n] for n in term]).astype("float64") for term in terms]


def _inputs(arrays, static):
    return [
        T.TensorType(a.dtype, tuple(n if static or n == 1 else None for n in a.shape))(f"x{k}")
        for k, a in enumerate(arrays)
    ]


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_einsum(run, notation, dtype):
    arrays = [a.astype(dtype) for a in _operands(notation)]
    expected = np.einsum(notation, *arrays)
    for static in (False, True):
        inputs = _inputs(arrays, static)
        values = {v.name: a for v, a in zip(inputs, arrays, strict=True)}
        found = run(T.einsum(notation, *inputs), **values)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("notation", "shapes"),
    [
        ("...ij,...jk->...ik", [(6, 2, 3), (6, 3, 4)]),
        ("...ij,...jk", [(5, 6, 2, 3), (6, 3, 4)]),
        ("...ij,jk->i...k", [(5, 6, 2, 3), (3, 4)]),
        ("i...->...", [(2, 3, 4)]),
        ("...,...", [(3,), (3,)]),
        ("...i->...i", [(2, 3)]),
    ],
)
def test_dots(run, notation, shapes):
    arrays = [rng.integers(-4, 5, s).astype("float64") for s in shapes]
    inputs = _inputs(arrays, False)
    values = {v.name: a for v, a in zip(inputs, arrays, strict=True)}
    found = run(T.einsum(notation, *inputs), **values)
    np.testing.assert_array_equal(found, np.einsum(notation, *arrays))


def test_lists_instead_of_a_string(run):
    x, y = T.dmatrices("x", "y")
    a, b = np.ones((2, 3)), np.arange(12.0).reshape(3, 4)
    found = run(T.einsum(x, [0, 1], y, [1, 2], [2, 0]), x=a, y=b)
    np.testing.assert_array_equal(found, (a @ b).T)
    found = run(T.einsum(x, [..., 1], y, [1, 2]), x=a, y=b)
    np.testing.assert_array_equal(found, a @ b)


def test_products_are_those_of_matrices():
    x, y = T.TensorType("float32", (2, 3))(), T.TensorType("float32", (3, 4))()
    (node,) = ancestors([T.einsum("ij,jk->ik", x, y)])
    assert node.op == Dot()
    x, y = T.tensor3(), T.tensor3()
    (node,) = ancestors([T.einsum("bij,bjk->bik", x, y)])
    assert node.op == BatchedDot()


def test_the_cheapest_order_is_chosen():
    tall, wide, v = (T.TensorType("float32", s)() for s in ((1000, 2), (2, 1000), (1000,)))
    product = T.einsum("ij,jk,k->i", tall, wide, v)
    assert all(n.out.type.shape != (1000, 1000) for n in ancestors([product]))


@pytest.mark.parametrize(
    "notation", ["ij,jk->ik", "bij,bjk->bik", "ii->i", "bij,bj->b", "ij,jk,ki->"]
)
def test_gradients(notation):
    arrays = _operands(notation)
    if notation == "ij,jk,ki->":
        arrays = [rng.normal(size=s) for s in ((2, 3), (3, 4), (4, 2))]
    sn.gradient.verify_grad(lambda *xs: T.einsum(notation, *xs), arrays, n_tests=1)


def test_labels_that_do_not_fit():
    x = T.matrix(shape=(2, 3))
    for notation, message in [
        ("ij,jk", "subscripts of 2 tensors, got 1"),
        ("ijk", "does not fit"),
        ("i", "does not fit"),
        ("i?", "no label"),
        ("ij->k", "that of no operand"),
        ("ij->ii", "twice"),
    ]:
        with pytest.raises(ValueError, match=message):
            T.einsum(notation, x)
    with pytest.raises(ValueError, match="have lengths 3 and 2"):
        T.einsum("ij,kj->i", x, T.matrix(shape=(3, 2)))
    with pytest.raises(ValueError, match="tensors with lists of labels"):
        T.einsum(x, x)
