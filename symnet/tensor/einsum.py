"""Einstein's notation: sums of products of any number of tensors, written by labels."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import TYPE_CHECKING, Any

import numpy as np

from symnet.tensor import reductions
from symnet.tensor.contractions import contract
from symnet.tensor.convert import TensorLike, as_tensor_variable
from symnet.tensor.manipulation import dimshuffle, length, lengths, product, reshape, transpose

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

_UNKNOWN = 64
"""What a length that is not known counts for when the order of products is chosen."""
_FEW = 6
"""Up to this many tensors every order is tried; of more, the cheapest pair comes first."""


def einsum(subscripts: Any, *operands: TensorLike) -> TensorVariable:
    """Return a sum of products of tensors, in Einstein's notation.

    Products of more than two tensors are made in the order that costs least, judged by the
    lengths that are known.

    Parameters
    ----------
    subscripts
        Labels of the dimensions of each operand and, behind ``->``, of the result:
        ``"ij,jk->ik"``. Labels that the result lacks are summed over; without ``->`` it has those
        that stand once, in alphabetical order. ``...`` stands for dimensions that broadcast.
    operands
        As many tensors. Also NumPy's other form: ``einsum(x, [0, 1], y, [1, 2], [0, 2])``.

    Raises
    ------
    ValueError
        If labels do not fit the operands.

    Examples
    --------
    >>> from symnet.tensor import matrix
    >>> einsum("ij,kj,kl->il", matrix(), matrix(), matrix()).ndim
    2
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _from_lists((subscripts, *operands))
    tensors = [as_tensor_variable(x) for x in operands]
    inputs, result = _parse(subscripts.replace(" ", ""), tensors)
    pairs = [_unrepeated(x, labels) for x, labels in zip(tensors, inputs, strict=True)]
    _check_lengths(pairs, subscripts)
    for places in _order(pairs, result):
        taken = [pairs.pop(k) for k in sorted(places, reverse=True)]
        if len(taken) == 1:
            pairs.append(_alone(*taken[0], result))
            continue
        (y, of_y), (x, of_x) = taken
        needed = set(result).union(*(labels for _, labels in pairs))
        kept = [n for n in dict.fromkeys(of_x + of_y) if n in needed]
        if not pairs:
            kept = result
        pairs.append((contract(x, y, of_x, of_y, kept), kept))
    ((found, _),) = pairs
    return found


_Labelled = tuple["TensorVariable", list[str]]


def _from_lists(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Return the string of subscripts of the form with lists of integers, and the operands."""
    pairs = list(zip(given[: len(given) // 2 * 2 : 2], given[1::2], strict=True))
    if not pairs or any(not isinstance(labels, (list, tuple)) for _, labels in pairs):
        raise ValueError("einsum takes a string of subscripts, or tensors with lists of labels")

    def text(labels: Sequence[Any]) -> str:
        return "".join("..." if n is Ellipsis else ascii_letters[n] for n in labels)

    subscripts = ",".join(text(labels) for _, labels in pairs)
    if len(given) % 2:
        subscripts += "->" + text(given[-1])
    return subscripts, tuple(x for x, _ in pairs)


def _parse(subscripts: str, tensors: Sequence[TensorVariable]) -> tuple[list[list[str]], list[str]]:
    """Return the labels of every operand and of the result; ``...`` becomes digits."""
    left, arrow, right = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        raise ValueError(
            f"einsum: {subscripts!r} has subscripts of {len(terms)} tensors, got {len(tensors)}"
        )
    spread = 0
    for term, x in zip(terms, tensors, strict=True):
        named = len(term.replace("...", "", 1))
        wrong = [c for c in term.replace("...", "", 1) if c not in ascii_letters]
        if wrong:
            raise ValueError(f"einsum: {wrong[0]!r} in {subscripts!r} is no label")
        if named > x.ndim or (named < x.ndim and "..." not in term):
            raise ValueError(
                f"einsum: {term!r} of {subscripts!r} does not fit {x!r} of {x.ndim} dimensions"
            )
        spread = max(spread, x.ndim - named)
    others = [f"{k}" for k in range(spread)]

    def labels(term: str, count: int) -> list[str]:
        before, dots, after = term.partition("...")
        return [*before, *(others[spread - count :] if dots else []), *after]

    inputs = [
        labels(term, x.ndim - len(term.replace("...", "", 1)))
        for term, x in zip(terms, tensors, strict=True)
    ]
    every = [n for found in inputs for n in found]
    if not arrow:
        once = sorted(n for n in set(every) if every.count(n) == 1 and n not in others)
        return inputs, [*others, *once]
    result = labels(right, spread)
    for n in result:
        if n not in every:
            raise ValueError(f"einsum: label {n!r} of the result is that of no operand")
        if result.count(n) > 1:
            raise ValueError(f"einsum: the result of {subscripts!r} has label {n!r} twice")
    return inputs, result


def _unrepeated(x: TensorVariable, labels: list[str]) -> _Labelled:
    """Return the diagonal along dimensions of one label."""
    for n in dict.fromkeys(labels):
        while labels.count(n) > 1:
            first = labels.index(n)
            second = labels.index(n, first + 1)
            rest = [k for k in range(x.ndim) if k not in (first, second)]
            size = length(x, first)
            moved = dimshuffle(x, *rest, first, second)
            flat = reshape(moved, [*lengths(moved)[:-2], product([size, size])])
            x = flat[(..., slice(None, None, size + 1))]
            labels = [*(labels[k] for k in rest), n]
    return x, labels


def _check_lengths(pairs: Sequence[_Labelled], subscripts: str) -> None:
    seen: dict[str, int] = {}
    for x, labels in pairs:
        for n, size in zip(labels, x.type.shape, strict=True):
            if size not in (None, 1) and seen.setdefault(n, size) != size:
                raise ValueError(
                    f"einsum: dimensions with label {n!r} of {subscripts!r} have lengths "
                    f"{seen[n]} and {size}"
                )


def _order(pairs: Sequence[_Labelled], result: Sequence[str]) -> list[tuple[int, ...]]:
    """Return which tensors to multiply, step by step; the product goes to the end of the list."""
    if len(pairs) <= 2:
        return [tuple(range(len(pairs)))]
    every = dict.fromkeys(n for _, labels in pairs for n in labels)
    names = dict(zip(every, ascii_letters, strict=False))
    size: dict[str, int] = {}
    for x, labels in pairs:
        for n, known in zip(labels, x.type.shape, strict=True):
            size[n] = max(size.get(n, 1), _UNKNOWN if known is None else known)
    dummies = [np.broadcast_to(0.0, [size[n] for n in labels]) for _, labels in pairs]
    terms = ",".join("".join(names[n] for n in labels) for _, labels in pairs)
    subscripts = f"{terms}->{''.join(names[n] for n in result)}"
    method = "optimal" if len(pairs) <= _FEW else "greedy"
    path = np.einsum_path(subscripts, *dummies, optimize=(method, 2.0**62))[0][1:]
    return _in_pairs([tuple(step) for step in path])


def _in_pairs(path: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return a path whose steps take no more than two tensors; more are all that are left."""
    found: list[tuple[int, ...]] = []
    for step in path:
        count = len(step)
        found.append(tuple(sorted(step)[:2]) if count > 2 else step)
        found.extend((0, 1) for _ in range(count - 2))
    return found


def _alone(x: TensorVariable, labels: list[str], result: list[str]) -> _Labelled:
    """Sum one tensor and put its dimensions in order."""
    gone = [k for k, n in enumerate(labels) if n not in result]
    if gone:
        x = reductions.any(x, gone) if x.dtype == "bool" else reductions.sum(x, gone, x.dtype)
        labels = [n for n in labels if n in result]
    return transpose(x, [labels.index(n) for n in result]), result
