"""Convolutions as objects: settings first, then a call with tensors, as Lasagne writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from symnet.tensor.convert import TensorLike
from symnet.tensor.nnet.conv_shapes import BorderMode
from symnet.tensor.nnet.convolutions import Convolution, Shape

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


class _Settings:
    """Settings of a convolution.

    Parameters
    ----------
    imshp, kshp
        Shapes of input and filters as far as they are known beforehand.
    border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared
        As of `conv2d`.
    """

    convdim: ClassVar[int]

    def __init__(
        self,
        imshp: Shape = None,
        kshp: Shape = None,
        border_mode: BorderMode = "valid",
        subsample: Sequence[int] = (),
        filter_flip: bool = True,
        filter_dilation: Sequence[int] = (),
        num_groups: int = 1,
        unshared: bool = False,
    ) -> None:
        self.imshp = imshp
        self.kshp = kshp
        self.border_mode = border_mode
        self.filter_flip = filter_flip
        self.num_groups = num_groups
        self.unshared = unshared
        self._convolution = Convolution(
            type(self).__name__,
            self.convdim,
            border_mode,
            subsample,
            filter_flip,
            filter_dilation,
            num_groups,
            unshared,
        )
        self.subsample = self._convolution.subsample
        self.filter_dilation = self._convolution.filter_dilation


class _Forward(_Settings):
    def __call__(self, img: TensorLike, kern: TensorLike) -> TensorVariable:
        """Return the convolution of an input with filters."""
        return self._convolution.apply(img, kern, self.imshp, self.kshp)


class _InputGradient(_Settings):
    def __call__(self, kern: TensorLike, topgrad: TensorLike, shape: Any) -> TensorVariable:
        """Return the gradient of an input of spatial lengths `shape`."""
        return self._convolution.input_gradient(kern, topgrad, shape, self.imshp, self.kshp)


class _FilterGradient(_Settings):
    def __call__(self, img: TensorLike, topgrad: TensorLike, shape: Any) -> TensorVariable:
        """Return the gradient of filters of spatial lengths `shape`."""
        return self._convolution.filter_gradient(img, topgrad, shape, self.imshp, self.kshp)


class AbstractConv2d(_Forward):
    """`conv2d` as an object."""

    convdim = 2


class AbstractConv3d(_Forward):
    """`conv3d` as an object."""

    convdim = 3


class AbstractConv2d_gradInputs(_InputGradient):
    """`conv2d_grad_wrt_inputs` as an object."""

    convdim = 2


class AbstractConv3d_gradInputs(_InputGradient):
    """`conv3d_grad_wrt_inputs` as an object."""

    convdim = 3


class AbstractConv2d_gradWeights(_FilterGradient):
    """`conv2d_grad_wrt_weights` as an object."""

    convdim = 2


class AbstractConv3d_gradWeights(_FilterGradient):
    """`conv3d_grad_wrt_weights` as an object."""

    convdim = 3
