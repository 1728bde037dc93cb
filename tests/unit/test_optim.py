"""Every training rule against its paper's formula in NumPy."""

import numpy as np
import pytest

import symnet as sn
from symnet import optim
from symnet import tensor as T


def ref_sgd(p, grad, lr):
    while True:
        p = p - lr * grad(p)
        yield p


def ref_momentum(p, grad, lr, momentum=0.9):
    v = 0 * p
    while True:
        v = momentum * v - lr * grad(p)
        p = p + v
        yield p


def ref_nesterov(p, grad, lr, momentum=0.9):
    # Sutskever's iterate θ, with the gradient at θ + μ v; the rule's parameter is θ + μ v.
    theta, v = p, 0 * p
    while True:
        v = momentum * v - lr * grad(theta + momentum * v)
        theta = theta + v
        yield theta + momentum * v


def ref_adagrad(p, grad, lr, eps=1e-6):
    history = []
    while True:
        history.append(grad(p))
        p = p - lr * history[-1] / np.sqrt(sum(g**2 for g in history) + eps)
        yield p


def ref_rmsprop(p, grad, lr, rho=0.9, eps=1e-6):
    mean = 0 * p
    while True:
        g = grad(p)
        mean = rho * mean + (1 - rho) * g * g
        p = p - lr * g / np.sqrt(mean + eps)
        yield p


def ref_adadelta(p, grad, lr, rho=0.95, eps=1e-6):
    eg, ex = 0 * p, 0 * p
    while True:
        g = grad(p)
        eg = rho * eg + (1 - rho) * g * g
        dx = -np.sqrt(ex + eps) / np.sqrt(eg + eps) * g
        ex = rho * ex + (1 - rho) * dx * dx
        p = p + lr * dx
        yield p


def ref_adam(p, grad, lr, b1=0.9, b2=0.999, eps=1e-8, keep=False):
    m, v, top, t = 0 * p, 0 * p, 0 * p, 0
    while True:
        t += 1
        g = grad(p)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        top = np.maximum(top, v) if keep else v
        p = p - lr * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(top) + eps)
        yield p


def ref_amsgrad(p, grad, lr):
    return ref_adam(p, grad, lr, keep=True)


def ref_adamax(p, grad, lr, b1=0.9, b2=0.999, eps=1e-8):
    m, u, t = 0 * p, 0 * p, 0
    while True:
        t += 1
        g = grad(p)
        m, u = b1 * m + (1 - b1) * g, np.maximum(b2 * u, abs(g))
        p = p - lr / (1 - b1**t) * m / (u + eps)
        yield p


RULES = {
    optim.sgd: ref_sgd,
    optim.momentum: ref_momentum,
    optim.nesterov_momentum: ref_nesterov,
    optim.adagrad: ref_adagrad,
    optim.rmsprop: ref_rmsprop,
    optim.adadelta: ref_adadelta,
    optim.adam: ref_adam,
    optim.adamax: ref_adamax,
    optim.amsgrad: ref_amsgrad,
}
START = np.array([[0.5, -1.0, 2.0], [0.1, 0.7, -0.3]])


def loss_of(w):
    return T.sum(T.cos(w) + w**2 / 3)


def slope(p):
    return -np.sin(p) + 2 * p / 3


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rule_follows_its_paper(rule, dtype):
    w = sn.shared(START.astype(dtype))
    updates = rule(loss_of(w), [w], learning_rate=0.05)
    assert all(new.dtype == old.dtype for old, new in updates.items())
    assert all(old.dtype == dtype for old in updates if old.ndim)
    step = sn.function([], [], updates=updates)
    expected = RULES[rule](START, slope, 0.05)
    for _ in range(6):
        step()
        np.testing.assert_allclose(
            w.get_value(), next(expected), rtol=1e-12 if dtype == "float64" else 2e-5
        )


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.__name__)
def test_learning_rates_may_be_shared_or_symbolic(rule):
    a, b = sn.shared(START.astype("float32")), sn.shared(START.astype("float32"))
    rate, given = sn.shared(np.float64(0.05)), T.dscalar()
    sn_a = sn.function([], [], updates=rule(loss_of(a), [a], learning_rate=rate))
    sn_b = sn.function([given], [], updates=rule(loss_of(b), [b], learning_rate=given))
    expected = RULES[rule](START, slope, 0.05)
    for _ in range(2):
        sn_a()
        sn_b(0.05)
        after = next(expected)
    for p in (a, b):
        assert p.get_value().dtype == "float32"
        np.testing.assert_allclose(p.get_value(), after, rtol=2e-5)


def test_rows_gathered_and_a_loss_scanned_with_clipped_gradients():
    table, u = sn.shared(START), sn.shared(np.array([0.3, -0.2, 0.9]))
    rows = np.array([0, 1, 0])
    states = sn.scan(
        lambda x, h, u: T.tanh(x + u * h),
        sequences=table[rows],
        outputs_info=T.zeros_like(u),
        non_sequences=u,
    )[0]
    loss = T.sum(states[-1] ** 2)
    grads = sn.grad(loss, [table, u])
    clipped, norm = optim.total_norm_constraint(grads, 0.1, return_norm=True)
    step = sn.function([], [loss, norm], updates=optim.sgd(clipped, [table, u], 1.0))

    def value(e, v):
        h = 0 * v
        for r in rows:
            h = np.tanh(e[r] + v * h)
        return np.sum(h**2)

    params = [table.get_value(), u.get_value()]
    slopes = []
    for i, p in enumerate(params):
        slopes.append(np.zeros_like(p))
        for at in np.ndindex(p.shape):
            ends = []
            for sign in (1, -1):
                moved = [q.copy() for q in params]
                moved[i][at] += sign * 1e-6
                ends.append(value(*moved))
            slopes[i][at] = (ends[0] - ends[1]) / 2e-6
    total = np.sqrt(sum(np.sum(g**2) for g in slopes))
    found, found_norm = step()
    np.testing.assert_allclose([found, found_norm], [value(*params), total], rtol=1e-6)
    assert total > 0.1
    for p, old, g in zip((table, u), params, slopes, strict=True):
        np.testing.assert_allclose(p.get_value(), old - g * 0.1 / total, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "axes", "summed"), [((4, 3), None, (0,)), ((2, 3, 2), None, (1, 2)), ((5,), (0,), 0)]
)
def test_norm_constraint(shape, axes, summed):
    x = np.random.default_rng(0).normal(size=shape)
    norms = np.sqrt(np.sum(x**2, axis=summed, keepdims=True))
    limit = float(np.median(norms)) * 0.99
    found = optim.norm_constraint(sn.shared(x.astype("float32")), limit, norm_axes=axes)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found.eval(), x * np.minimum(1, limit / norms), rtol=1e-5)


def test_refusals():
    w, x = sn.shared(START), T.matrix()
    with pytest.raises(ValueError, match="shared variables"):
        optim.sgd(T.sum(x), [x], 0.1)
    with pytest.raises(ValueError, match="1 gradients were given for 2 params"):
        optim.sgd([w], [w, sn.shared(START)], 0.1)
    with pytest.raises(ValueError, match="needs norm_axes"):
        optim.norm_constraint(T.vector(), 1.0)
    with pytest.raises(ValueError, match="at least one"):
        optim.total_norm_constraint([], 1.0)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.__name__)
def test_parameters_of_several_dtypes_and_patterns_together(rule):
    starts = [START.astype("float32"), START[:1], np.float32(0.4), np.zeros((0, 3))]
    patterns = [None, (True, False), None, None]
    params = [sn.shared(s, broadcastable=b) for s, b in zip(starts, patterns, strict=True)]
    loss = sum(loss_of(p).astype("float64") for p in params)
    step = sn.function([], [], updates=rule(loss, params, learning_rate=0.05))
    expected = [RULES[rule](np.float64(s), slope, 0.05) for s in starts]
    for _ in range(3):
        step()
        for p, start, reference in zip(params, starts, expected, strict=True):
            assert p.get_value().dtype == start.dtype
            np.testing.assert_allclose(p.get_value(), next(reference), rtol=2e-5)


def test_numbers_of_a_rule_may_be_shared():
    w, rest = sn.shared(START), [sn.shared(np.float32(x)) for x in (0.5, 0.75, 0.125)]
    updates = optim.adam(loss_of(w), [w], 0.05, *rest)
    step = sn.function([], [], updates=updates)
    expected = ref_adam(START, slope, 0.05, 0.5, 0.75, 0.125)
    for _ in range(3):
        step()
        np.testing.assert_allclose(w.get_value(), next(expected), rtol=1e-12)
