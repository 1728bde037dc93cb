"""The logistic function and its approximations where Theano keeps them."""

from symnet.tensor.nnet.activations import hard_sigmoid, sigmoid, softplus, ultra_fast_sigmoid

__all__ = ["hard_sigmoid", "sigmoid", "softplus", "ultra_fast_sigmoid"]
