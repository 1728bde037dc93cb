"""Distributions, as expressions of uniform numbers: what all streams of random tensors draw.

A distribution is an expression of uniform numbers wherever it can be, so draws fuse with what is
done to them and gradients by the parameters of `uniform`, `normal` and `exponential` are right.
What is sampled by rejection (`gamma`, `poisson` ...) is drawn by NumPy, in a call to Python.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.graph import Variable
from symnet.ops import samplers
from symnet.ops.random import Sampler
from symnet.shared import SharedVariable
from symnet.tensor.constructors import zeros_like
from symnet.tensor.convert import TensorLike, as_tensor_variable, static_integer
from symnet.tensor.cumulative import cumsum
from symnet.tensor.elementwise import cast, table_functions
from symnet.tensor.joining import concatenate
from symnet.tensor.manipulation import length, lengths, shape_arguments
from symnet.tensor.picking import take
from symnet.tensor.sort import permute_row_elements
from symnet.tensor.variable import TensorVariable

_T = table_functions()
_SPLIT_SUMS = 64
"""Trials up to which a binomial or multinomial number is the sum of as many draws."""
WIDTH_LEFT = 0.87962566103423978
"""Standard deviation of the standard normal distribution without what is further out than 2."""


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
        >>> from symnet.random import RandomStreams
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
            return cast(self._drawn("binomial", samplers.binomial, [n, p], dims, "int64"), kind)
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
        """Draw from a normal distribution that is cut off at two of its standard deviations.

        `std` is the standard deviation of what is left, as in Theano: the cut is at
        ``avg ± 2.27 std``.
        """
        (mean, width), dims, kind = self._prepared("truncated_normal", size, ndim, dtype, avg, std)
        # By the inverse of the distribution function: erf(2 / sqrt 2) is what the cut leaves.
        inside = math.erf(math.sqrt(2.0))
        centred = self._uniform(dims, kind) * (2 * inside) - inside
        scale = math.sqrt(2.0) / WIDTH_LEFT
        result: TensorVariable = mean + width * (scale * _T["erfinv"](centred))
        return result

    def multinomial(
        self,
        size: TensorLike = None,
        n: TensorLike = 1,
        pvals: TensorLike = (0.5, 0.5),
        ndim: int | None = None,
        dtype: object = "int64",
    ) -> TensorVariable:
        """Count how often each outcome comes in `n` draws.

        Parameters
        ----------
        size
            Shape of the result but for its last dimension, the outcomes; by default that of `n`
            and of the rows of `pvals` broadcast.
        n
            How many draws are counted.
        pvals
            Probabilities of the outcomes, along the last dimension.
        ndim, dtype
            As of `uniform`; the dtype is that of the counts.

        Examples
        --------
        >>> import symnet as sn
        >>> from symnet.random import RandomStreams
        >>> counts = RandomStreams(seed=7).multinomial((4,), n=10, pvals=[0.2, 0.5, 0.3])
        >>> counts.eval().sum(axis=1)
        array([10, 10, 10, 10])
        """
        p, trials = as_tensor_variable(pvals), as_tensor_variable(n)
        if p.ndim == 0:
            raise TypeError("multinomial: pvals are probabilities along a last dimension, not one")
        kind = dtypes.canonical(dtype)
        dims = self._dims("multinomial", size, ndim, trials, p[..., 0])
        tosses = static_integer(n) if trials.ndim == 0 else None
        if tosses is None or tosses > _SPLIT_SUMS:
            outcomes = length(p, p.ndim - 1)
            return self._drawn(
                "multinomial", samplers.multinomial, [trials, p], [*dims, outcomes], kind
            )
        number = self._uniform([as_tensor_variable(tosses), *dims], config.floatX)
        # The last outcome takes what rounding may leave between the probabilities' sum and 1.
        ends = outcome_ends(p)
        ends = _T["switch"](_T["ge"](ends, ends.max(axis=-1, keepdims=True)), np.inf, ends)
        return cast(chosen(ends, number).sum(axis=0, dtype="int64"), kind)

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
            sample = samplers.choice if replace else samplers.choice_without_replacement
            picked = self._drawn("choice", sample, [count, *weights], dims, "int64")
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
        return self._drawn("permutation", samplers.permutation, [], dims, dtypes.canonical(dtype))

    def shuffle_row_elements(self, input: TensorLike) -> TensorVariable:
        """Return each row of `input`, along its last dimension, in an order of its own."""
        x = as_tensor_variable(input)
        *rows, width = lengths(x)
        return permute_row_elements(x, self.permutation(size=rows, n=width))

    def poisson(
        self,
        size: TensorLike = None,
        lam: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: object = "int64",
    ) -> TensorVariable:
        """Draw from the Poisson distribution of mean `lam`."""
        dims = self._dims("poisson", size, ndim, as_tensor_variable(lam))
        return self._drawn("poisson", samplers.poisson, [lam], dims, dtypes.canonical(dtype))

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
        result: TensorVariable = unit * self._drawn("gamma", samplers.gamma, [form], dims, kind)
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
        return self._drawn("beta", samplers.beta, given, dims, kind)

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
        return self._drawn("dirichlet", samplers.dirichlet, [weights], dims, kind)

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
        """Lengths of a result of `size`, or of the parameters' common shape.

        A length of -1 is that of the parameters.
        """
        if size is None:
            return [_common(parameters, k) for k in range(max(v.ndim for v in parameters), 0, -1)]
        dims = shape_arguments(size, what, ndim)
        known = [static_integer(n) for n in dims]
        widest = max((v.ndim for v in parameters), default=0)
        for k, n in enumerate(known):
            back = len(dims) - k
            if n is not None and (n < -1 or (n == -1 and back > widest)):
                raise ValueError(f"{what}: a length cannot be negative, got size {tuple(known)}")
            if n == -1:
                dims[k] = _common(parameters, back)
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


def outcome_ends(p: TensorVariable) -> TensorVariable:
    """Probabilities that it is an outcome or one before it, along the last dimension of `p`."""
    return cumsum(cast(p, "float64"), axis=p.ndim - 1)


def chosen(ends: TensorVariable, number: TensorVariable) -> TensorVariable:
    """Which outcome numbers in [0, 1) stand for: booleans along a last dimension.

    It is the first whose end is above the number.
    """
    starts = concatenate([zeros_like(ends[..., :1]), ends[..., :-1]], axis=ends.ndim - 1)
    among = number.dimshuffle(*range(number.ndim), "x")
    found: TensorVariable = _T["le"](starts, among) & _T["lt"](among, ends)
    return found


def _common(parameters: Sequence[TensorVariable], back: int) -> TensorVariable:
    """The length of a dimension, counted from the last, when the parameters are broadcast."""
    found = [v for v in parameters if v.ndim >= back]
    wide = [v for v in found if v.type.shape[-back] != 1] or found
    return length(wide[0], wide[0].ndim - back)


def _has_dtype(x: TensorLike) -> bool:
    return isinstance(x, Variable | np.ndarray | np.generic)
