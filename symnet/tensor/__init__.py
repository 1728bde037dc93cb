"""The language of tensors: what users write models with, usually as ``T``.

Names and meanings are Theano's: inputs (`matrix`, `ivector` ...), elementwise functions (`exp`,
`switch`, every row of the scalar table), reductions (`sum`, `argmax` ...), shapes (`reshape`,
`dimshuffle` ...), products (`dot`), parts of tensors (`set_subtensor`), and `nnet`.
"""

from typing import Any

from symnet.gradient import Lop, Rop, grad, hessian, jacobian, verify_grad
from symnet.names import missing
from symnet.tensor import nnet, xlogx
from symnet.tensor.constructors import (
    arange,
    empty,
    empty_like,
    eye,
    fill,
    full,
    full_like,
    identity_like,
    input_makers,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from symnet.tensor.convert import as_tensor_variable, constant
from symnet.tensor.elementwise import cast, iround, isclose, round, table_functions
from symnet.tensor.grids import geomspace, linspace, logspace, meshgrid, mgrid, ogrid
from symnet.tensor.indexing import inc_subtensor, set_subtensor, take
from symnet.tensor.joining import (
    concatenate,
    horizontal_stack,
    join,
    split,
    stack,
    stacklists,
    vertical_stack,
)
from symnet.tensor.manipulation import (
    addbroadcast,
    alloc,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_to,
    dimshuffle,
    expand_dims,
    flatten,
    moveaxis,
    patternbroadcast,
    ravel,
    reshape,
    shape,
    shape_padaxis,
    shape_padleft,
    shape_padright,
    specify_shape,
    squeeze,
    swapaxes,
    transpose,
    unbroadcast,
)
from symnet.tensor.products import dot, matmul, outer
from symnet.tensor.rearranging import flip, fliplr, flipud, pad, roll, rot90, tile
from symnet.tensor.reductions import (
    all,
    any,
    argmax,
    argmin,
    logsumexp,
    max,
    max_and_argmax,
    mean,
    min,
    norm,
    prod,
    ptp,
    std,
    sum,
    var,
)
from symnet.tensor.variable import TensorConstant, TensorVariable
from symnet.types import TensorType

as_tensor = as_tensor_variable

_generated = {**table_functions(), **input_makers()}
globals().update({name: made for name, made in _generated.items() if name not in globals()})

__all__ = [
    "Lop",
    "Rop",
    "TensorConstant",
    "TensorType",
    "TensorVariable",
    "addbroadcast",
    "all",
    "alloc",
    "any",
    "arange",
    "argmax",
    "argmin",
    "as_tensor",
    "as_tensor_variable",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_to",
    "cast",
    "concatenate",
    "constant",
    "dimshuffle",
    "dot",
    "empty",
    "empty_like",
    "expand_dims",
    "eye",
    "fill",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "full",
    "full_like",
    "geomspace",
    "grad",
    "hessian",
    "horizontal_stack",
    "identity_like",
    "inc_subtensor",
    "iround",
    "isclose",
    "jacobian",
    "join",
    "linspace",
    "logspace",
    "logsumexp",
    "matmul",
    "max",
    "max_and_argmax",
    "mean",
    "meshgrid",
    "mgrid",
    "min",
    "moveaxis",
    "nnet",
    "norm",
    "ogrid",
    "ones",
    "ones_like",
    "outer",
    "pad",
    "patternbroadcast",
    "prod",
    "ptp",
    "ravel",
    "reshape",
    "roll",
    "rot90",
    "round",
    "set_subtensor",
    "shape",
    "shape_padaxis",
    "shape_padleft",
    "shape_padright",
    "specify_shape",
    "split",
    "squeeze",
    "stack",
    "stacklists",
    "std",
    "sum",
    "swapaxes",
    "take",
    "tensor",
    "tile",
    "transpose",
    "unbroadcast",
    "var",
    "verify_grad",
    "vertical_stack",
    "xlogx",
    "zeros",
    "zeros_like",
    *_generated,
]


def __getattr__(name: str) -> Any:
    raise missing(__name__, name, __all__)
