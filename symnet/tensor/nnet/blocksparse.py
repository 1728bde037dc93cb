"""Products of some blocks of a large matrix with some blocks of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnet import dtypes
from symnet.tensor import reductions
from symnet.tensor.convert import TensorLike, as_tensor_variable
from symnet.tensor.manipulation import dimshuffle, lengths, reshape
from symnet.tensor.products import batched_dot

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = ["sparse_block_dot"]


def sparse_block_dot(
    W: TensorLike,
    h: TensorLike,
    inputIdx: TensorLike,
    b: TensorLike,
    outputIdx: TensorLike,
) -> TensorVariable:
    """Return for each row of a batch those blocks of a layer's output that are wanted.

    Parameters
    ----------
    W
        (input blocks, output blocks, input size, output size).
    h
        (batch, some input blocks, input size): the blocks of the input that are not zero.
    inputIdx
        (batch, some input blocks) integers: which they are.
    b
        (output blocks, output size).
    outputIdx
        (batch, some output blocks) integers: the output blocks that are wanted.

    Returns
    -------
    TensorVariable
        (batch, some output blocks, output size).
    """
    w, x, offset = (as_tensor_variable(v) for v in (W, h, b))
    into, out_of = as_tensor_variable(outputIdx), as_tensor_variable(inputIdx)
    wanted = [("W", w, 4), ("h", x, 3), ("b", offset, 2)]
    wanted += [("inputIdx", out_of, 2), ("outputIdx", into, 2)]
    for name, v, ndim in wanted:
        if v.ndim != ndim:
            raise TypeError(f"sparse_block_dot: {name} has {ndim} dimensions, got {v.type}")
    for name, v in (("inputIdx", out_of), ("outputIdx", into)):
        if v.dtype not in dtypes.INTEGER:
            raise TypeError(f"sparse_block_dot: {name} holds integers, got {v.type}")
    # (batch, input blocks, output blocks, input size, output size): one matrix for each pair.
    blocks = w[dimshuffle(out_of, 0, 1, "x"), dimshuffle(into, 0, "x", 1)]
    batch, pairs, places, size, width = lengths(blocks)
    beside = reshape(dimshuffle(blocks, 0, 1, 3, 2, 4), [batch * pairs, size, places * width])
    products = batched_dot(reshape(x, [batch * pairs, size]), beside)
    total: TensorVariable = reductions.sum(reshape(products, [batch, pairs, places, width]), axis=1)
    out: TensorVariable = total + offset[into]
    return out
