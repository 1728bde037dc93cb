"""Values that weights start from.

Each function takes a shape and a seed or a `numpy.random.Generator`, and returns an array of
``config.floatX`` for `symnet.shared`. A weight's shape is (inputs, outputs) for ``dot(x, w)``, or
(outputs, inputs, rows, columns...) for the filters of a convolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symnet.config import config

Array = np.ndarray[Any, Any]
Seed = int | np.random.Generator


def constant(shape: Sequence[int], value: float = 0.0) -> Array:
    """Return an array with the same number everywhere.

    Examples
    --------
    >>> float(constant((2, 3), 0.5).sum())
    3.0
    """
    return np.full(tuple(shape), value, config.floatX)


def uniform(shape: Sequence[int], seed: Seed, low: float = -0.01, high: float = 0.01) -> Array:
    """Draw from the uniform distribution on [low, high).

    Examples
    --------
    >>> bool(abs(uniform((20, 30), seed=1)).max() <= 0.01)
    True
    """
    return _floats(np.random.default_rng(seed).uniform(low, high, tuple(shape)))


def normal(shape: Sequence[int], seed: Seed, std: float = 0.01, mean: float = 0.0) -> Array:
    """Draw from the normal distribution.

    Examples
    --------
    >>> normal((2, 3), seed=1).shape
    (2, 3)
    """
    return _floats(np.random.default_rng(seed).normal(mean, std, tuple(shape)))


def glorot_uniform(shape: Sequence[int], seed: Seed, gain: float = 1.0) -> Array:
    """Draw uniformly, with variance ``gain² · 2 / (inputs + outputs)``.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (AISTATS 2010), equation 16. `gain` is 1 for tanh, 4 for the logistic sigmoid,
    √2 for rectifiers.

    Examples
    --------
    >>> bool(abs(glorot_uniform((300, 300), seed=1)).max() <= 0.1)
    True
    """
    bound = math.sqrt(3.0) * _glorot_std(shape, gain)
    return uniform(shape, seed, -bound, bound)


def glorot_normal(shape: Sequence[int], seed: Seed, gain: float = 1.0) -> Array:
    """Draw from a normal distribution of variance ``gain² · 2 / (inputs + outputs)``.

    Source: Glorot and Bengio (AISTATS 2010), equation 12; see `glorot_uniform`.

    Examples
    --------
    >>> round(float(glorot_normal((300, 100), seed=1).std()), 2)  # √(2 / 400)
    0.07
    """
    return normal(shape, seed, _glorot_std(shape, gain))


def he_uniform(shape: Sequence[int], seed: Seed, gain: float = math.sqrt(2.0)) -> Array:
    """Draw uniformly, with variance ``gain² / inputs``.

    Source: He, Zhang, Ren and Sun, "Delving deep into rectifiers" (ICCV 2015), equation 10. The
    default `gain` is that of rectifiers; with a slope of α below zero it is √(2 / (1 + α²)).

    Examples
    --------
    >>> bool(abs(he_uniform((600, 10), seed=1)).max() <= 0.1)
    True
    """
    bound = math.sqrt(3.0) * _he_std(shape, gain)
    return uniform(shape, seed, -bound, bound)


def he_normal(shape: Sequence[int], seed: Seed, gain: float = math.sqrt(2.0)) -> Array:
    """Draw from a normal distribution of variance ``gain² / inputs``.

    Source: He, Zhang, Ren and Sun (ICCV 2015), equation 10; see `he_uniform`.

    Examples
    --------
    >>> round(float(he_normal((200, 100), seed=1).std()), 2)
    0.1
    """
    return normal(shape, seed, _he_std(shape, gain))


def orthogonal(shape: Sequence[int], seed: Seed, gain: float = 1.0) -> Array:
    """Draw a matrix with orthonormal rows or columns, whichever are fewer, times `gain`.

    Dimensions after the first count as one. Every such matrix is equally likely.

    Source: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning
    in deep linear neural networks" (ICLR 2014).

    Examples
    --------
    >>> w = orthogonal((4, 3), seed=1)
    >>> bool(np.allclose(w.T @ w, np.eye(3), atol=1e-6))
    True
    """
    _at_least_two(shape, "orthogonal")
    rows, columns = shape[0], math.prod(shape[1:])
    drawn = np.random.default_rng(seed).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    # The signs that make the factorization unique, without which q would not be uniform.
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return _floats(gain * (q if rows >= columns else q.T).reshape(tuple(shape)))


def sparse(shape: Sequence[int], seed: Seed, connections: int = 15, std: float = 1.0) -> Array:
    """Draw a matrix (inputs, outputs) where each output has a few nonzero weights, normal ones.

    Source: Martens, "Deep learning via Hessian-free optimization" (ICML 2010), section 5;
    Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
    learning" (ICML 2013), section 3.1.

    Examples
    --------
    >>> np.count_nonzero(sparse((100, 2), seed=1), axis=0)
    array([15, 15])
    """
    if len(shape) != 2:
        raise ValueError(f"sparse is for matrices, (inputs, outputs), not for shape {tuple(shape)}")
    rng = np.random.default_rng(seed)
    weights = np.zeros(tuple(shape))
    n = min(connections, shape[0])
    for column in weights.T:
        column[rng.choice(shape[0], n, replace=False)] = rng.normal(0.0, std, n)
    return _floats(weights)


def _floats(values: Array) -> Array:
    return values.astype(config.floatX)


def _at_least_two(shape: Sequence[int], what: str) -> None:
    if len(shape) < 2:
        raise ValueError(
            f"{what} needs inputs and outputs, two dimensions or more, not shape {tuple(shape)}; "
            "normal and uniform take any shape"
        )


def _glorot_std(shape: Sequence[int], gain: float) -> float:
    _at_least_two(shape, "Glorot's initialization")
    return gain * math.sqrt(2.0 / ((shape[0] + shape[1]) * math.prod(shape[2:])))


def _he_std(shape: Sequence[int], gain: float) -> float:
    _at_least_two(shape, "He's initialization")
    return gain / math.sqrt(shape[0] if len(shape) == 2 else math.prod(shape[1:]))
