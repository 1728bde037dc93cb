"""Random tensors: streams that compiled functions draw from, each call further on.

`RandomStreams` is Theano's interface over the counter-based generator Philox4x32-10: every tensor
drawn has a shared state of its own (a key and a count), which the functions that compute it advance
by themselves. The same seed gives the same numbers on every backend, for any number of threads.

A distribution is an expression of uniform numbers wherever it can be, so draws fuse with what is
done to them and gradients by the parameters of `uniform`, `normal` and `exponential` are right.
What is sampled by rejection (`gamma`, `poisson` ...) is drawn by NumPy, in a call to Python.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.graph import Variable
from symnet.ops.random import Drawn, Philox, Sampler
from symnet.shared import SharedVariable, shared
from symnet.tensor.constructors import arange
from symnet.tensor.convert import TensorLike, as_tensor_variable, static_integer
from symnet.tensor.elementwise import cast, table_functions
from symnet.tensor.manipulation import length, lengths, shape_arguments
from symnet.tensor.picking import take
from symnet.tensor.variable import TensorVariable

if TYPE_CHECKING:
    from numpy.random import Generator as _Generator

_T = table_functions()
_SPLIT_SUMS = 64
"""Trials up to which a binomial number is the sum of as many tosses."""


class Streams:
    """What all streams of random numbers have: their states, and distributions made of uniforms."""

    def __init__(self) -> None:
        self.state_updates: list[tuple[SharedVariable, TensorVariable]] = []

    def updates(self) -> list[tuple[SharedVariable, TensorVariable]]:
        """The states and their next values, for functions with ``no_default_updates``."""
        return list(self.state_updates)

    def _advance(self, state: SharedVariable, next_state: TensorVariable) -> None:
        """Have functions that read `state` leave `next_state`."""
        state.tag.is_rng = True
        state.default_update = next_state
        self.state_updates.append((state, next_state))

    def _uniform(
        self, dims: Sequence[TensorVariable], dtype: str, nstreams: int | None = None
    ) -> TensorVariable:
        """Numbers in [0, 1) of a shape."""
        raise NotImplementedError

    def uniform(
        self,
        size: TensorLike = None,
        low: TensorLike = 0.0,
        high: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: object = None,
        nstreams: int | None = None,
    ) -> TensorVariable:
        """Draw numbers evenly from [low, high).

        Parameters
        ----------
        size
            Shape of the result: integers, symbolic ones too, or a vector of integers; by default
            that of `low` and `high` broadcast.
        low, high
            Bounds, which broadcast to the result.
        ndim
            Number of dimensions, where `size` is a vector of unknown length.
        dtype
            Of the result, by default the common one of ``config.floatX`` and the bounds.
        nstreams
            Accepted for old code.

        Examples
        --------
        >>> import symnet as sn
        >>> draw = sn.function([], RandomStreams(seed=7).uniform((2,)))
        >>> bool((draw() != draw()).all())
        True
        """
        (least, most), dims, kind = self._prepared("uniform", size, ndim, dtype, low, high)
        result: TensorVariable = least + self._uniform(dims, kind, nstreams) * (most - least)
        return result

    def binomial(
        self,
        size: TensorLike = None,
        n: TensorLike = 1,
        p: TensorLike = 0.5,
        ndim: int | None = None,
        dtype: object = "int64",
        prob: TensorLike = None,
        nstreams: int | None = None,
    ) -> TensorVariable:
        """Draw how many of `n` tosses succeed, each with probability `p` (`prob` is its old name).

        For ``n=1``, the usual case, this is one comparison with a uniform number.
        """
        p = as_tensor_variable(p if prob is None else prob)
        kind = dtypes.canonical(dtype)
        tosses = static_integer(n) if as_tensor_variable(n).ndim == 0 else None
        dims = self._dims("binomial", size, ndim, as_tensor_variable(n), p)
        if tosses is None or tosses > _SPLIT_SUMS:
            return cast(self._drawn("binomial", _binomial, [n, p], dims, "int64"), kind)
        precision = dtypes.promote(config.floatX, p.dtype)
        if tosses == 1:
            return cast(_T["lt"](self._uniform(dims, precision, nstreams), p), kind)
        wins = _T["lt"](self._uniform([as_tensor_variable(tosses), *dims], precision), p)
        return cast(wins.sum(axis=0, dtype="int64"), kind)

    def random_integers(
        self,
        size: TensorLike = None,
        low: TensorLike = 0,
        high: TensorLike = 1,
        ndim: int | None = None,
        dtype: object = "int64",
    ) -> TensorVariable:
        """Draw integers evenly from `low` to `high`, both included."""
        low, high = as_tensor_variable(low), as_tensor_variable(high)
        dims = self._dims("random_integers", size, ndim, low, high)
        count = cast(high, "int64") - cast(low, "int64") + 1
        steps = _T["floor"](self._uniform(dims, "float64") * count)
        return cast(low + cast(steps, "int64"), dtypes.canonical(dtype))

    def exponential(
        self,
        size: TensorLike = None,
        scale: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: object = None,
    ) -> TensorVariable:
        """Draw from the exponential distribution of mean `scale`."""
        (mean,), dims, kind = self._prepared("exponential", size, ndim, dtype, scale)
        result: TensorVariable = -mean * _T["log1p"](-self._uniform(dims, kind))
        return result

    def truncated_normal(
        self,
        size: TensorLike = None,
        avg: TensorLike = 0.0,
        std: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: object = None,
    ) -> TensorVariable:
        """Draw from the normal distribution cut off at two standard deviations."""
        (mean, width), dims, kind = self._prepared("truncated_normal", size, ndim, dtype, avg, std)
        # By the inverse of the distribution function: erf(2 / sqrt 2) is what the cut leaves.
        inside = math.erf(math.sqrt(2.0))
        centred = self._uniform(dims, kind) * (2 * inside) - inside
        result: TensorVariable = mean + width * (math.sqrt(2.0) * _T["erfinv"](centred))
        return result

    def choice(
        self,
        size: TensorLike = None,
        a: TensorLike = 2,
        replace: bool = True,
        p: TensorLike = None,
        ndim: int | None = None,
        dtype: object = "int64",
    ) -> TensorVariable:
        """Draw from the entries of the vector `a`, or from 0 to ``a - 1``.

        Parameters
        ----------
        size
            Shape of the result; a single number by default.
        a
            A vector, or how many integers.
        replace
            Whether an entry may be drawn again.
        p
            Probabilities of the entries; all the same by default.
        ndim, dtype
            As of `uniform`; the dtype is that of integers drawn.
        """
        pool = as_tensor_variable(a)
        count = pool if pool.ndim == 0 else length(pool, 0)
        dims = self._dims("choice", () if size is None else size, ndim)
        if replace and p is None:
            picked = cast(_T["floor"](self._uniform(dims, "float64") * count), "int64")
        else:
            weights = [] if p is None else [p]
            sample = _WITH if replace else _WITHOUT
            picked = self._drawn("choice", sample[len(weights)], [count, *weights], dims, "int64")
        return cast(picked, dtypes.canonical(dtype)) if pool.ndim == 0 else take(pool, picked)

    def permutation(
        self,
        size: TensorLike = None,
        n: TensorLike = 1,
        ndim: int | None = None,
        dtype: object = "int64",
    ) -> TensorVariable:
        """Draw permutations of the integers below `n`, one in each row of shape ``(*size, n)``."""
        dims = self._dims("permutation", () if size is None else size, ndim)
        dims.append(as_tensor_variable(n))
        return self._drawn("permutation", _permutation, [], dims, dtypes.canonical(dtype))

    def shuffle_row_elements(self, input: TensorLike) -> TensorVariable:
        """Return each row of `input` in an order of its own: a vector or a matrix."""
        x = as_tensor_variable(input)
        *rows, width = lengths(x)
        order = self.permutation(size=rows, n=width)
        if x.ndim == 1:
            return take(x, order)
        return take(x.flatten(), arange(rows[0]).dimshuffle(0, "x") * width + order)

    def poisson(
        self,
        size: TensorLike = None,
        lam: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: object = "int64",
    ) -> TensorVariable:
        """Draw from the Poisson distribution of mean `lam`."""
        dims = self._dims("poisson", size, ndim, as_tensor_variable(lam))
        return self._drawn("poisson", _poisson, [lam], dims, dtypes.canonical(dtype))

    def gamma(
        self,
        size: TensorLike = None,
        shape: TensorLike = 1.0,
        scale: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: object = None,
    ) -> TensorVariable:
        """Draw from the gamma distribution of a shape and a scale."""
        (form, unit), dims, kind = self._prepared("gamma", size, ndim, dtype, shape, scale)
        result: TensorVariable = unit * self._drawn("gamma", _gamma, [form], dims, kind)
        return result

    def beta(
        self,
        size: TensorLike = None,
        a: TensorLike = 1.0,
        b: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: object = None,
    ) -> TensorVariable:
        """Draw from the beta distribution."""
        given, dims, kind = self._prepared("beta", size, ndim, dtype, a, b)
        return self._drawn("beta", _beta, given, dims, kind)

    def dirichlet(
        self,
        size: TensorLike = None,
        alpha: TensorLike = (1.0, 1.0),
        ndim: int | None = None,
        dtype: object = None,
    ) -> TensorVariable:
        """Draw vectors from the Dirichlet distribution of the vector `alpha`, along a last axis."""
        weights = as_tensor_variable(alpha)
        kind = dtypes.canonical(dtype or dtypes.promote(config.floatX, weights.dtype))
        dims = [*self._dims("dirichlet", () if size is None else size, ndim), length(weights, 0)]
        return self._drawn("dirichlet", _dirichlet, [weights], dims, kind)

    # ---------------------------------------------------------------------------------- helpers

    def _drawn(
        self,
        name: str,
        sample: Sampler,
        parameters: Sequence[TensorLike],
        dims: Sequence[TensorVariable],
        dtype: str,
    ) -> TensorVariable:
        """What NumPy draws."""
        raise NotImplementedError

    def _dims(
        self, what: str, size: TensorLike, ndim: int | None, *parameters: TensorVariable
    ) -> list[TensorVariable]:
        """Lengths of a result of `size`, or of the parameters' common shape."""
        if size is not None:
            dims = shape_arguments(size, what, ndim)
            known = [static_integer(n) for n in dims]
            if any(n is not None and n < 0 for n in known):
                raise ValueError(f"{what}: a length cannot be negative, got size {tuple(known)}")
            return dims
        common = max(parameters, key=lambda v: v.ndim, default=as_tensor_variable(0))
        dims = []
        for back in range(common.ndim, 0, -1):
            found = [v for v in parameters if v.ndim >= back]
            wide = [v for v in found if v.type.shape[-back] != 1] or found
            dims.append(length(wide[0], wide[0].ndim - back))
        return dims

    def _prepared(
        self, what: str, size: TensorLike, ndim: int | None, dtype: object, *parameters: TensorLike
    ) -> tuple[list[TensorVariable], list[TensorVariable], str]:
        """The parameters as variables of the result's dtype, its lengths, and the dtype."""
        given = [as_tensor_variable(x) for x in parameters]
        strong = [v.dtype for v, x in zip(given, parameters, strict=True) if _has_dtype(x)]
        kind = config.floatX
        for other in strong:
            kind = dtypes.promote(kind, other)
        kind = dtypes.canonical(dtype) if dtype is not None else kind
        if not dtypes.is_float(kind):
            raise TypeError(f"{what}: numbers are drawn as floating point, got dtype {kind!r}")
        return [cast(v, kind) for v in given], self._dims(what, size, ndim, *given), kind


class RandomStreams(Streams):
    """Streams of random tensors over Philox4x32-10.

    Parameters
    ----------
    seed
        Any non-negative integer; by default one from the operating system.

    Examples
    --------
    >>> import symnet as sn
    >>> streams = RandomStreams(seed=234)
    >>> draw = sn.function([], streams.normal((2, 2)))
    >>> first = draw()
    >>> streams.seed(234)
    >>> bool((draw() == first).all())
    True
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__()
        self.default_instance_seed = seed
        self._root = np.random.SeedSequence(seed)

    def seed(self, seed: int | None = None) -> None:
        """Begin all streams anew, from `seed` or the one given at construction."""
        self._root = np.random.SeedSequence(self.default_instance_seed if seed is None else seed)
        for number, (state, _) in enumerate(self.state_updates):
            state.set_value(self._first_state(number))

    def __getitem__(self, item: SharedVariable) -> np.ndarray[Any, Any]:
        """The value of a stream's state."""
        return item.get_value()

    def __setitem__(self, item: SharedVariable, value: Any) -> None:
        item.set_value(value)

    def normal(
        self,
        size: TensorLike = None,
        avg: TensorLike = 0.0,
        std: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: object = None,
        nstreams: int | None = None,
    ) -> TensorVariable:
        """Draw from the normal distribution of mean `avg` and standard deviation `std`.

        By the method of Box and Muller (1958), one number from each block of random words.
        """
        (mean, width), dims, kind = self._prepared("normal", size, ndim, dtype, avg, std)
        words = self._words(dims, 4 if kind == "float64" else 2)
        half = len(words) // 2
        away = _fraction(words[:half], kind, 1)  # in (0, 1]: its logarithm is finite
        radius = _T["sqrt"](-2.0 * _T["log"](away))
        angle = _fraction(words[half:], kind) * (2 * math.pi)
        result: TensorVariable = mean + width * (radius * _T["cos"](angle))
        return result

    def _first_state(self, number: int) -> np.ndarray[Any, Any]:
        key = np.random.SeedSequence(self._root.entropy, spawn_key=(number,))
        return np.array([key.generate_state(1, np.uint64)[0], 0], np.uint64)

    def _state(self) -> SharedVariable:
        state = shared(self._first_state(len(self.state_updates)))
        self._advance(state, state + np.array([0, 1], np.uint64))
        return state

    def _words(self, dims: Sequence[TensorVariable], count: int) -> list[TensorVariable]:
        words: Any = Philox(len(dims), count)(self._state(), *dims)
        return [words] if count == 1 else words

    def _uniform(
        self, dims: Sequence[TensorVariable], dtype: str, nstreams: int | None = None
    ) -> TensorVariable:
        return _fraction(self._words(dims, 2 if dtype == "float64" else 1), dtype)

    def _drawn(
        self,
        name: str,
        sample: Sampler,
        parameters: Sequence[TensorLike],
        dims: Sequence[TensorVariable],
        dtype: str,
    ) -> TensorVariable:
        given = [as_tensor_variable(x) for x in parameters]
        op = Drawn(name, sample, len(given), len(dims), dtype)
        result: TensorVariable = op(self._state(), *given, *dims)
        return result


def _has_dtype(x: TensorLike) -> bool:
    return isinstance(x, Variable | np.ndarray | np.generic)


def _fraction(words: Sequence[TensorVariable], dtype: str, above: int = 0) -> TensorVariable:
    """The multiple of 2**-24 or 2**-53 in [0, 1) that the highest bits of words say.

    With `above` 1 it is in (0, 1] instead.
    """
    if dtype == "float64":
        high, low = (cast(w, "float64") for w in (words[0] >> 5, words[1] >> 6))
        found: TensorVariable = (high * 2.0**26 + low + float(above)) * 2.0**-53
    else:
        found = cast((words[0] >> 8) + np.uint32(above), dtype) * np.asarray(2.0**-24, dtype)
    return found


# ----------------------------------------------------------------- what NumPy draws, by rejection

_Arrays = Sequence[np.ndarray[Any, Any]]


def _binomial(generator: _Generator, given: _Arrays, shape: tuple[int, ...]) -> Any:
    return generator.binomial(given[0], given[1], shape)


def _poisson(generator: _Generator, given: _Arrays, shape: tuple[int, ...]) -> Any:
    return generator.poisson(given[0], shape)


def _gamma(generator: _Generator, given: _Arrays, shape: tuple[int, ...]) -> Any:
    return generator.standard_gamma(given[0], shape)


def _beta(generator: _Generator, given: _Arrays, shape: tuple[int, ...]) -> Any:
    return generator.beta(given[0], given[1], shape)


def _dirichlet(generator: _Generator, given: _Arrays, shape: tuple[int, ...]) -> Any:
    return generator.dirichlet(given[0], shape[:-1])


def _permutation(generator: _Generator, given: _Arrays, shape: tuple[int, ...]) -> Any:
    return generator.permuted(np.broadcast_to(np.arange(shape[-1]), shape), axis=-1)


def _choice(replace: bool) -> tuple[Sampler, Sampler]:
    """Samplers of choices without and with probabilities."""

    def evenly(generator: _Generator, given: _Arrays, shape: tuple[int, ...]) -> Any:
        return generator.choice(int(given[0]), shape, replace)

    def weighted(generator: _Generator, given: _Arrays, shape: tuple[int, ...]) -> Any:
        return generator.choice(int(given[0]), shape, replace, given[1].astype("float64"))

    return evenly, weighted


_WITH, _WITHOUT = _choice(True), _choice(False)
