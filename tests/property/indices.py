"""Random indices of random tensors, of all kinds that NumPy knows, mixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st


@dataclass
class Indexed:
    """A tensor, what stands between the brackets, the arrays in it, and a value for the part."""

    x: np.ndarray
    index: tuple[Any, ...]
    arrays: list[np.ndarray]
    y: np.ndarray


@st.composite
def indexed(draw: st.DrawFn, dtype: str = "float64") -> Indexed:
    """A tensor of up to four dimensions and an index with at least one array."""
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.standard_normal(shape).astype(dtype)
    box = draw(st.lists(st.integers(0, 3), min_size=1, max_size=2))
    used = draw(st.integers(1, len(shape)))
    kinds = [draw(st.sampled_from(["array", "array", "slice", "int"])) for _ in range(used)]
    if "array" not in kinds:
        kinds[draw(st.integers(0, used - 1))] = "array"
    # Dimensions behind ... are indexed from the last.
    cut = draw(st.none() | st.integers(0, used))
    lengths = shape[:used] if cut is None else shape[:cut] + shape[len(shape) - (used - cut) :]
    entries = [_entry(draw, rng, k, n, box) for k, n in zip(kinds, lengths, strict=True)]
    arrays = [e for e in entries if isinstance(e, np.ndarray)]
    if cut is not None:
        entries.insert(cut, Ellipsis)
    for _ in range(draw(st.integers(0, 2))):
        entries.insert(draw(st.integers(0, len(entries))), None)
    index = tuple(entries)
    part = x[index].shape
    drop = draw(st.integers(0, len(part)))
    fits = [1 if draw(st.booleans()) else n for n in part[drop:]]
    return Indexed(x, index, arrays, rng.standard_normal(fits).astype(dtype))


def _entry(draw: st.DrawFn, rng: np.random.Generator, kind: str, n: int, box: list[int]) -> Any:
    if kind == "int":
        return draw(st.integers(-n, n - 1))
    if kind == "slice":
        bound = st.none() | st.integers(-n - 1, n + 1)
        return slice(draw(bound), draw(bound), draw(st.sampled_from([None, None, 2, -1, -2])))
    drop = draw(st.integers(0, len(box)))
    shape = [1 if draw(st.booleans()) and draw(st.booleans()) else m for m in box[drop:]]
    return rng.integers(-n, n, shape, draw(st.sampled_from(["int64", "int32"])))
