"""Philox: the published answers, and the same bits from every backend."""

from __future__ import annotations

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.ops.random import Philox, philox
from tests.backends.agreement import agree

# The known answers of Salmon et al.'s own test suite: counter, key, block.
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    (
        [0xFFFFFFFF] * 4,
        [0xFFFFFFFF] * 2,
        [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD],
    ),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "block"), KNOWN)
def test_known_answers(counter: list[int], key: list[int], block: list[int]) -> None:
    words = [np.array([w], "uint32") for w in counter + key]
    found = philox(words[:4], words[4:], lambda x, dtype: x.astype(dtype))
    assert [int(w[0]) for w in found] == block


def test_first_block_of_a_draw() -> None:
    state = T.TensorType("uint64", (False,))("state")
    f = sn.function([state], Philox(1, 4)(state, T.constant(1)))
    key = 0x299F31D0 << 32 | 0xA4093822
    draw = 0x03707344 << 32 | 0x13198A2E
    words = [np.array([w], "uint32") for w in (0, 0, 0x13198A2E, 0x03707344)]
    keys = [np.array([w], "uint32") for w in (0xA4093822, 0x299F31D0)]
    expected = philox(words, keys, lambda x, dtype: x.astype(dtype))
    found = f(np.array([key, draw], "uint64"))
    np.testing.assert_array_equal(np.concatenate(found), np.concatenate(expected))


@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (2, 0, 3), (2, 3, 4)])
def test_every_backend_gives_the_same_bits(shape: tuple[int, ...]) -> None:
    state = T.TensorType("uint64", (False,))("state")
    lengths = [T.lscalar() for _ in shape]
    words = Philox(len(shape), 4)(state, *lengths)
    calls = [
        (np.array([2**63 + 11, draw], "uint64"), *(n + more for n in shape))
        for draw, more in ((0, 0), (1, 0), (2**40, 1))
    ]
    agree([state, *lengths], words, *calls, tolerance=0)
