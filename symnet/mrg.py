"""Streams of MRG31k3p, bit for bit as Theano's `MRG_RandomStreams` draws them.

The generator is L'Ecuyer and Touzin's ("Fast combined multiple recursive generators with
multipliers of the form a = +-2^q +- 2^r", WSC 2000): two linear recurrences of order three,

    u[n] = (2^22 u[n-2] + (2^7 + 1) u[n-3])  mod  2^31 - 1
    v[n] = (2^15 v[n-1] + (2^15 + 1) v[n-3])  mod  2^31 - 21069

whose difference is the n-th number. A tensor is drawn from many substreams at once, 2^72 numbers
apart, each of which gives every so manieth element; tensors are 2^134 apart. Here the recurrences
are a `symnet.scan` over the rounds, each round a row of numbers: native, vectorised code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.distributions import WIDTH_LEFT, Streams, chosen, outcome_ends
from symnet.scanning import scan
from symnet.shared import SharedVariable, shared
from symnet.tensor.constructors import arange
from symnet.tensor.convert import TensorLike, as_tensor_variable, static_integer
from symnet.tensor.cumulative import cumsum
from symnet.tensor.elementwise import cast, table_functions
from symnet.tensor.joining import concatenate, stack
from symnet.tensor.manipulation import length, product, reshape
from symnet.tensor.positions import flatnonzero
from symnet.tensor.variable import TensorVariable

M1, M2 = 2**31 - 1, 2**31 - 21069
"""The moduli."""
_A1 = np.array([[0, 1 << 22, (1 << 7) + 1], [1, 0, 0], [0, 1, 0]], dtype=object)
_A2 = np.array([[1 << 15, 0, (1 << 15) + 1], [1, 0, 0], [0, 1, 0]], dtype=object)
MOST_STREAMS = 60 * 256
"""Substreams of a tensor at most, and of one whose size is not known: Theano's number."""
_T = table_functions()

Array = np.ndarray[Any, Any]


def _power(matrix: Array, log2: int, modulus: int) -> Array:
    """``matrix ** (2 ** log2)``, modulo a number."""
    for _ in range(log2):
        matrix = matrix.dot(matrix) % modulus
    return matrix


def _jumped(states: Array, first: Array, second: Array) -> Array:
    """States (rows of six) after as many steps as two matrices stand for."""
    halves = states.astype(object)
    jumped = np.hstack([halves[:, :3].dot(first.T) % M1, halves[:, 3:].dot(second.T) % M2])
    return jumped.astype(np.int32)


def substreams(state: Array, count: int) -> Array:
    """Return `count` states, each 2^72 numbers after the one before it."""
    found = np.empty((count, 6), np.int32)
    found[0] = state
    first, second = _power(_A1, 72, M1), _power(_A2, 72, M2)
    done = 1
    while done < count:
        # Twice as many by jumping with all that are there.
        more = min(done, count - done)
        found[done : done + more] = _jumped(found[:more], first, second)
        first, second = first.dot(first) % M1, second.dot(second) % M2
        done += more
    return found


def guess_n_streams(size: TensorLike, warn: bool = False) -> int:
    """Return from how many substreams a tensor of a size is drawn, as Theano decides it."""
    if isinstance(size, tuple | list) and all(isinstance(n, int | np.integer) for n in size):
        count = math.prod(int(n) for n in size)
        return min(count // 6 if count > 6 else count, MOST_STREAMS)
    return MOST_STREAMS


class MRG_RandomStreams(Streams):
    """Streams of random tensors that give the numbers Theano's of this name give.

    Parameters
    ----------
    seed
        An integer from 1 to 2147462578, or six of them: the first three less than 2147483647.

    Examples
    --------
    >>> import symnet as sn
    >>> draw = sn.function([], MRG_RandomStreams(seed=7).uniform((2, 3), dtype="float64"))
    >>> draw().shape
    (2, 3)
    """

    def __init__(self, seed: int | Sequence[int] = 12345, **settings: Any) -> None:
        super().__init__()
        self.default_instance_seed = seed
        self._counts: list[int] = []
        self.set_rstate(seed)

    def set_rstate(self, seed: int | Sequence[int]) -> None:
        """Begin the stream of which the next tensors are drawn.

        Raises
        ------
        ValueError
            If the seed is out of range.
        TypeError
            If it is neither an integer nor six of them.
        """
        if isinstance(seed, int | np.integer):
            given = [int(seed)] * 6
        elif isinstance(seed, Sequence | np.ndarray) and len(seed) == 6:
            given = [int(n) for n in seed]
        else:
            raise TypeError(f"the seed of MRG_RandomStreams is an integer or six, got {seed!r}")
        for half, modulus in ((given[:3], M1), (given[3:], M2)):
            if not any(half) or not all(0 <= n < modulus for n in half):
                raise ValueError(
                    f"the seed {seed!r} of MRG_RandomStreams: {half} must lie between 0 and "
                    f"{modulus}, and not all be 0"
                )
        self.rstate = np.array(given, np.int32)

    def inc_rstate(self) -> None:
        """Go on to the stream of the next tensor, 2^134 numbers further."""
        jump = _power(_A1, 134, M1), _power(_A2, 134, M2)
        self.rstate = _jumped(self.rstate[None], *jump)[0]

    def get_substream_rstates(self, n_streams: int, dtype: str, inc_rstate: bool = True) -> Array:
        """Return the states of the substreams of a tensor."""
        found = substreams(self.rstate, n_streams)
        if inc_rstate:
            self.inc_rstate()
        return found

    def n_streams(self, size: TensorLike) -> int:
        """Return from how many substreams a tensor of a size is drawn."""
        return guess_n_streams(size)

    def seed(self, seed: int | Sequence[int] | None = None) -> None:
        """Begin all streams anew, from `seed` or the one given at construction."""
        self.set_rstate(self.default_instance_seed if seed is None else seed)
        for (state, _), count in zip(self.state_updates, self._counts, strict=True):
            state.set_value(self.get_substream_rstates(count, "int32"))

    def normal(
        self,
        size: TensorLike = None,
        avg: TensorLike = 0.0,
        std: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: object = None,
        nstreams: int | None = None,
        truncate: bool = False,
    ) -> TensorVariable:
        """Draw from the normal distribution of mean `avg` and standard deviation `std`.

        By the method of Box and Muller (1958): the first half of an even number of uniform ones
        gives the radii, the second the angles. With `truncate`, numbers more than two standard
        deviations away are replaced by others with the same angles and radii below 2.
        """
        (mean, width), dims, kind = self._prepared("normal", size, ndim, dtype, avg, std)
        count = product(dims)
        even: Any = count + count % 2
        known = static_integer(even)
        drawn = self._many([as_tensor_variable(even if known is None else known)], kind, nstreams)
        radius = _T["sqrt"](-2.0 * _T["log"](drawn[: even // 2]))
        angle = np.asarray(2 * math.pi, kind) * drawn[even // 2 :]
        sides = _T["cos"](angle), _T["sin"](angle)
        parts = [radius * side for side in sides]
        if truncate:
            far = [flatnonzero(_T["gt"](abs(part), 2)) for part in parts]
            near = [part[_T["le"](abs(part), 2).nonzero()] for part in parts]
            replaced = length(far[0], 0)
            low = math.exp(-2)
            again = self._many([replaced + length(far[1], 0)], kind, nstreams)
            radii = _T["sqrt"](-2.0 * _T["log"](again * (1 - low) + low))
            cut = radii[:replaced] * sides[0][far[0]], radii[replaced:] * sides[1][far[1]]
            parts = [near[0], cut[0], near[1], cut[1]]
        result: TensorVariable = reshape(concatenate(parts)[:count], dims) * width + mean
        return result

    def truncated_normal(
        self,
        size: TensorLike = None,
        avg: TensorLike = 0.0,
        std: TensorLike = 1.0,
        ndim: int | None = None,
        dtype: object = None,
        nstreams: int | None = None,
    ) -> TensorVariable:
        """Draw from a normal distribution that is cut off at two of its standard deviations.

        `std` is the standard deviation of what is left.
        """
        (mean, width), dims, kind = self._prepared("truncated_normal", size, ndim, dtype, avg, std)
        standard = self.normal(dims, dtype=kind, nstreams=nstreams, truncate=True)
        result: TensorVariable = standard * (width / WIDTH_LEFT) + mean
        return result

    def multinomial(
        self,
        size: TensorLike = None,
        n: TensorLike = 1,
        pvals: TensorLike = None,
        ndim: int | None = None,
        dtype: object = "int64",
        nstreams: int | None = None,
    ) -> TensorVariable:
        """Count for each row of `pvals` how often each outcome comes in `n` draws.

        Raises
        ------
        TypeError
            If `pvals` is no matrix of probabilities, or a size is given: the rows decide it.
        """
        if pvals is None or as_tensor_variable(pvals).ndim != 2 or size is not None:
            raise TypeError("MRG_RandomStreams.multinomial takes a matrix pvals, and no size")
        p = as_tensor_variable(pvals)
        number = self._numbers_for_rows(n, p, nstreams)
        counts = chosen(outcome_ends(p), number).sum(axis=0, dtype="int64")
        return cast(counts, dtypes.canonical(dtype))

    def choice(
        self,
        size: TensorLike = 1,
        a: TensorLike = None,
        replace: bool = True,
        p: TensorLike = None,
        ndim: int | None = None,
        dtype: object = "int64",
        nstreams: int | None = None,
    ) -> TensorVariable:
        """Draw `size` outcomes for each row of the matrix of probabilities `p`.

        Parameters
        ----------
        size
            How many outcomes to draw for each row, in the result's second dimension. Without
            replacement, at most as many as have a probability above 0.
        a
            Must be None: outcomes are integers from 0 to ``p.shape[1] - 1``.
        replace
            Whether an outcome may be drawn again. If not, what is left is drawn from in proportion.
        p
            Probabilities, a row for each row of the result.
        ndim
            Must be None.
        dtype
            That of the outcomes.
        nstreams
            From how many substreams to draw.

        Raises
        ------
        TypeError
            If `p` is no matrix, or `a` or `ndim` is given.
        ValueError
            If more outcomes are to be drawn without replacement than there are.

        Examples
        --------
        >>> import symnet as sn
        >>> drawn = MRG_RandomStreams(seed=7).choice(3, p=[[0.2, 0.5, 0.3]], replace=False)
        >>> sorted(drawn.eval()[0].tolist())
        [0, 1, 2]
        """
        if p is None or as_tensor_variable(p).ndim != 2 or a is not None or ndim is not None:
            raise TypeError("MRG_RandomStreams.choice takes a matrix p, and no a or ndim")
        weights, count = as_tensor_variable(p), as_tensor_variable(size)
        number = self._numbers_for_rows(count, weights, nstreams)
        if replace:
            drawn = _first_above(outcome_ends(weights), number)
        else:
            known, outcomes = static_integer(size), weights.type.shape[1]
            if known is not None and outcomes is not None and known > outcomes:
                raise ValueError(
                    f"choice: {known} different ones of {outcomes} outcomes cannot be drawn"
                )
            (drawn, _), _ = scan(
                _drawn_and_left, sequences=number, outputs_info=[None, weights], n_steps=count
            )
        return cast(drawn.T, dtypes.canonical(dtype))

    def multinomial_wo_replacement(
        self,
        size: None = None,
        n: TensorLike = 1,
        pvals: TensorLike = None,
        ndim: int | None = None,
        dtype: object = "int64",
        nstreams: int | None = None,
    ) -> TensorVariable:
        """Draw `n` outcomes for each row of `pvals`: the old name of `choice`."""
        if size is not None:
            raise TypeError("MRG_RandomStreams.multinomial_wo_replacement takes no size but n")
        return self.choice(n, None, False, pvals, ndim, dtype, nstreams)

    # ---------------------------------------------------------------------------------- helpers

    def _uniform(
        self, dims: Sequence[TensorVariable], dtype: str, nstreams: int | None = None
    ) -> TensorVariable:
        known = [static_integer(n) for n in dims]
        size: Any = tuple(known) if None not in known else None
        count = self.n_streams(size) if nstreams is None else nstreams
        state = shared(self.get_substream_rstates(max(count, 1), dtype))
        drawn, new = draw(state, product(dims), max(count, 1), dtype)
        self._counts.append(max(count, 1))
        self._advance(state, new)
        return reshape(drawn, dims)

    def _many(
        self, dims: Sequence[TensorVariable], dtype: str, nstreams: int | None
    ) -> TensorVariable:
        """Uniform numbers where Theano takes no size for known, even if it is."""
        return self._uniform(dims, dtype, MOST_STREAMS if nstreams is None else nstreams)

    def _numbers_for_rows(
        self, count: TensorLike, p: TensorVariable, nstreams: int | None
    ) -> TensorVariable:
        """A row of uniform numbers for each of `count` draws from every row of `p`."""
        n, rows = as_tensor_variable(count), length(p, 0)
        return reshape(self._many([rows * n], config.floatX, nstreams), [n, rows])

    def _drawn(
        self, name: str, sample: Any, parameters: Any, dims: Any, dtype: str
    ) -> TensorVariable:
        raise NotImplementedError(
            f"MRG_RandomStreams does not draw {name}; symnet.random.RandomStreams does"
        )


def draw(
    state: SharedVariable, size: TensorVariable, count: int, dtype: str
) -> tuple[TensorVariable, TensorVariable]:
    """Return `size` numbers in (0, 1) drawn from `count` substreams, and their next states.

    Number ``i`` comes from substream ``i % count``.
    """
    wide = cast(state, "int64").T
    rounds: Any = (size + (count - 1)) // count
    u, v = (
        stack([wide[2], wide[1], wide[0]]),
        stack([wide[5], wide[4], wide[3]]),
    )

    def step(u3: Any, u2: Any, v3: Any, v1: Any) -> list[Any]:
        return [
            _folded(u2 * (1 << 22) + u3 * ((1 << 7) + 1), 1, M1),
            _folded(v1 * (1 << 15) + v3 * ((1 << 15) + 1), 21069, M2),
        ]

    (new_u, new_v), _ = scan(
        step,
        outputs_info=[{"initial": u, "taps": [-3, -2]}, {"initial": v, "taps": [-3, -1]}],
        n_steps=rounds,
    )
    apart = new_u - new_v
    positive = _T["switch"](_T["le"](apart, 0), apart + M1, apart)
    scale = np.float32(4.6566126e-10) if dtype == "float32" else 2.0**-31
    numbers = cast(positive, dtype) * np.asarray(scale, dtype)
    # In the last round only so many substreams are needed; the others stay behind.
    needed = size - (rounds - 1) * count
    moved = _T["lt"](arange(count), needed)
    halves = []
    for start, made in ((u, new_u), (v, new_v)):
        every = concatenate([start, made])
        last = every[rounds:]  # three rows, the oldest first
        before = every[_T["maximum"](rounds - 1, 0) :][:3]
        kept = _T["switch"](moved.dimshuffle("x", 0), last, before)
        halves.append(kept[::-1])
    new = cast(concatenate(halves).T, "int32")
    return numbers.flatten()[:size], new


def _folded(x: Any, rest: int, modulus: int) -> Any:
    """`x` modulo ``2**31 - rest``: what stands above bit 31 counts `rest` times."""
    folded = (x & (2**31 - 1)) + (x >> 31) * rest
    return _T["switch"](_T["ge"](folded, modulus), folded - modulus, folded)


def _first_above(ends: TensorVariable, number: TensorVariable) -> TensorVariable:
    """The first outcome whose end is above numbers, or the last that can come at all."""
    among = number.dimshuffle(*range(number.ndim), "x")
    passed = _T["le"](ends, among) & _T["lt"](ends, ends.max(axis=-1, keepdims=True))
    found: TensorVariable = passed.sum(axis=-1, dtype="int64")
    return found


def _drawn_and_left(number: TensorVariable, p: TensorVariable) -> list[TensorVariable]:
    """The outcome that a number stands for in each row of `p`, and the rows without it.

    Rounding is that of Theano's loop in C: the rest adds up from what comes before the outcome.
    """
    ends = outcome_ends(p)
    drawn = _first_above(ends, number)
    here, place = drawn.dimshuffle(0, "x"), arange(length(p, 1)).dimshuffle("x", 0)
    before = cast(_T["switch"](_T["eq"](place, here), ends - p, 0.0), p.dtype)
    rest = cumsum(_T["switch"](_T["gt"](place, here), p, before), axis=1)[:, -1].dimshuffle(0, "x")
    return [drawn, _T["switch"](_T["eq"](place, here), 0, p) / rest]
