"""Functions of neural networks: activations, softmax and costs.

Activations and costs are expressions of elementwise operations and reductions; convolutions and
pooling have operations of their own.
"""

from typing import Any

from symnet.names import missing
from symnet.tensor.nnet import abstract_conv, conv
from symnet.tensor.nnet.abstract_conv import (
    bilinear_upsampling,
    causal_conv1d,
    conv2d,
    conv2d_grad_wrt_inputs,
    conv2d_grad_wrt_weights,
    conv2d_transpose,
    conv3d,
    conv3d_grad_wrt_inputs,
    conv3d_grad_wrt_weights,
    frac_bilinear_upsampling,
    separable_conv2d,
    separable_conv3d,
)
from symnet.tensor.nnet.activations import (
    elu,
    hard_sigmoid,
    log_softmax,
    logsoftmax,
    relu,
    selu,
    sigmoid,
    softmax,
    softplus,
    softsign,
    ultra_fast_sigmoid,
)
from symnet.tensor.nnet.costs import (
    binary_crossentropy,
    categorical_crossentropy,
    crossentropy_categorical_1hot,
    sigmoid_binary_crossentropy,
)

__all__ = [
    "abstract_conv",
    "bilinear_upsampling",
    "binary_crossentropy",
    "categorical_crossentropy",
    "causal_conv1d",
    "conv",
    "conv2d",
    "conv2d_grad_wrt_inputs",
    "conv2d_grad_wrt_weights",
    "conv2d_transpose",
    "conv3d",
    "conv3d_grad_wrt_inputs",
    "conv3d_grad_wrt_weights",
    "crossentropy_categorical_1hot",
    "elu",
    "frac_bilinear_upsampling",
    "hard_sigmoid",
    "log_softmax",
    "logsoftmax",
    "relu",
    "selu",
    "separable_conv2d",
    "separable_conv3d",
    "sigmoid",
    "sigmoid_binary_crossentropy",
    "softmax",
    "softplus",
    "softsign",
    "ultra_fast_sigmoid",
]


def __getattr__(name: str) -> Any:
    raise missing(__name__, name, __all__)
