"""Functions that Theano kept in a module of this name."""

from symnet.ops.cumulative import CumOp
from symnet.tensor.cumulative import CumprodOp, CumsumOp, DiffOp, cumprod, cumsum, diff
from symnet.tensor.diagonals import fill_diagonal, fill_diagonal_offset
from symnet.tensor.grids import bartlett
from symnet.tensor.manipulation import squeeze
from symnet.tensor.numbering import ravel_multi_index, to_one_hot, unravel_index
from symnet.tensor.positions import Unique, bincount, compress, repeat
from symnet.tensor.sort import searchsorted

__all__ = [
    "CumOp",
    "CumprodOp",
    "CumsumOp",
    "DiffOp",
    "Unique",
    "bartlett",
    "bincount",
    "compress",
    "cumprod",
    "cumsum",
    "diff",
    "fill_diagonal",
    "fill_diagonal_offset",
    "ravel_multi_index",
    "repeat",
    "searchsorted",
    "squeeze",
    "to_one_hot",
    "unravel_index",
]
