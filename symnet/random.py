"""Random tensors: streams that compiled functions draw from, each call further on.

`RandomStreams` is Theano's interface over the counter-based generator Philox4x32-10: every tensor
drawn has a shared state of its own (a key and a count), which the functions that compute it advance
by themselves. The same seed gives the same numbers on every backend, for any number of threads.
What can be drawn is in `symnet.distributions`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symnet.distributions import Streams
from symnet.ops.random import Drawn, Philox, Sampler
from symnet.shared import SharedVariable, shared
from symnet.tensor.convert import TensorLike, as_tensor_variable
from symnet.tensor.elementwise import cast, table_functions
from symnet.tensor.variable import TensorVariable

_T = table_functions()


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
