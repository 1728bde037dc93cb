"""Convolutions against scipy.signal, channel by channel."""

import itertools
import pickle

import numpy as np
import pytest
from scipy import signal

import symnet as sn
import symnet.tensor as T
from symnet.gradient import grad, verify_grad
from symnet.tensor.nnet import abstract_conv as A

rng = np.random.default_rng(11)


def spread(w, dilation):
    """Put zeros between taps."""
    rank = len(dilation)
    shape = [(k - 1) * d + 1 for k, d in zip(w.shape[-rank:], dilation, strict=True)]
    out = np.zeros((*w.shape[:-rank], *shape))
    out[(..., *(slice(None, None, d) for d in dilation))] = w
    return out


def pads_of(mode, taps):
    rank = len(taps)
    if mode == "valid":
        return [(0, 0)] * rank
    if mode == "half":
        return [(k // 2, k // 2) for k in taps]
    if mode == "full":
        return [(k - 1, k - 1) for k in taps]
    given = [mode] * rank if isinstance(mode, int) else mode
    return [p if isinstance(p, tuple) else (p, p) for p in given]


def convolution(x, w, mode="valid", stride=None, flip=True, dilation=None, groups=1):
    """Convolve batches, filters and channels one by one."""
    rank = x.ndim - 2
    w = spread(w, dilation or (1,) * rank)
    if not flip:
        w = w[(..., *[slice(None, None, -1)] * rank)]
    pads = pads_of(mode, w.shape[2:])
    x = np.pad(x, [(0, 0), (0, 0), *pads])
    own, each = w.shape[1], w.shape[0] // groups
    step = (..., *(slice(None, None, s) for s in stride or (1,) * rank))
    out = [
        [
            sum(
                signal.convolve(image[f // each * own + c], w[f, c], "valid", "direct")
                for c in range(own)
            )
            for f in range(len(w))
        ]
        for image in x
    ]
    return np.array(out)[step]


MODES = ["valid", "half", "full", 1, (2, 0), ((1, 2), (0, 1))]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize(
    ("dilation", "groups", "flip"),
    [((1, 1), 1, True), ((1, 1), 2, False), ((2, 1), 1, False), ((1, 2), 2, True)],
)
def test_conv2d(run, mode, stride, dilation, groups, flip):
    for space, taps in itertools.product([(7, 8), (8, 5)], [(3, 3), (2, 3), (1, 2)]):
        a, b = rng.normal(size=(2, 4, *space)), rng.normal(size=(4, 4 // groups, *taps))
        expected = convolution(a, b, mode, stride, flip, dilation, groups)
        for shapes in ((None, None), ((None, 4, *space), b.shape)):
            x, w = T.dtensor4("x"), T.dtensor4("w")
            y = T.nnet.conv2d(x, w, *shapes, mode, stride, flip, None, dilation, groups)
            np.testing.assert_allclose(run(y, x=a, w=b), expected, rtol=1e-10, atol=1e-12)
        assert y.type.shape == (None, *expected.shape[1:])
        assert expected.shape == A.get_conv_output_shape(a.shape, b.shape, mode, stride, dilation)


@pytest.mark.parametrize("mode", ["valid", "half", "full", 1, (0, 1, 2), ((1, 0),) * 3])
@pytest.mark.parametrize("stride", [(1, 1, 1), (2, 1, 2)])
@pytest.mark.parametrize(("groups", "dilation"), [(1, (1, 1, 1)), (2, (1, 2, 1))])
def test_conv3d(run, mode, stride, groups, dilation):
    a, b = rng.normal(size=(2, 2, 4, 5, 6)), rng.normal(size=(2, 2 // groups, 2, 3, 2))
    x, w = T.dtensor5("x"), T.dtensor5("w")
    y = T.nnet.conv3d(
        x,
        w,
        border_mode=mode,
        subsample=stride,
        filter_dilation=dilation,
        num_groups=groups,
    )
    expected = convolution(a, b, mode, stride, True, dilation, groups)
    np.testing.assert_allclose(run(y, x=a, w=b), expected, rtol=1e-10, atol=1e-12)


SETTINGS = [
    ("valid", (1, 1), True, (1, 1), 1),
    ("half", (2, 1), False, (1, 1), 2),
    ("full", (2, 3), True, (1, 2), 1),
    (((1, 0), (0, 2)), (3, 2), True, (2, 1), 2),
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_gradients(settings):
    mode, stride, flip, dilation, groups = settings

    def conv(x, w):
        return T.nnet.conv2d(x, w, None, None, mode, stride, flip, None, dilation, groups)

    def slope(x, w):
        y = conv(x, w)
        return T.concatenate([g.flatten() for g in grad((y * y).sum(), [x, w])])

    values = [rng.normal(size=(2, 2, 5, 6)), rng.normal(size=(2, 2 // groups, 2, 3))]
    verify_grad(conv, values, n_tests=1)
    verify_grad(slope, values, n_tests=1)


@pytest.mark.parametrize("settings", SETTINGS)
def test_gradient_functions(run, settings):
    """They are what `grad` finds, for lengths given as numbers and as variables."""
    mode, stride, flip, dilation, groups = settings
    a, b = rng.normal(size=(2, 2, 6, 7)), rng.normal(size=(4, 2 // groups, 2, 3))
    x, w = T.dtensor4("x"), T.dtensor4("w")
    y = T.nnet.conv2d(x, w, None, None, mode, stride, flip, None, dilation, groups)
    v = rng.normal(size=run(y, x=a, w=b).shape)
    g = T.dtensor4("g")
    expected = run(grad(None, [x, w], known_grads={y: g}), x=a, w=b, g=v)
    rest = (mode, stride, flip, dilation, groups)
    for shapes in ((a.shape, b.shape), (x.shape, w.shape), ((None, None, *x.shape[2:]), w.shape)):
        found = [
            T.nnet.conv2d_grad_wrt_inputs(g, w, shapes[0], None, *rest),
            T.nnet.conv2d_grad_wrt_weights(x, g, shapes[1], None, *rest),
            T.nnet.conv2d_transpose(g, w, shapes[0], None, *rest),
        ]
        values = run(found, x=a, w=b, g=v)
        for one, other in zip(values, [*expected, expected[0]], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    shapes = (A.get_conv_gradinputs_shape, A.get_conv_gradweights_shape)
    if stride == (1, 1):
        assert shapes[0](b.shape, v.shape, mode, stride, dilation, groups) == a.shape
        assert shapes[1](a.shape, v.shape, mode, stride, dilation, groups) == b.shape
    else:
        assert None in shapes[0](b.shape, v.shape, mode, stride, dilation, groups)
        assert None in shapes[1](a.shape, v.shape, mode, stride, dilation, groups)


def test_gradient_functions_of_three_dimensions(run):
    a, b = rng.normal(size=(1, 2, 4, 5, 4)), rng.normal(size=(2, 2, 2, 1, 3))
    x, w, g = T.dtensor5("x"), T.dtensor5("w"), T.dtensor5("g")
    y = T.nnet.conv3d(x, w, None, None, "half", (2, 1, 1))
    v = rng.normal(size=run(y, x=a, w=b).shape)
    expected = run(grad(None, [x, w], known_grads={y: g}), x=a, w=b, g=v)
    back = T.nnet.conv3d_grad_wrt_inputs(g, w, a.shape, b.shape, "half", (2, 1, 1))
    np.testing.assert_allclose(run(back, w=b, g=v), expected[0])
    back = T.nnet.conv3d_grad_wrt_weights(x, g, b.shape, a.shape, "half", (2, 1, 1))
    np.testing.assert_allclose(run(back, x=a, g=v), expected[1])


@pytest.mark.parametrize(
    ("mode", "stride", "dilation", "groups", "flip"),
    [
        ("valid", (1, 1), (1, 1), 1, True),
        ("half", (2, 1), (1, 2), 2, False),
        ((1, 1), (1, 2), (2, 1), 1, True),
    ],
)
def test_unshared(run, mode, stride, dilation, groups, flip):
    a = rng.normal(size=(2, 2, 4, 4))
    shape = A.get_conv_output_shape(a.shape, (2, 2 // groups, 3, 2), mode, stride, dilation)
    b = rng.normal(size=(2, *shape[2:], 2 // groups, 3, 2))
    expected = np.empty(shape)
    for place in np.ndindex(*shape[2:]):
        whole = convolution(a, b[:, *place], mode, stride, flip, dilation, groups)
        expected[..., *place] = whole[..., *place]
    settings = {
        "border_mode": mode,
        "subsample": stride,
        "filter_flip": flip,
        "filter_dilation": dilation,
        "num_groups": groups,
        "unshared": True,
    }
    x, w = T.dtensor4("x"), T.TensorType("float64", (None,) * 6)("w")
    filter_shape = (None,) * 4 + (3, 2)
    y = T.nnet.conv2d(x, w, filter_shape=filter_shape, **settings)
    np.testing.assert_allclose(run(y, x=a, w=b), expected, rtol=1e-10, atol=1e-12)

    def conv(x, w):
        return T.nnet.conv2d(x, w, filter_shape=filter_shape, **settings)

    verify_grad(conv, [a, b], n_tests=1)
    g = T.dtensor4("g")
    v = rng.normal(size=shape)
    slopes = run(grad(None, [x, w], known_grads={y: g}), x=a, w=b, g=v)
    back = T.nnet.conv2d_grad_wrt_inputs(g, w, x.shape, filter_shape, **settings)
    np.testing.assert_allclose(run(back, x=a, w=b, g=v), slopes[0])
    back = T.nnet.conv2d_grad_wrt_weights(x, g, b.shape, **settings)
    np.testing.assert_allclose(run(back, x=a, g=v), slopes[1])
    with pytest.raises(ValueError, match="must be known beforehand"):
        T.nnet.conv2d(x, w, unshared=True)


def test_separable(run):
    a = rng.normal(size=(2, 3, 6, 5))
    depthwise, pointwise = rng.normal(size=(6, 1, 3, 2)), rng.normal(size=(4, 6, 1, 1))
    x, d, p = T.dtensor4("x"), T.dtensor4("d"), T.dtensor4("p")
    y = T.nnet.separable_conv2d(x, d, p, 3, border_mode="half", subsample=(2, 1))
    between = convolution(a, depthwise, "half", (2, 1), groups=3)
    np.testing.assert_allclose(
        run(y, x=a, d=depthwise, p=pointwise), convolution(between, pointwise)
    )
    a3, d3, p3 = a[:, :, None], depthwise[:, :, None], pointwise[:, :, None]
    x, d, p = T.dtensor5("x"), T.dtensor5("d"), T.dtensor5("p")
    y = T.nnet.separable_conv3d(x, d, p, 3, subsample=(1, 2, 1))
    expected = convolution(convolution(a3, d3, stride=(1, 2, 1), groups=3), p3)
    np.testing.assert_allclose(run(y, x=a3, d=d3, p=p3), expected)


def test_causal(run):
    a, b = rng.normal(size=(2, 3, 8)), rng.normal(size=(4, 3, 3))
    x, w = T.dtensor3("x"), T.dtensor3("w")
    y = T.nnet.causal_conv1d(x, w, b.shape, filter_dilation=2)
    expected = convolution(a, b, ((4, 0),), dilation=(2,))
    found = run(y, x=a, w=b)
    np.testing.assert_allclose(found, expected)
    later = a.copy()
    later[:, :, 5:] = 0
    np.testing.assert_array_equal(run(y, x=later, w=b)[:, :, :5], found[:, :, :5])
    with pytest.raises(ValueError, match="number of taps must be known"):
        T.nnet.causal_conv1d(x, w, None)


def test_objects_are_called_as_lasagne_does(run):
    a, b = rng.normal(size=(2, 3, 6, 7)), rng.normal(size=(4, 3, 3, 2))
    x, w, g = T.dtensor4("x"), T.dtensor4("w"), T.dtensor4("g")
    settings = {"subsample": (2, 2), "border_mode": "valid", "filter_flip": False}
    op = A.AbstractConv2d(imshp=(None, 3, 6, 7), kshp=b.shape, **settings)
    y = op(x, w)
    expected = convolution(a, b, "valid", (2, 2), False)
    np.testing.assert_allclose(run(y, x=a, w=b), expected)
    assert y.type.shape == (None, 4, 2, 3)
    slopes = run(grad(None, [x, w], known_grads={y: g}), x=a, w=b, g=expected)
    op = A.AbstractConv2d_gradInputs(imshp=(None, 3, None, None), kshp=b.shape, **settings)
    np.testing.assert_allclose(run(op(w, g, x.shape[2:]), x=a, w=b, g=expected), slopes[0])
    np.testing.assert_allclose(run(op(w, g, (6, 7)), w=b, g=expected), slopes[0])
    op = A.AbstractConv2d_gradWeights(imshp=None, kshp=b.shape, **settings)
    np.testing.assert_allclose(run(op(x, g, (3, 2)), x=a, g=expected), slopes[1])
    assert op.convdim == 2
    assert op.subsample == (2, 2)
    op = A.AbstractConv3d_gradInputs(subsample=(1, 2, 2))
    w3, g3 = T.dtensor5("w"), T.dtensor5("g")
    flipped = b[:, :, None, ::-1, ::-1]
    found = run(op(w3, g3, (1, 6, 7)), w=flipped, g=expected[:, :, None])
    np.testing.assert_allclose(found[:, :, 0], slopes[0])
    assert pickle.loads(pickle.dumps(op)).subsample == (1, 2, 2)


def test_lengths_that_are_inputs(run):
    """The size of a transposed convolution's result may be an argument of the function."""
    b, v = rng.normal(size=(1, 1, 3, 3)), rng.normal(size=(1, 1, 2, 2))
    w, g, n = T.dtensor4("w"), T.dtensor4("g"), T.lscalar("n")
    y = T.nnet.conv2d_transpose(g, w, (None, None, n, n), input_dilation=(2, 2))
    five, six = run(y, w=b, g=v, n=5), run(y, w=b, g=v, n=6)
    np.testing.assert_allclose(six[:, :, :5, :5], five)
    assert not six[:, :, 5].any()
    with pytest.raises(ValueError, match="length of dimension"):
        run(y, w=b, g=v, n=7)


def test_old_functions(run):
    a, b = rng.normal(size=(2, 3, 6, 7)), rng.normal(size=(4, 3, 3, 2))
    x, w = T.dtensor4("x"), T.dtensor4("w")
    y = T.nnet.conv.conv2d(x, w, a.shape, b.shape, "full", (2, 1), unroll_batch=2)
    np.testing.assert_allclose(run(y, x=a, w=b), convolution(a, b, "full", (2, 1)))
    with pytest.raises(ValueError, match="knows the border modes"):
        T.nnet.conv.conv2d(x, w, border_mode="half")
    for i, f in itertools.product((a[0, 0], a[0]), (b[0, 0], b[0])):
        x, w = (
            T.TensorType("float64", (None,) * i.ndim)("x"),
            T.TensorType("float64", (None,) * f.ndim)("w"),
        )
        shapes = {"image_shape": i.shape, "filter_shape": f.shape}
        y = T.signal.conv.conv2d(x, w, border_mode="full", **shapes)
        images, filters = np.atleast_3d(i.T).T[:, None], np.atleast_3d(f.T).T[:, None]
        expected = convolution(images, filters, "full")
        wanted = expected[:, 0] if f.ndim == 2 else expected
        np.testing.assert_allclose(run(y, x=i, w=f), wanted[0] if i.ndim == 2 else wanted)
    with pytest.raises(TypeError, match="2 or 3 dimensions"):
        T.signal.conv.conv2d(T.dtensor4(), T.dmatrix())


def test_time_in_front_of_channels(run):
    a, b = rng.normal(size=(2, 4, 3, 5, 6)), rng.normal(size=(4, 2, 3, 3, 2))
    x, w = T.dtensor5("x"), T.dtensor5("w")
    expected = convolution(a.swapaxes(1, 2), b.swapaxes(1, 2), "full").swapaxes(1, 2)
    for shapes in ((None, None), (a.shape, b.shape)):
        y = T.nnet.conv3d2d.conv3d(x, w, *shapes, "full")
        np.testing.assert_allclose(run(y, x=a, w=b), expected, rtol=1e-10, atol=1e-12)
    assert y.type.shape == expected.shape
    with pytest.raises(TypeError, match="filters have five dimensions"):
        T.nnet.conv3d2d.conv3d(x, T.dtensor4())


@pytest.mark.parametrize("ratio", [1, 2, 3, 4])
def test_bilinear_upsampling(run, ratio):
    a = rng.normal(size=(2, 3, 4, 5))
    x = T.dtensor4("x")

    def along(v, axis, step=1):
        n = v.shape[axis]
        at = (np.arange(0, n * ratio, step) - (ratio - 1) // 2) / ratio
        return np.apply_along_axis(lambda u: np.interp(at, np.arange(n), u), axis, v)

    y = T.nnet.bilinear_upsampling(x, ratio, batch_size=2, num_input_channels=3)
    expected = along(along(a, 2), 3)
    np.testing.assert_allclose(run(y, x=a), expected, rtol=1e-10, atol=1e-12)
    assert y.type.shape[:2] == (2, 3)
    verify_grad(lambda x: T.nnet.bilinear_upsampling(x, ratio), [a[:1, :1]], n_tests=1)
    y = T.nnet.frac_bilinear_upsampling(x, ((2 * ratio, 2), (ratio, 3)))
    if ratio == 3:
        y = T.nnet.frac_bilinear_upsampling(x, ((ratio, 1), (2 * ratio, 2)))
        np.testing.assert_allclose(run(y, x=a), along(along(a, 2), 3), rtol=1e-10, atol=1e-12)
    else:
        found = run(y, x=a)
        np.testing.assert_allclose(found, along(along(a, 2), 3, 3), rtol=1e-10, atol=1e-12)
    y = T.nnet.bilinear_upsampling(x, frac_ratio=(ratio, 1))
    np.testing.assert_allclose(run(y, x=a), expected, rtol=1e-10, atol=1e-12)


def test_bilinear_kernels():
    assert A.bilinear_kernel_1D(3).data.tolist() == pytest.approx([1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])
    assert A.bilinear_kernel_1D(2, normalize=False).data.tolist() == [1, 2, 1]
    kernel = A.bilinear_kernel_2D(2).eval()
    np.testing.assert_allclose(kernel, np.outer([0.5, 1, 0.5], [0.5, 1, 0.5]))
    for wrong in (0, 1.5):
        with pytest.raises(ValueError, match="integer of at least 1"):
            A.bilinear_kernel_1D(wrong)
    with pytest.raises(ValueError, match="one of the two"):
        T.nnet.bilinear_upsampling(T.tensor4())
    with pytest.raises(ValueError, match="a pair of integers"):
        T.nnet.bilinear_upsampling(T.tensor4(), frac_ratio=2)


def test_dtypes(run):
    a, b = np.ones((1, 1, 4, 4), "uint8"), np.ones((1, 1, 3, 3), "float32")
    y = T.nnet.conv2d(T.tensor4("x", dtype="uint8"), T.ftensor4("w"))
    found = run(y, x=a, w=b)
    assert found.dtype == "float32"
    assert found.tolist() == [[[[9, 9], [9, 9]]]]
    assert T.nnet.conv2d(T.ftensor4(), T.dtensor4()).dtype == "float64"
    assert T.nnet.conv2d(T.itensor4(), T.itensor4()).dtype == "float64"


def test_empty_batch(run):
    x, w = T.dtensor4("x"), T.dtensor4("w")
    y = T.nnet.conv2d(x, w, subsample=(2, 2))
    b = rng.normal(size=(4, 3, 3, 3))
    assert run(y, x=np.zeros((0, 3, 6, 6)), w=b).shape == (0, 4, 2, 2)
    gw = grad(y.sum(), w)
    assert not run(gw, x=np.zeros((0, 3, 6, 6)), w=b).any()


def test_errors(run):
    x, w = T.dtensor4("x"), T.dtensor4("w")
    conv = T.nnet.conv2d
    with pytest.raises(ValueError, match=r"3 channels, but the filters .* take 4"):
        conv(x, w, (None, 3, 5, 5), (2, 4, 3, 3))
    with pytest.raises(ValueError, match="take 2 in each of 2 groups"):
        conv(x, w, (None, 3, 5, 5), (2, 2, 3, 3), num_groups=2)
    with pytest.raises(TypeError, match="the input has 4 dimensions"):
        conv(T.dtensor3(), w)
    with pytest.raises(TypeError, match="the filters has 4 dimensions"):
        conv(x, T.dmatrix())
    with pytest.raises(ValueError, match='none of "valid", "half", "full"'):
        conv(x, w, border_mode="same")
    for wrong in ((1, 2, 3), (1, -1), ((1, 2, 3), 1), -1):
        with pytest.raises(ValueError, match="border_mode"):
            conv(x, w, border_mode=wrong)
    for wrong in ((1,), (0, 1), (1.5, 1)):
        with pytest.raises(ValueError, match="subsample is an integer of at least 1"):
            conv(x, w, subsample=wrong)
    with pytest.raises(ValueError, match="num_groups is at least 1"):
        conv(x, w, num_groups=0)
    with pytest.raises(ValueError, match="a shape of 3 entries"):
        conv(x, w, (1, 2, 3))
    with pytest.raises(ValueError, match="old name of input_shape"):
        conv(x, w, (1, 2, 3, 4), image_shape=(1, 2, 3, 4))
    with pytest.raises(ValueError, match="imshp_logical is gone"):
        conv(x, w, imshp_logical=1)
    with pytest.warns(UserWarning, match="ignores nkern"):
        conv(x, w, nkern=3)
    with pytest.raises(TypeError, match="larger than the padded input"):
        conv(x, w, (1, 1, 3, 3), (1, 1, 5, 5))
    with pytest.raises(ValueError, match="must be given"):
        T.nnet.conv2d_grad_wrt_inputs(x, w, (None, None, None, 5))
    g = T.dtensor4(shape=(None, None, 9, 3))
    with pytest.raises(ValueError, match=r"give a result of length 3 .* has 9"):
        T.nnet.conv2d_grad_wrt_inputs(g, w, (1, 1, 5, 5), (1, 1, 3, 3))
    a, b = np.zeros((1, 2, 4, 4)), np.zeros((1, 3, 2, 2))
    with pytest.raises(ValueError, match="channels of the input are not those of the filters"):
        run(conv(x, w), x=a, w=b)
    with pytest.raises(ValueError, match="was said to have length 3"):
        run(conv(x, w, (None, 3, None, None)), x=a, w=b)


def test_compiled_with_an_update():
    """The step of a layer: its gradient goes into its filters."""
    w = sn.shared(rng.normal(size=(2, 1, 3, 3)), name="w")
    x = T.dtensor4("x")
    y = T.nnet.conv2d(x, w, (None, 1, 6, 6), (2, 1, 3, 3))
    step = sn.function([x], y, updates=[(w, w - 0.1 * grad((y * y).sum(), w))])
    a, before = rng.normal(size=(2, 1, 6, 6)), w.get_value()
    found = step(a)
    expected = convolution(a, before)
    np.testing.assert_allclose(found, expected)
    slope = np.array(
        [
            signal.correlate(a, 2 * expected[:, f : f + 1], "valid")[0, 0, ::-1, ::-1]
            for f in range(2)
        ]
    )[:, None]
    np.testing.assert_allclose(w.get_value(), before - 0.1 * slope)
