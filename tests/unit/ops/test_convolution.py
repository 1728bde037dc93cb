import itertools

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.graph import ancestors
from symnet.interpreter import evaluate
from symnet.ops import Convolve, ShapeOf, convolve
from tests.unit.ops.elements import check, check_gradients

rng = np.random.default_rng(7)


def meaning(x, w, stride, padding, x_dilation, w_dilation):
    """Sum tap by tap, as the definition says, of inputs spread out in full."""
    for axis, ((low, high), by) in enumerate(zip(padding, x_dilation, strict=True), 3):
        n = x.shape[axis]
        spread = np.zeros((*x.shape[:axis], max((n - 1) * by + 1, 0), *x.shape[axis + 1 :]))
        np.moveaxis(spread, axis, 0)[::by] = np.moveaxis(x, axis, 0)
        width = [(0, 0)] * x.ndim
        width[axis] = (max(low, 0), max(high, 0))
        x = np.pad(spread, width)
        kept = slice(max(-low, 0), x.shape[axis] - max(-high, 0))
        x = np.moveaxis(np.moveaxis(x, axis, 0)[kept], 0, axis)
    reach = [max((k - 1) * by + 1, 0) for k, by in zip(w.shape[3:], w_dilation, strict=True)]
    space = [(n - r) // s + 1 for n, r, s in zip(x.shape[3:], reach, stride, strict=True)]
    out = np.zeros((*x.shape[:2], w.shape[1], *space))
    for place in np.ndindex(*space):
        for tap in np.ndindex(*w.shape[3:]):
            at = [p * s + t * d for p, s, t, d in zip(place, stride, tap, w_dilation, strict=True)]
            part = x[(..., *at)]
            out[(..., *place)] += np.einsum("gnc,goc->gno", part, w[(..., *tap)])
    return out


def draw(*shape):
    return rng.normal(size=shape)


ONE_DIMENSION = list(
    itertools.product((1, 2, 3), ((0, 0), (1, 2), (-1, 0), (2, -2)), (1, 2), (1, 2), (6, 7), (2, 3))
)


@pytest.mark.parametrize(("s", "pad", "xd", "wd", "n", "k"), ONE_DIMENSION)
def test_one_dimension(s, pad, xd, wd, n, k):
    x, w = draw(1, 2, 2, n), draw(1, 3, 2, k)

    def conv(x, w):
        return convolve(x, w, [s], [pad], [xd], [wd])

    np.testing.assert_allclose(
        check(conv, x, w), meaning(x, w, [s], [pad], [xd], [wd]), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize(("s", "pad", "xd", "wd", "n", "k"), ONE_DIMENSION[::7])
def test_gradients_to_second_order(s, pad, xd, wd, n, k):
    check_gradients(
        lambda x, w: convolve(x, w, [s], [pad], [xd], [wd]), draw(1, 2, 2, n), draw(1, 2, 2, k)
    )


@pytest.mark.parametrize(
    ("x", "w", "stride", "padding", "x_dilation", "w_dilation"),
    [
        ((1, 2, 3, 5, 6), (1, 2, 3, 3, 2), (2, 1), ((1, 1), (0, 0)), (1, 1), (1, 1)),
        ((2, 2, 1, 5, 4), (2, 3, 1, 2, 2), (3, 2), ((0, 1), (2, 0)), (2, 1), (1, 2)),
        ((1, 1, 2, 3, 4, 4), (1, 2, 2, 2, 1, 3), (1, 2, 1), ((0, 0),) * 3, (1, 1, 1), (1, 1, 1)),
        ((2, 1, 1, 3, 3, 3), (2, 1, 1, 2, 2, 2), (2, 1, 2), ((1, 1),) * 3, (1, 2, 1), (1, 1, 2)),
    ],
)
def test_more_dimensions_and_groups(x, w, stride, padding, x_dilation, w_dilation):
    parameters = (stride, padding, x_dilation, w_dilation)
    x, w = draw(*x), draw(*w)
    found = check(lambda x, w: convolve(x, w, *parameters), x, w)
    np.testing.assert_allclose(found, meaning(x, w, *parameters), rtol=1e-10, atol=1e-12)
    check_gradients(lambda x, w: convolve(x, w, *parameters), x, w)


@pytest.mark.parametrize(
    ("x", "w"),
    [
        ((1, 0, 2, 4), (1, 3, 2, 2)),
        ((1, 2, 0, 4), (1, 3, 0, 2)),
        ((1, 2, 2, 4), (1, 0, 2, 2)),
        ((0, 2, 2, 4), (0, 3, 2, 2)),
        ((1, 2, 2, 0), (1, 3, 2, 1)),
        ((1, 2, 2, 3), (1, 3, 2, 4)),
    ],
)
def test_empty(x, w):
    x, w = draw(*x), draw(*w)
    for stride, dilation in ((1, 1), (2, 1), (1, 2)):
        if stride == 1 and dilation == 2 and w.shape[3] > 1 and x.shape[3] < 4:
            continue

        def conv(x, w, stride=stride, dilation=dilation):
            return convolve(x, w, [stride], [(0, 0)], [dilation], [dilation])

        found = check(conv, x, w)
        expected = meaning(x, w, [stride], [(0, 0)], [dilation], [dilation])
        np.testing.assert_array_equal(found, expected)
        check_gradients(conv, x, w)


def test_paddings_that_follow_from_lengths():
    def same(x, w):
        k = ShapeOf(3)(w)
        return convolve(x, w, [2], [(k - 1, k // 2)], [1], [1])

    x, w = draw(1, 2, 2, 7), draw(1, 3, 2, 4)
    found = check(same, x, w)
    np.testing.assert_allclose(found, meaning(x, w, [2], [(3, 2)], [1], [1]))
    check_gradients(same, x, w)


def test_dtype_and_text():
    x, w = draw(1, 2, 2, 7).astype("f"), draw(1, 3, 2, 4).astype("f")
    op = Convolve((2,), ((1, 0),), (1,), (2,))
    assert check(op, x, w).dtype == "float32"
    assert str(op) == "convolve(stride=[2], padding=1,0, w_dilation=[2])"
    assert str(Convolve((1,), (None,), (3,), (1,))) == (
        "convolve(stride=[1], padding=?, x_dilation=[3])"
    )


def test_known_lengths_give_fixed_paddings():
    x, w = T.dtensor4(shape=(1, None, 2, 9)), T.dtensor4(shape=(1, 3, 2, 4))
    y = convolve(x, w, [2], [(0, 0)], [1], [1])
    assert y.type.shape == (1, None, 3, 3)
    grads = sn.grad((y * y).sum(), [x, w])
    assert [g.type.shape for g in grads] == [x.type.shape, w.type.shape]
    found = {n.op for n in ancestors(grads) if isinstance(n.op, Convolve)}
    assert found == {
        Convolve((2,), ((0, 0),), (1,), (1,)),
        Convolve((1,), ((1, 2),), (1,), (1,)),
        Convolve((1,), ((0, -1),), (1,), (2,)),
    }


def test_errors():
    x, w = T.dtensor4("x"), T.dtensor4("w")
    op = Convolve((1,), ((0, 0),), (1,), (1,))
    with pytest.raises(TypeError, match=r"has 2 channels, the filters .* have 3"):
        op(T.dtensor4(shape=(1, 1, 2, 4)), T.dtensor4(shape=(1, 1, 3, 4)))
    with pytest.raises(TypeError, match=r"has 2 groups, the filters .* have 3"):
        op(T.dtensor4(shape=(2, 1, 2, 4)), T.dtensor4(shape=(3, 1, 2, 4)))
    with pytest.raises(TypeError, match="larger than the padded input, in spatial dimension 0"):
        op(T.dtensor4(shape=(1, 1, 2, 4)), T.dtensor4(shape=(1, 1, 2, 6)))
    with pytest.raises(TypeError, match="one floating point dtype"):
        op(T.ftensor4(), w)
    with pytest.raises(TypeError, match="takes 0 paddings"):
        op(x, w, T.lscalar(), T.lscalar())
    with pytest.raises(TypeError, match=r"takes 2 paddings, .* got none"):
        Convolve((1,), (None,), (1,), (1,))(x, w)
    with pytest.raises(ValueError, match="at least 1"):
        Convolve((0,), ((0, 0),), (1,), (1,))(x, w)
    with pytest.raises(ValueError, match="one to three"):
        Convolve((1, 1), ((0, 0),), (1,), (1,))(x, w)
    given = {x: np.zeros((1, 1, 2, 4)), w: np.zeros((1, 1, 3, 4))}
    with pytest.raises(ValueError, match="channels of the input are not those of the filters"):
        evaluate([op(x, w)], given)
    with pytest.raises(ValueError, match="filters are larger than the padded input"):
        evaluate([op(x, w)], given | {w: np.zeros((1, 1, 2, 6))})


def test_compiled():
    x, w = T.dtensor4("x"), T.dtensor4("w")
    y = convolve(x, w, [2], [(1, 0)], [1], [1])
    gx, gw = sn.grad((y * y).sum(), [x, w])
    f = sn.function([x, w], [y, gx, gw])
    for n in (6, 7):
        values = draw(1, 2, 2, n), draw(1, 3, 2, 3)
        expected = evaluate([y, gx, gw], {x: values[0], w: values[1]})
        for a, b in zip(f(*values), expected, strict=True):
            np.testing.assert_allclose(a, b)
    with pytest.raises(ValueError, match="the filters are larger than the padded input"):
        f(draw(1, 2, 2, 1), draw(1, 3, 2, 5))
