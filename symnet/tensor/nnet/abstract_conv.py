"""Convolutions as users call them: functions, and Theano's op-like objects.

All of two dimensions have one of three. Inputs are (batch, channels, rows, columns), filters
(filters, channels, rows, columns); three dimensions have one more, in front of the rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symnet.tensor.convert import TensorLike, as_tensor_variable
from symnet.tensor.nnet.conv_objects import (
    AbstractConv2d,
    AbstractConv2d_gradInputs,
    AbstractConv2d_gradWeights,
    AbstractConv3d,
    AbstractConv3d_gradInputs,
    AbstractConv3d_gradWeights,
)
from symnet.tensor.nnet.conv_shapes import (
    BorderMode,
    get_conv_gradinputs_shape,
    get_conv_gradinputs_shape_1axis,
    get_conv_gradweights_shape,
    get_conv_gradweights_shape_1axis,
    get_conv_output_shape,
    get_conv_shape_1axis,
)
from symnet.tensor.nnet.convolutions import Convolution, Shape
from symnet.tensor.nnet.upsampling import (
    bilinear_kernel_1D,
    bilinear_kernel_2D,
    bilinear_upsampling,
    frac_bilinear_upsampling,
)

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = [
    "AbstractConv2d",
    "AbstractConv2d_gradInputs",
    "AbstractConv2d_gradWeights",
    "AbstractConv3d",
    "AbstractConv3d_gradInputs",
    "AbstractConv3d_gradWeights",
    "bilinear_kernel_1D",
    "bilinear_kernel_2D",
    "bilinear_upsampling",
    "causal_conv1d",
    "conv2d",
    "conv2d_grad_wrt_inputs",
    "conv2d_grad_wrt_weights",
    "conv2d_transpose",
    "conv3d",
    "conv3d_grad_wrt_inputs",
    "conv3d_grad_wrt_weights",
    "frac_bilinear_upsampling",
    "get_conv_gradinputs_shape",
    "get_conv_gradinputs_shape_1axis",
    "get_conv_gradweights_shape",
    "get_conv_gradweights_shape_1axis",
    "get_conv_output_shape",
    "get_conv_shape_1axis",
    "separable_conv2d",
    "separable_conv3d",
]


def conv2d(
    input: TensorLike,
    filters: TensorLike,
    input_shape: Shape = None,
    filter_shape: Shape = None,
    border_mode: BorderMode = "valid",
    subsample: Sequence[int] = (1, 1),
    filter_flip: bool = True,
    image_shape: Shape = None,
    filter_dilation: Sequence[int] = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
    **kwargs: Any,
) -> TensorVariable:
    """Return the convolution of a batch of images with filters.

    Parameters
    ----------
    input
        (batch, channels, rows, columns).
    filters
        (filters, channels, rows, columns); unshared ones (filters, output rows, output columns,
        channels, rows, columns).
    input_shape, filter_shape
        Lengths that are known beforehand, None for each that is not. They are checked at every
        call.
    border_mode
        What surrounds the images: ``"valid"`` nothing, ``"half"`` half a filter of zeros (the
        result is as large as the input for filters of odd lengths), ``"full"`` all but one, an
        integer, one for rows and one for columns, or a pair (before, behind) for each.
    subsample
        Steps of the window over rows and columns.
    filter_flip
        Whether filters are flipped, as in a convolution; otherwise it is a cross-correlation.
    image_shape
        The old name of `input_shape`.
    filter_dilation
        Distances of a filter's rows and columns on the image.
    num_groups
        Into how many groups channels and filters are divided: the filters of a group see the
        channels of that group only.
    unshared
        Whether every place of the result has filters of its own.

    Returns
    -------
    TensorVariable
        (batch, filters, rows, columns).

    Raises
    ------
    ValueError
        If channels do not agree, or a setting is none of those above.

    Examples
    --------
    >>> from symnet.tensor import tensor4
    >>> conv2d(tensor4(), tensor4(), (500, 1, 28, 28), (20, 1, 5, 5)).type.shape
    (500, 20, 24, 24)
    """
    if image_shape is not None:
        if input_shape is not None:
            raise ValueError("conv2d: image_shape is the old name of input_shape; give one")
        input_shape = image_shape
    _ignored(kwargs, "conv2d")
    convolution = Convolution(
        "conv2d", 2, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared
    )
    return convolution.apply(input, filters, input_shape, filter_shape)


def _ignored(keywords: dict[str, Any], what: str) -> None:
    logical = [name for name in ("imshp_logical", "kshp_logical") if name in keywords]
    if logical:
        raise ValueError(
            f"{what}: {logical[0]} is gone; upsample or dilate what it was meant for explicitly"
        )
    if keywords:
        names = ", ".join(sorted(keywords))
        warnings.warn(f"{what} ignores {names}, which old versions took", stacklevel=3)


def conv3d(
    input: TensorLike,
    filters: TensorLike,
    input_shape: Shape = None,
    filter_shape: Shape = None,
    border_mode: BorderMode = "valid",
    subsample: Sequence[int] = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1, 1),
    num_groups: int = 1,
) -> TensorVariable:
    """Return the convolution of a batch of volumes with filters: `conv2d` of three dimensions."""
    convolution = Convolution(
        "conv3d", 3, border_mode, subsample, filter_flip, filter_dilation, num_groups
    )
    return convolution.apply(input, filters, input_shape, filter_shape)


def conv2d_transpose(
    input: TensorLike,
    filters: TensorLike,
    output_shape: Any,
    filter_shape: Shape = None,
    border_mode: BorderMode = "valid",
    input_dilation: Sequence[int] = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
) -> TensorVariable:
    """Return the transposed convolution: what the gradient of a convolution's input is.

    Parameters
    ----------
    input
        (batch, filters, rows, columns), as the result of the convolution.
    filters
        (filters, output channels, rows, columns).
    output_shape
        Shape of the result, as the input of the convolution: rows and columns must be given.
    filter_shape, border_mode, filter_flip, filter_dilation, num_groups, unshared
        As of the convolution.
    input_dilation
        `subsample` of the convolution.
    """
    convolution = Convolution(
        "conv2d_transpose",
        2,
        border_mode,
        input_dilation,
        filter_flip,
        filter_dilation,
        num_groups,
        unshared,
    )
    return convolution.input_gradient(
        filters, input, output_shape, _static(output_shape), filter_shape
    )


def conv2d_grad_wrt_inputs(
    output_grad: TensorLike,
    filters: TensorLike,
    input_shape: Any,
    filter_shape: Shape = None,
    border_mode: BorderMode = "valid",
    subsample: Sequence[int] = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
) -> TensorVariable:
    """Return the gradient of the input of `conv2d`, given that of its result.

    Parameters
    ----------
    output_grad
        (batch, filters, rows, columns).
    filters
        As of the convolution.
    input_shape
        Shape of the input; rows and columns must be given, as integers or variables.
    filter_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared
        As of the convolution.
    """
    convolution = Convolution(
        "conv2d_grad_wrt_inputs",
        2,
        border_mode,
        subsample,
        filter_flip,
        filter_dilation,
        num_groups,
        unshared,
    )
    return convolution.input_gradient(
        filters, output_grad, input_shape, _static(input_shape), filter_shape
    )


def conv3d_grad_wrt_inputs(
    output_grad: TensorLike,
    filters: TensorLike,
    input_shape: Any,
    filter_shape: Shape = None,
    border_mode: BorderMode = "valid",
    subsample: Sequence[int] = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1, 1),
    num_groups: int = 1,
) -> TensorVariable:
    """Return the gradient of the input of `conv3d`, given that of its result."""
    convolution = Convolution(
        "conv3d_grad_wrt_inputs",
        3,
        border_mode,
        subsample,
        filter_flip,
        filter_dilation,
        num_groups,
    )
    return convolution.input_gradient(
        filters, output_grad, input_shape, _static(input_shape), filter_shape
    )


def conv2d_grad_wrt_weights(
    input: TensorLike,
    output_grad: TensorLike,
    filter_shape: Any,
    input_shape: Shape = None,
    border_mode: BorderMode = "valid",
    subsample: Sequence[int] = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1),
    num_groups: int = 1,
    unshared: bool = False,
) -> TensorVariable:
    """Return the gradient of the filters of `conv2d`, given that of its result.

    Parameters
    ----------
    input
        (batch, channels, rows, columns).
    output_grad
        (batch, filters, rows, columns).
    filter_shape
        Shape of the filters; rows and columns must be given, as integers or variables.
    input_shape, border_mode, subsample, filter_flip, filter_dilation, num_groups, unshared
        As of the convolution.
    """
    convolution = Convolution(
        "conv2d_grad_wrt_weights",
        2,
        border_mode,
        subsample,
        filter_flip,
        filter_dilation,
        num_groups,
        unshared,
    )
    return convolution.filter_gradient(
        input, output_grad, filter_shape, input_shape, _static(filter_shape)
    )


def conv3d_grad_wrt_weights(
    input: TensorLike,
    output_grad: TensorLike,
    filter_shape: Any,
    input_shape: Shape = None,
    border_mode: BorderMode = "valid",
    subsample: Sequence[int] = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1, 1),
    num_groups: int = 1,
) -> TensorVariable:
    """Return the gradient of the filters of `conv3d`, given that of its result."""
    convolution = Convolution(
        "conv3d_grad_wrt_weights",
        3,
        border_mode,
        subsample,
        filter_flip,
        filter_dilation,
        num_groups,
    )
    return convolution.filter_gradient(
        input, output_grad, filter_shape, input_shape, _static(filter_shape)
    )


def _static(shape: Any) -> Shape:
    """Return a shape given entry by entry, None for a vector that is not."""
    return list(shape) if isinstance(shape, (tuple, list)) else None


def separable_conv2d(
    input: TensorLike,
    depthwise_filters: TensorLike,
    pointwise_filters: TensorLike,
    num_channels: int,
    input_shape: Shape = None,
    depthwise_filter_shape: Shape = None,
    pointwise_filter_shape: Shape = None,
    border_mode: BorderMode = "valid",
    subsample: Sequence[int] = (1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1),
) -> TensorVariable:
    """Return a convolution of each channel by itself, then a mixture of channels at each place.

    Parameters
    ----------
    input
        (batch, channels, rows, columns).
    depthwise_filters
        (channels times filters of each, 1, rows, columns).
    pointwise_filters
        (filters, channels times filters of each, 1, 1).
    num_channels
        Number of channels of the input.
    input_shape, depthwise_filter_shape, pointwise_filter_shape
        Lengths that are known beforehand.
    border_mode, subsample, filter_flip, filter_dilation
        As of `conv2d`, for the first of the two.
    """
    depthwise = Convolution(
        "separable_conv2d", 2, border_mode, subsample, filter_flip, filter_dilation, num_channels
    )
    between = depthwise.apply(input, depthwise_filters, input_shape, depthwise_filter_shape)
    pointwise = Convolution("separable_conv2d", 2)
    return pointwise.apply(between, pointwise_filters, None, pointwise_filter_shape)


def separable_conv3d(
    input: TensorLike,
    depthwise_filters: TensorLike,
    pointwise_filters: TensorLike,
    num_channels: int,
    input_shape: Shape = None,
    depthwise_filter_shape: Shape = None,
    pointwise_filter_shape: Shape = None,
    border_mode: BorderMode = "valid",
    subsample: Sequence[int] = (1, 1, 1),
    filter_flip: bool = True,
    filter_dilation: Sequence[int] = (1, 1, 1),
) -> TensorVariable:
    """Return `separable_conv2d` of three dimensions."""
    depthwise = Convolution(
        "separable_conv3d", 3, border_mode, subsample, filter_flip, filter_dilation, num_channels
    )
    between = depthwise.apply(input, depthwise_filters, input_shape, depthwise_filter_shape)
    pointwise = Convolution("separable_conv3d", 3)
    return pointwise.apply(between, pointwise_filters, None, pointwise_filter_shape)


def causal_conv1d(
    input: TensorLike,
    filters: TensorLike,
    filter_shape: Shape,
    input_shape: Shape = None,
    subsample: int = 1,
    filter_flip: bool = True,
    filter_dilation: int = 1,
    num_groups: int = 1,
    unshared: bool = False,
) -> TensorVariable:
    """Return a convolution along time that sees nothing of the future.

    Parameters
    ----------
    input
        (batch, channels, time).
    filters
        (filters, channels, taps).
    filter_shape
        Shape of the filters; the taps must be known.
    input_shape, subsample, filter_flip, filter_dilation, num_groups
        As of `conv2d`, of one dimension.
    unshared
        Must be False.

    Returns
    -------
    TensorVariable
        (batch, filters, time), as long as the input where `subsample` is 1.
    """
    if unshared:
        raise ValueError("causal_conv1d: filters are the same at every time")
    taps = list(filter_shape)[2] if filter_shape is not None else None
    if taps is None:
        taps = as_tensor_variable(filters).type.shape[2]
    if not isinstance(taps, int):
        raise ValueError(
            f"causal_conv1d: the number of taps must be known, filter_shape says {filter_shape!r}"
        )
    convolution = Convolution(
        "causal_conv1d",
        1,
        [((taps - 1) * filter_dilation, 0)],
        [subsample],
        filter_flip,
        [filter_dilation],
        num_groups,
    )
    return convolution.apply(input, filters, input_shape, filter_shape)
