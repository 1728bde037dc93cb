import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.gradient import grad, verify_grad

rng = np.random.default_rng(8)
train = T.nnet.bn.batch_normalization_train
infer = T.nnet.bn.batch_normalization_test


def normalized(x, gamma, beta, mean, var, epsilon):
    return (x - mean) / np.sqrt(var + epsilon) * gamma + beta


CASES = [
    ((5, 3), "per-activation", (0,)),
    ((5, 3, 2), "per-activation", (0,)),
    ((4, 3, 2, 5), "spatial", (0, 2, 3)),
    ((4, 3, 2), "spatial", (0, 2)),
    ((4, 3, 2), (0, 1), (0, 1)),
    ((4, 3, 2), [-1], (2,)),
]


@pytest.mark.parametrize(("shape", "axes", "over"), CASES)
@pytest.mark.parametrize("whole", [False, True])
def test_train_and_test(run, shape, axes, over, whole):
    a = rng.normal(1, 2, size=shape)
    wide = tuple(1 if axis in over else n for axis, n in enumerate(shape))
    narrow = tuple(n for axis, n in enumerate(shape) if axis not in over)
    gamma, beta, old_mean, old_var = (rng.uniform(0.5, 2, size=wide) for _ in range(4))
    mean, var = a.mean(over, keepdims=True), a.var(over, keepdims=True)
    x = T.TensorType("float64", (None,) * a.ndim)("x")
    own = [None if n != 1 else 1 for n in wide] if whole else [None] * len(narrow)
    parameters = [T.TensorType("float64", own)(name) for name in "gbmv"]
    fit = (lambda v: v) if whole else (lambda v: v.reshape(narrow))
    given = dict(zip("gbmv", map(fit, (gamma, beta, old_mean, old_var)), strict=True))

    g, b, m, v = parameters
    found = run(train(x, g, b, axes, 1e-3, 0.2, m, v), x=a, **given)
    count = a.size / mean.size
    expected = [
        normalized(a, gamma, beta, mean, var, 1e-3),
        fit(mean),
        fit(1 / np.sqrt(var + 1e-3)),
        fit(0.8 * old_mean + 0.2 * mean),
        fit(0.8 * old_var + 0.2 * var * count / (count - 1)),
    ]
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-10)
    found = run(infer(x, g, b, m, v, axes, 1e-3), x=a, **given)
    np.testing.assert_allclose(found, normalized(a, gamma, beta, old_mean, old_var, 1e-3))


def test_gradients_to_second_order():
    def layer(x, gamma, beta):
        return train(x, gamma, beta, "spatial", 1e-2)[0]

    def slope(x, gamma, beta):
        y = layer(x, gamma, beta)
        return grad((y * y * y).sum(), x)

    values = [rng.normal(size=(3, 2, 2)), rng.uniform(1, 2, size=2), rng.normal(size=2)]
    verify_grad(layer, values, n_tests=1)
    verify_grad(slope, values, n_tests=1)
    more = [rng.normal(size=2), rng.uniform(1, 2, size=2)]
    verify_grad(lambda *a: infer(*a, axes="spatial"), values + more, n_tests=1)


def test_running_statistics_are_updates():
    mean, var = sn.shared(np.zeros(3)), sn.shared(np.ones(3))
    x = T.dmatrix("x")
    out, _, _, new_mean, new_var = train(
        x, np.ones(3), np.zeros(3), running_mean=mean, running_var=var
    )
    step = sn.function([x], out, updates=[(mean, new_mean), (var, new_var)])
    a = rng.normal(3, 2, size=(500, 3))
    for _ in range(100):
        normal = step(a)
    np.testing.assert_allclose(normal, (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-4), rtol=1e-7)
    np.testing.assert_allclose(mean.get_value(), a.mean(0), rtol=1e-3)
    np.testing.assert_allclose(var.get_value(), a.var(0, ddof=1), rtol=1e-3)


def test_one_of_the_running_statistics(run):
    x, m = T.dmatrix("x"), T.dvector("m")
    a = rng.normal(size=(4, 3))
    outputs = train(x, np.ones(3), np.zeros(3), running_mean=m)
    assert len(outputs) == 4
    np.testing.assert_allclose(run(outputs[3], x=a, m=np.ones(3)), 0.9 + 0.1 * a.mean(0))


def test_old_function(run):
    x = T.dmatrix("x")
    a = rng.normal(size=(5, 3))
    mean, std = x.mean(0, keepdims=True), x.std(0, keepdims=True)
    for mode in ("low_mem", "high_mem"):
        y = T.nnet.batch_normalization(x, 2 * np.ones(3), np.ones(3), mean, std, mode)
        np.testing.assert_allclose(run(y, x=a), 2 * (a - a.mean(0)) / a.std(0) + 1)


def test_float32_stays(run):
    x, v = T.fmatrix("x"), T.fvector("v")
    for out in train(x, v, v, running_mean=v, running_var=v):
        assert out.dtype == "float32"
    assert infer(x, v, v, v, v).dtype == "float32"


def test_errors():
    x, v = T.dmatrix(), T.dvector()
    with pytest.raises(ValueError, match='none of "per-activation"'):
        train(x, v, v, axes="channels")
    with pytest.raises(ValueError, match="epsilon is at least 1e-5"):
        train(x, v, v, epsilon=1e-8)
    with pytest.raises(ValueError, match="gamma has 1 dimensions"):
        train(x, T.dtensor3(), v)
    with pytest.raises(ValueError, match="at least one dimension"):
        train(x, x, x, axes=())
    with pytest.raises(ValueError, match="out of range"):
        train(x, v, v, axes=(2,))
    with pytest.raises(ValueError, match="neither"):
        T.nnet.batch_normalization(x, v, v, v, v, "fast")
