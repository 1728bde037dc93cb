"""Random typed graphs: what the compiler must agree with the interpreter on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import symnet as sn
import symnet.tensor as T
from symnet import interpreter
from symnet.ifelse import ifelse
from symnet.ops import convolve


@dataclass
class Drawn:
    """A graph with values for its inputs."""

    inputs: list[Any]
    values: list[np.ndarray]
    shared: list[Any]
    outputs: list[Any]
    updates: list[tuple[Any, Any]]


Builder = Callable[["Pool"], Any]


class Pool:
    """Variables drawn so far, with their values."""

    def __init__(self, draw: st.DrawFn, dtype: str) -> None:
        self.draw = draw
        self.dtype = dtype
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.given: dict[Any, np.ndarray] = {}
        self.values: dict[Any, np.ndarray] = {}

    def input(self, shape: tuple[int, ...], dtype: str | None = None, static: tuple = ()) -> Any:
        dtype = dtype or self.dtype
        pattern = tuple(n if axis in static else None for axis, n in enumerate(shape))
        v = T.TensorType(dtype, pattern)(f"x{len(self.given)}")
        if dtype == self.dtype:
            value = self.rng.standard_normal(shape).astype(dtype)
        else:
            value = self.rng.integers(0, 3, shape).astype(dtype)
        self.given[v] = self.values[v] = value
        return v

    def add(self, v: Any) -> None:
        (self.values[v],) = interpreter.evaluate([v], self.given)

    def pick(self, where: Callable[[np.ndarray], bool] = lambda a: True) -> Any:
        found = [v for v, a in self.values.items() if a.dtype == self.dtype and where(a)]
        return self.draw(st.sampled_from(found)) if found else None


def unary(pool: Pool) -> Any:
    x = pool.pick()
    f = pool.draw(
        st.sampled_from(
            [
                *(T.tanh, T.nnet.sigmoid, T.exp, T.sqr, T.neg, T.sin, T.nnet.softplus),
                *(abs, T.floor),
                lambda v: T.log(1.5 + T.sqr(v)),
                lambda v: T.sqrt(1 + v * v),
                lambda v: T.clip(v, -1, 1),
            ]
        )
    )
    return f(T.clip(x, -3, 3))


def binary(pool: Pool) -> Any:
    x = pool.pick()
    shape = pool.values[x].shape
    y = pool.pick(lambda a: a.shape == shape)
    f = pool.draw(
        st.sampled_from(
            [
                *(T.add, T.sub, T.mul, T.maximum, T.minimum),
                lambda a, b: a / (1 + b * b),
                lambda a, b: T.switch(a > b, a, 2 * b),
            ]
        )
    )
    return f(x, y)


def chosen(pool: Pool) -> Any:
    x = pool.pick()
    y = pool.pick(lambda a: a.shape == pool.values[x].shape)
    condition = T.gt(pool.pick().sum(), 0.5)
    kinds = [
        lambda a, b: ifelse(condition, T.tanh(a), b * 2),
        lambda a, b: ifelse(condition, a, T.exp(T.clip(b, -3, 3)) + a.sum()),
        lambda a, b: sum(ifelse(condition, [T.sin(a), b], [a, T.cos(a)])),
        lambda a, b: ifelse(condition, ifelse(T.gt(b.sum(), 0), T.sin(a), b), T.cos(T.sin(a))),
    ]
    return pool.draw(st.sampled_from(kinds))(x, y)


def broadcast(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim == 2)
    if x is None:
        return None
    m, n = pool.values[x].shape
    row = pool.pick(lambda a: a.shape == (n,))
    column = pool.pick(lambda a: a.shape == (m,))
    if column is not None and (row is None or pool.draw(st.booleans())):
        return x * column.dimshuffle(0, "x")
    return None if row is None else x - row


def reduction(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim > 0)
    axis = pool.draw(st.sampled_from([None, 0, pool.values[x].ndim - 1]))
    f = pool.draw(st.sampled_from([T.sum, T.mean, T.max, T.min, T.var]))
    return f(x, axis=axis, keepdims=pool.draw(st.booleans()))


def view(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim > 0)
    shape = pool.values[x].shape
    kinds = ["slice", "flip", "flatten"] + ["transpose"] * (len(shape) == 2)
    kind = pool.draw(st.sampled_from(kinds))
    if kind == "transpose":
        return x.T
    if kind == "slice":
        return x[: max(1, shape[0] - 1)]
    return x[::-1] if kind == "flip" else x.flatten()


def product(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim == 2)
    if x is None:
        return None
    k = pool.values[x].shape[1]
    y = pool.pick(lambda a: a.ndim in (1, 2) and a.shape[0] == k)
    return None if y is None else T.dot(x, y)


def softmax(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim == 2)
    if x is None:
        return None
    return pool.draw(st.sampled_from([T.nnet.softmax, lambda v: T.log(T.nnet.softmax(v))]))(x)


def picked(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim == 2 and a.shape[1] >= 3)
    if x is None:
        return None
    m = pool.values[x].shape[0]
    y = pool.input((m,), "int32")
    return x[T.arange(y.shape[0]), y]


def changed(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim > 0 and a.shape[0] > 1)
    if x is None:
        return None
    f = pool.draw(st.sampled_from([T.set_subtensor, T.inc_subtensor]))
    return f(x[:1], 0.5 * x[1:2])


def joined(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim > 0)
    shape = pool.values[x].shape
    axis = pool.draw(st.integers(0, len(shape) - 1))
    y = pool.pick(lambda a: a.shape == shape)
    return pool.draw(st.sampled_from([T.concatenate, T.stack]))([x, y, 2 * x], axis=axis)


def rearranged(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim > 0)
    axis = pool.draw(st.integers(0, pool.values[x].ndim - 1))
    f = pool.draw(
        st.sampled_from(
            [
                lambda v: T.roll(v, 2, axis),
                lambda v: T.tile(v, 2),
                lambda v: T.pad(v, 1),
                lambda v: T.split(v, [v.shape[axis] - 1, 1], 2, axis)[0],
                lambda v: T.concatenate(T.split(v, [1, v.shape[axis] - 1], 2, axis)[::-1], axis),
            ]
        )
    )
    return not_empty(pool, f(x))


def masked(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim > 0)
    shape = pool.values[x].shape
    known = pool.input(shape[: pool.draw(st.integers(1, len(shape)))], "int32")
    kinds = [
        lambda v, m: v[m],
        lambda v, m: T.set_subtensor(v[m], 0.5),
        lambda v, m: T.inc_subtensor(v[m], 2 * v[m]),
    ]
    return not_empty(pool, pool.draw(st.sampled_from(kinds))(x, known > 1))


def repeated(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim > 0)
    axis = pool.draw(st.integers(0, pool.values[x].ndim - 1))
    counts = pool.input((pool.values[x].shape[axis],), "int32")
    times = pool.draw(st.sampled_from([2, counts, counts.max()]))
    return not_empty(pool, T.repeat(x, times, axis))


def not_empty(pool: Pool, v: Any) -> Any:
    """What other builders can work on."""
    (a,) = interpreter.evaluate([v], pool.given)
    return v if a.size else None


def filtered(pool: Pool) -> Any:
    """A row of images, each row one, convolved with one of them or pooled."""
    x = pool.pick(lambda a: a.ndim == 2 and min(a.shape) >= 2)
    if x is None:
        return None
    images = x.dimshuffle(0, "x", "x", 1)
    if pool.draw(st.booleans()):
        ws, stride = pool.draw(st.sampled_from([(2, 2), (2, 1), (1, 2), (2, 3)]))
        ignore = pool.draw(st.booleans())
        mode = pool.draw(st.sampled_from(["max", "sum", "average_exc_pad"]))
        y = T.signal.pool.pool_2d(images, (1, ws), ignore, (1, stride), mode=mode)
    else:
        mode = pool.draw(st.sampled_from(["full", "half", 1]))
        y = T.nnet.conv2d(images, images[:1], border_mode=mode, subsample=(1, 2))
        y = y[:, :, 0]
    return y.flatten(2)


def solved(pool: Pool) -> Any:
    """Functions of a matrix that is positive definite."""
    x = pool.pick(lambda a: a.ndim == 2)
    if x is None:
        return None
    right = T.tanh(x)
    matrix = T.dot(right, right.T) + 3 * T.eye(right.shape[0], dtype=pool.dtype)
    kinds = [
        lambda a, b: T.nlinalg.matrix_inverse(a),
        lambda a, b: T.dot(T.nlinalg.matrix_inverse(a), b),
        lambda a, b: T.slinalg.solve(a, b),
        lambda a, b: T.slinalg.cholesky(a),
        lambda a, b: T.log(T.nlinalg.det(a)) + b,
        lambda a, b: T.slinalg.expm(a - 3),
    ]
    return pool.draw(st.sampled_from(kinds))(matrix, right)


def sparsely(pool: Pool) -> Any:
    """Products with a sparse matrix, whose number of elements follows from data."""
    x = pool.pick(lambda a: a.ndim == 2)
    if x is None:
        return None
    make = pool.draw(st.sampled_from([sn.sparse.csr_from_dense, sn.sparse.csc_from_dense]))
    matrix = make(T.switch(x > 0, x, 0))
    kinds = [
        lambda a, b: sn.sparse.dot(a, b.T),
        lambda a, b: sn.sparse.dense_from_sparse(sn.sparse.tanh(a)),
        lambda a, b: sn.sparse.add(a, b),
        lambda a, b: sn.sparse.sp_sum(a, axis=0),
    ]
    return pool.draw(st.sampled_from(kinds))(matrix, x)


def gathered(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim > 0 and a.shape[0] >= 3)
    if x is None:
        return None
    i = pool.input((4,), "int32")
    kind = pool.draw(st.sampled_from(["part", "add", "put", "first"]))
    if kind == "part":
        return x[i]
    if kind == "first":
        return x[i, 0] if pool.values[x].ndim > 1 else x[i[:2]]
    f = T.inc_subtensor if kind == "add" else T.set_subtensor
    return f(x[i], 0.5 * T.tanh(x[i[::-1]]))


def cumulated(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim > 0)
    if x is None:
        return None
    axis = pool.draw(st.sampled_from([None, 0, -1]))
    return pool.draw(st.sampled_from([T.cumsum, T.cumprod]))(T.clip(x, -2, 2), axis)


def contracted(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim == 2)
    if x is None:
        return None
    shape = pool.values[x].shape
    y = pool.pick(lambda a: a.shape == shape)
    f = pool.draw(
        st.sampled_from(
            [
                lambda a, b: T.tensordot(a, b, [[0], [0]]),
                lambda a, b: T.einsum("ij,kj,lj->ikl", a, b, a),
                lambda a, b: T.einsum("ij,ij->j", a, b),
                lambda a, b: T.batched_dot(a.dimshuffle(0, 1, "x"), b.dimshuffle(0, "x", 1)),
                lambda a, b: T.stack([a, b]) @ b.T,
            ]
        )
    )
    return f(x, y)


def convolution(pool: Pool) -> Any:
    x = pool.pick(lambda a: a.ndim == 2 and a.size > 0)
    w = pool.pick(lambda a: a.ndim == 2 and a.size > 0)
    if x is None:
        return None
    stride = pool.draw(st.sampled_from([(1, 1), (2, 1), (1, 2)]))
    low = [n - 1 for n in pool.values[w].shape]
    if pool.draw(st.booleans()):
        low = [low[0] // 2, low[1]]
    pads = [(n, n + 1) for n in low]
    images = T.stack([x, x - 0.5]).dimshuffle("x", 0, "x", 1, 2)
    filters = w.dimshuffle("x", "x", "x", 0, 1)
    return convolve(images, filters, stride, pads, (1, 1), (1, 1)).sum(axis=(0, 1, 2))


BUILDERS: list[Builder] = [
    unary, unary, binary, binary, broadcast, reduction, view, product, softmax, picked, changed,
    joined, rearranged, masked, repeated, filtered, solved, sparsely, gathered, cumulated,
    contracted, convolution, chosen,
]  # fmt: skip


@st.composite
def graphs(draw: st.DrawFn, dtype: str = "float64") -> Drawn:
    """A graph of a few operations, its gradient, and updates of shared variables."""
    pool = Pool(draw, dtype)
    m, n = draw(st.sampled_from([(2, 3), (3, 3), (4, 1), (5, 17), (1, 4), (0, 3)]))
    static = tuple(a for a, length in enumerate((m, n)) if length == 1)
    x = pool.input((m, n), static=static)
    pool.input((n,), static=(0,) if n == 1 else ())
    w = sn.shared(pool.rng.standard_normal((n, 3)).astype(dtype), name="w")
    pool.given[w] = pool.values[w] = w.get_value()
    for _ in range(draw(st.integers(1, 9))):
        v = draw(st.sampled_from(BUILDERS))(pool) if m else unary(pool)
        if v is not None and pool_size(pool, v):
            pool.add(v)
    roots = [v for v in pool.values if v.owner is not None and v.dtype == dtype]
    outputs = draw(st.lists(st.sampled_from(roots), min_size=1, max_size=3)) if roots else [x]
    cost = sum((T.tanh(v).sum() for v in outputs), start=T.sqr(w).sum())
    gx, gw = sn.grad(cost, [x, w], disconnected_inputs="ignore")
    inputs = [v for v in pool.given if v is not w]
    return Drawn(
        inputs,
        [pool.given[v] for v in inputs],
        [w],
        [*outputs, cost, gx],
        [(w, w - 0.1 * gw)],
    )


def pool_size(pool: Pool, v: Any) -> bool:
    """Keep values small: products of products overflow and compare badly."""
    (a,) = interpreter.evaluate([v], pool.given)
    return bool(a.size <= 400 and (a.size == 0 or np.max(np.abs(a)) < 1e3))
