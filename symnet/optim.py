"""Rules that train: from a loss and parameters to the updates of a compiled function.

Every rule takes a scalar loss, or a list of gradients, and a list of shared variables, and returns
an ordered dictionary for ``function(..., updates=...)``. Arithmetic is done in each parameter's
dtype; ``learning_rate`` and the other numbers may be floats, shared variables or expressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symnet import tensor
from symnet.gradient import grad
from symnet.graph import Variable
from symnet.shared import SharedVariable, shared

Updates = dict[SharedVariable, Any]
Scalar = Any
Loss = Any  # a scalar expression, or a sequence of gradients


def sgd(loss_or_grads: Loss, params: Sequence[SharedVariable], learning_rate: Scalar) -> Updates:
    """Gradient descent: ``p − learning_rate · g``.

    Examples
    --------
    >>> import symnet as sn
    >>> w = sn.shared(np.array([1.0, 2.0]))
    >>> step = sn.function([], [], updates=sgd((w**2).sum(), [w], learning_rate=0.25))
    >>> _ = step()
    >>> w.get_value()
    array([0.5, 1. ])
    """
    return {p: p - _like(learning_rate, p) * g for p, g in _gradients(loss_or_grads, params)}


def apply_momentum(
    updates: Updates, params: Sequence[SharedVariable] | None = None, momentum: Scalar = 0.9
) -> Updates:
    """Add momentum to the updates of `params` (by default, of all): ``v ← momentum · v + step``.

    Source: Polyak, "Some methods of speeding up the convergence of iteration methods" (1964).

    Examples
    --------
    >>> import symnet as sn
    >>> w = sn.shared(np.array([1.0, 2.0]))
    >>> len(apply_momentum(sgd((w**2).sum(), [w], 0.1), momentum=0.5))
    2
    """
    result = dict(updates)
    for p in list(updates) if params is None else params:
        velocity = _zeros(p)
        x = _like(momentum, p) * velocity + updates[p]
        result[velocity] = x - p
        result[p] = x
    return result


def momentum(
    loss_or_grads: Loss,
    params: Sequence[SharedVariable],
    learning_rate: Scalar,
    momentum: Scalar = 0.9,
) -> Updates:
    """Gradient descent with momentum: ``v ← momentum · v − learning_rate · g``, ``p ← p + v``.

    Source: Polyak (1964); see `apply_momentum`.

    Examples
    --------
    >>> import symnet as sn
    >>> w = sn.shared(np.array([1.0]))
    >>> step = sn.function([], [], updates=sn.optim.momentum((w**2).sum(), [w], 0.25, 0.5))
    >>> _ = step(), step()
    >>> w.get_value()
    array([0.])
    """
    return apply_momentum(sgd(loss_or_grads, params, learning_rate), params, momentum)


def apply_nesterov_momentum(
    updates: Updates, params: Sequence[SharedVariable] | None = None, momentum: Scalar = 0.9
) -> Updates:
    """Add Nesterov's momentum to the updates of `params` (by default, of all).

    With ``v ← momentum · v + step``, the parameter moves by ``momentum · v + step``: it stands
    where the gradient is to be taken, ahead by ``momentum · v`` of the method's own iterate.

    Source: Nesterov (1983); Sutskever, Martens, Dahl and Hinton, "On the importance of
    initialization and momentum in deep learning" (ICML 2013), in the form of Bengio,
    Boulanger-Lewandowski and Pascanu, "Advances in optimizing recurrent networks" (2012).

    Examples
    --------
    >>> import symnet as sn
    >>> w = sn.shared(np.array([1.0, 2.0]))
    >>> len(apply_nesterov_momentum(sgd((w**2).sum(), [w], 0.1), momentum=0.5))
    2
    """
    result = dict(updates)
    for p in list(updates) if params is None else params:
        velocity, mu = _zeros(p), _like(momentum, p)
        v = mu * velocity + updates[p] - p
        result[velocity] = v
        result[p] = mu * v + updates[p]
    return result


def nesterov_momentum(
    loss_or_grads: Loss,
    params: Sequence[SharedVariable],
    learning_rate: Scalar,
    momentum: Scalar = 0.9,
) -> Updates:
    """Gradient descent with Nesterov's momentum; see `apply_nesterov_momentum`.

    Examples
    --------
    >>> import symnet as sn
    >>> w = sn.shared(np.array([1.0]))
    >>> step = sn.function([], [], updates=nesterov_momentum((w**2).sum(), [w], 0.25, 0.5))
    >>> _ = step()
    >>> w.get_value()
    array([0.25])
    """
    return apply_nesterov_momentum(sgd(loss_or_grads, params, learning_rate), params, momentum)


def adagrad(
    loss_or_grads: Loss,
    params: Sequence[SharedVariable],
    learning_rate: Scalar = 1.0,
    epsilon: Scalar = 1e-6,
) -> Updates:
    """Divide by the root of the sum of all squared gradients.

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and
    stochastic optimization" (JMLR 2011).

    Examples
    --------
    >>> import symnet as sn
    >>> w = sn.shared(np.array([1.0, 2.0]))
    >>> step = sn.function([], [], updates=adagrad((w**2).sum(), [w], 0.5, epsilon=0.0))
    >>> _ = step()
    >>> w.get_value()
    array([0.5, 1.5])
    """
    updates: Updates = {}
    for p, g in _gradients(loss_or_grads, params):
        total = _zeros(p)
        updates[total] = total + g**2
        updates[p] = p - _like(learning_rate, p) * g / tensor.sqrt(
            updates[total] + _like(epsilon, p)
        )
    return updates


def rmsprop(
    loss_or_grads: Loss,
    params: Sequence[SharedVariable],
    learning_rate: Scalar = 1.0,
    rho: Scalar = 0.9,
    epsilon: Scalar = 1e-6,
) -> Updates:
    """Divide by the root of a running mean of squared gradients, which forgets at the rate `rho`.

    Source: Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5 (2012).

    Examples
    --------
    >>> import symnet as sn
    >>> w = sn.shared(np.array([1.0, 2.0]))
    >>> step = sn.function([], [], updates=rmsprop((w**2).sum(), [w], 0.5, 0.75, epsilon=0.0))
    >>> _ = step()
    >>> w.get_value()
    array([0., 1.])
    """
    updates: Updates = {}
    for p, g in _gradients(loss_or_grads, params):
        mean = _zeros(p)
        updates[mean] = _mixed(mean, g**2, rho)
        updates[p] = p - _like(learning_rate, p) * g / tensor.sqrt(
            updates[mean] + _like(epsilon, p)
        )
    return updates


def adadelta(
    loss_or_grads: Loss,
    params: Sequence[SharedVariable],
    learning_rate: Scalar = 1.0,
    rho: Scalar = 0.95,
    epsilon: Scalar = 1e-6,
) -> Updates:
    """Scale by the ratio of the root mean squares of past steps and of gradients.

    Source: Zeiler, "ADADELTA: an adaptive learning rate method" (arXiv:1212.5701), algorithm 1.

    Examples
    --------
    >>> import symnet as sn
    >>> w = sn.shared(np.array([1.0, 2.0]))
    >>> len(adadelta((w**2).sum(), [w]))
    3
    """
    updates: Updates = {}
    for p, g in _gradients(loss_or_grads, params):
        squares, steps, tiny = _zeros(p), _zeros(p), _like(epsilon, p)
        updates[squares] = _mixed(squares, g**2, rho)
        step = g * tensor.sqrt(steps + tiny) / tensor.sqrt(updates[squares] + tiny)
        updates[p] = p - _like(learning_rate, p) * step
        updates[steps] = _mixed(steps, step**2, rho)
    return updates


def adam(
    loss_or_grads: Loss,
    params: Sequence[SharedVariable],
    learning_rate: Scalar = 0.001,
    beta1: Scalar = 0.9,
    beta2: Scalar = 0.999,
    epsilon: Scalar = 1e-8,
) -> Updates:
    """Running means of gradients over roots of running means of their squares.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization" (ICLR 2015), in the order
    of computation given before section 2.1.

    Examples
    --------
    >>> import symnet as sn
    >>> w = sn.shared(np.array([1.0, 2.0]))
    >>> step = sn.function([], [], updates=adam((w**2).sum(), [w], 0.5))
    >>> _ = step()
    >>> w.get_value().round(4)
    array([0.5, 1.5])
    """
    updates, rate = _counted(learning_rate, beta1, beta2)
    for p, g in _gradients(loss_or_grads, params):
        m, v = _zeros(p), _zeros(p)
        updates[m] = _mixed(m, g, beta1)
        updates[v] = _mixed(v, g**2, beta2)
        size = tensor.sqrt(updates[v]) + _like(epsilon, p)
        updates[p] = p - _like(rate, p) * updates[m] / size
    return updates


def adamax(
    loss_or_grads: Loss,
    params: Sequence[SharedVariable],
    learning_rate: Scalar = 0.002,
    beta1: Scalar = 0.9,
    beta2: Scalar = 0.999,
    epsilon: Scalar = 1e-8,
) -> Updates:
    """Adam with a decaying maximum of the gradients' sizes for the root of their mean square.

    Source: Kingma and Ba (ICLR 2015), algorithm 2; `epsilon` keeps zero gradients from 0 / 0.

    Examples
    --------
    >>> import symnet as sn
    >>> w = sn.shared(np.array([1.0, 2.0]))
    >>> step = sn.function([], [], updates=adamax((w**2).sum(), [w], 0.5))
    >>> _ = step()
    >>> w.get_value().round(4)
    array([0.5, 1.5])
    """
    updates, rate = _counted(learning_rate, beta1)
    for p, g in _gradients(loss_or_grads, params):
        m, u = _zeros(p), _zeros(p)
        updates[m] = _mixed(m, g, beta1)
        updates[u] = tensor.maximum(_like(beta2, p) * u, abs(g))
        updates[p] = p - _like(rate, p) * updates[m] / (updates[u] + _like(epsilon, p))
    return updates


def amsgrad(
    loss_or_grads: Loss,
    params: Sequence[SharedVariable],
    learning_rate: Scalar = 0.001,
    beta1: Scalar = 0.9,
    beta2: Scalar = 0.999,
    epsilon: Scalar = 1e-8,
) -> Updates:
    """Adam with the largest mean square so far, so that steps never grow for want of gradients.

    Source: Reddi, Kale and Kumar, "On the convergence of Adam and beyond" (ICLR 2018),
    algorithm 2, with Adam's correction of the means' bias.

    Examples
    --------
    >>> import symnet as sn
    >>> w = sn.shared(np.array([1.0, 2.0]))
    >>> step = sn.function([], [], updates=amsgrad((w**2).sum(), [w], 0.5))
    >>> _ = step()
    >>> w.get_value().round(4)
    array([0.5, 1.5])
    """
    updates, rate = _counted(learning_rate, beta1, beta2)
    for p, g in _gradients(loss_or_grads, params):
        m, v, top = _zeros(p), _zeros(p), _zeros(p)
        updates[m] = _mixed(m, g, beta1)
        updates[v] = _mixed(v, g**2, beta2)
        updates[top] = tensor.maximum(top, updates[v])
        size = tensor.sqrt(updates[top]) + _like(epsilon, p)
        updates[p] = p - _like(rate, p) * updates[m] / size
    return updates


def norm_constraint(
    tensor_var: Any,
    max_norm: Scalar,
    norm_axes: Sequence[int] | None = None,
    epsilon: Scalar = 1e-7,
) -> Any:
    """Scale down the weights of every unit whose norm exceeds `max_norm`.

    `norm_axes` are the dimensions summed over: by default the first of a matrix (inputs,
    outputs), and all but the first of filters with three to five dimensions.

    Source: Srebro and Shraibman (COLT 2005); Hinton et al., "Improving neural networks by
    preventing co-adaptation of feature detectors" (arXiv:1207.0580).

    Examples
    --------
    >>> import symnet as sn
    >>> norm_constraint(sn.shared(np.array([[3.0, 0.1], [4.0, 0.1]])), 1.0).eval().round(3)
    array([[0.6, 0.1],
           [0.8, 0.1]])
    """
    n = tensor_var.ndim
    if norm_axes is not None:
        axes = tuple(norm_axes)
    elif n == 2:
        axes = (0,)
    elif 3 <= n <= 5:
        axes = tuple(range(1, n))
    else:
        raise ValueError(f"norm_constraint: a tensor of {n} dimensions needs norm_axes")
    norms = tensor.sqrt(tensor.sum(tensor_var**2, axis=axes, keepdims=True))
    target = tensor.minimum(norms, _like(max_norm, tensor_var))
    return tensor_var * (target / (norms + _like(epsilon, tensor_var)))


def total_norm_constraint(
    tensor_vars: Sequence[Any],
    max_norm: Scalar,
    epsilon: Scalar = 1e-7,
    return_norm: bool = False,
) -> Any:
    """Scale tensors down together, so that the norm of all their elements is at most `max_norm`.

    With ``return_norm=True`` the result is the pair of the scaled tensors and their norm before.

    Source: Sutskever, Vinyals and Le, "Sequence to sequence learning with neural networks"
    (NIPS 2014), section 3.4; Pascanu, Mikolov and Bengio (ICML 2013).

    Examples
    --------
    >>> import symnet as sn
    >>> (g,) = total_norm_constraint([sn.shared(np.array([3.0, 4.0]))], 1.0)
    >>> g.eval().round(3)
    array([0.6, 0.8])
    """
    if not tensor_vars:
        raise ValueError("total_norm_constraint needs at least one tensor")
    norm = tensor.sqrt(sum(tensor.sum(x**2) for x in tensor_vars))
    scale = tensor.minimum(norm, _like(max_norm, norm)) / (norm + _like(epsilon, norm))
    scaled = [x * _like(scale, x) for x in tensor_vars]
    return (scaled, norm) if return_norm else scaled


def _gradients(loss_or_grads: Loss, params: Sequence[SharedVariable]) -> list[tuple[Any, Any]]:
    """Pair every parameter with its gradient, in its dtype."""
    for p in params:
        if not isinstance(p, SharedVariable):
            raise ValueError(f"params must be shared variables, to be updated; {p!r} is not one")
    if isinstance(loss_or_grads, (list, tuple)):
        grads = list(loss_or_grads)
        if len(grads) != len(params):
            raise ValueError(f"{len(grads)} gradients were given for {len(params)} params")
    else:
        grads = list(grad(loss_or_grads, list(params)))
    return [(p, _like(g, p)) for p, g in zip(params, grads, strict=True)]


def _like(value: Scalar, variable: Any) -> Any:
    """Return a number or an expression in the dtype of a variable."""
    if isinstance(value, Variable):
        return tensor.cast(value, variable.dtype)
    return np.asarray(value, variable.dtype)


def _zeros(param: SharedVariable) -> SharedVariable:
    """Return new state of a parameter's shape, dtype and pattern of broadcasting."""
    zeros = np.zeros_like(param.get_value(borrow=True))
    return shared(zeros, broadcastable=param.broadcastable)


def _mixed(old: Any, new: Any, rho: Scalar) -> Any:
    """Return the running mean ``rho · old + (1 − rho) · new``."""
    return _like(rho, old) * old + _like(1.0 - rho, old) * new


def _counted(learning_rate: Scalar, beta1: Scalar, beta2: Scalar = 0.0) -> tuple[Updates, Any]:
    """Return updates that count steps, and the learning rate with the means' bias corrected.

    Both are float64 whatever the parameters are: float32 stops counting at 2²⁴, and 1 − 0.999 has
    four digits in it.
    """
    steps = shared(np.zeros((), "float64"))
    t = steps + 1.0
    one, two, rate = (_like(value, steps) for value in (beta1, beta2, learning_rate))
    return {steps: t}, rate * tensor.sqrt(1.0 - two**t) / (1.0 - one**t)
