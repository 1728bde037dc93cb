"""Functions of neural networks: activations, softmax and costs.

Activations and costs are expressions of elementwise operations and reductions; convolutions and
pooling have operations of their own.
"""

from typing import Any

from symnet.names import missing
from symnet.tensor.nnet import (
    abstract_conv,
    blocksparse,
    bn,
    conv,
    conv3d2d,
    ctc,
    neighbours,
    nnet,
    sigm,
)
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
from symnet.tensor.nnet.bn import (
    batch_normalization,
    batch_normalization_test,
    batch_normalization_train,
)
from symnet.tensor.nnet.costs import (
    binary_crossentropy,
    categorical_crossentropy,
    crossentropy_categorical_1hot,
    sigmoid_binary_crossentropy,
)
from symnet.tensor.nnet.normalisation import local_response_normalization
from symnet.tensor.nnet.softmax_costs import (
    confusion_matrix,
    crossentropy_softmax_1hot,
    crossentropy_softmax_1hot_with_bias,
    crossentropy_softmax_argmax_1hot_with_bias,
    crossentropy_softmax_max_and_argmax_1hot,
    crossentropy_softmax_max_and_argmax_1hot_with_bias,
    h_softmax,
    prepend_0_to_each_row,
    prepend_1_to_each_row,
    prepend_scalar_to_each_row,
    softmax_graph,
    softmax_with_bias,
)
from symnet.tensor.nnet.spatial_transformer import spatial_transformer

__all__ = [
    "abstract_conv",
    "batch_normalization",
    "batch_normalization_test",
    "batch_normalization_train",
    "bilinear_upsampling",
    "binary_crossentropy",
    "blocksparse",
    "bn",
    "categorical_crossentropy",
    "causal_conv1d",
    "confusion_matrix",
    "conv",
    "conv2d",
    "conv2d_grad_wrt_inputs",
    "conv2d_grad_wrt_weights",
    "conv2d_transpose",
    "conv3d",
    "conv3d2d",
    "conv3d_grad_wrt_inputs",
    "conv3d_grad_wrt_weights",
    "crossentropy_categorical_1hot",
    "crossentropy_softmax_1hot",
    "crossentropy_softmax_1hot_with_bias",
    "crossentropy_softmax_argmax_1hot_with_bias",
    "crossentropy_softmax_max_and_argmax_1hot",
    "crossentropy_softmax_max_and_argmax_1hot_with_bias",
    "ctc",
    "elu",
    "frac_bilinear_upsampling",
    "h_softmax",
    "hard_sigmoid",
    "local_response_normalization",
    "log_softmax",
    "logsoftmax",
    "neighbours",
    "nnet",
    "prepend_0_to_each_row",
    "prepend_1_to_each_row",
    "prepend_scalar_to_each_row",
    "relu",
    "selu",
    "separable_conv2d",
    "separable_conv3d",
    "sigm",
    "sigmoid",
    "sigmoid_binary_crossentropy",
    "softmax",
    "softmax_graph",
    "softmax_with_bias",
    "softplus",
    "softsign",
    "spatial_transformer",
    "ultra_fast_sigmoid",
]


def __getattr__(name: str) -> Any:
    raise missing(__name__, name, __all__)
