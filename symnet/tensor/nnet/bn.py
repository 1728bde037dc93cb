"""Batch normalization.

Ioffe and Szegedy, *Batch normalization: accelerating deep network training by reducing internal
covariate shift*, ICML 2015, algorithms 1 and 2. All are expressions, and so are their gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symnet import dtypes
from symnet.config import config
from symnet.scalar import table
from symnet.tensor import reductions
from symnet.tensor.convert import TensorLike, as_tensor_variable, axes_of, converted
from symnet.tensor.manipulation import addbroadcast, dimshuffle, lengths, product

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable

__all__ = ["batch_normalization", "batch_normalization_test", "batch_normalization_train"]

Axes = str | int | Sequence[int]
"""``"per-activation"``, ``"spatial"``, or the dimensions that statistics are taken over."""


def batch_normalization(
    inputs: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    mean: TensorLike,
    std: TensorLike,
    mode: str = "low_mem",
) -> TensorVariable:
    """Return ``(inputs - mean) * gamma / std + beta``, with broadcasting.

    Parameters
    ----------
    inputs
        A batch.
    gamma, beta
        Scale and shift.
    mean, std
        Mean and standard deviation of the batch.
    mode
        ``"low_mem"`` or ``"high_mem"``, which say the same: what is kept in memory is for the
        compiler to decide.
    """
    if mode not in ("low_mem", "high_mem"):
        raise ValueError(f'batch_normalization: mode {mode!r} is neither "low_mem" nor "high_mem"')
    x = as_tensor_variable(inputs)
    scale = as_tensor_variable(gamma) / as_tensor_variable(std)
    normal: TensorVariable = (x - as_tensor_variable(mean)) * scale + as_tensor_variable(beta)
    return normal


def batch_normalization_train(
    inputs: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    axes: Axes = "per-activation",
    epsilon: float = 1e-4,
    running_average_factor: float = 0.1,
    running_mean: TensorLike | None = None,
    running_var: TensorLike | None = None,
) -> tuple[TensorVariable, ...]:
    """Return a batch normalized by its own statistics, and these.

    Parameters
    ----------
    inputs
        A batch.
    gamma, beta
        Scale and shift: as many dimensions as `inputs` less `axes`, or as many as `inputs`, of
        length 1 along `axes`.
    axes
        Dimensions that statistics are taken over: ``"per-activation"`` is the first,
        ``"spatial"`` all but the second, or their numbers.
    epsilon
        Added to the variance; at least 1e-5.
    running_average_factor
        Weight of this batch in the running statistics.
    running_mean, running_var
        Running statistics of batches before, of the dimensions of `gamma`.

    Returns
    -------
    tuple
        The normalized batch, its mean, and 1 over its standard deviation; then new values of those
        running statistics that were given, for updates. The running variance is that of the
        population: the batch's times ``m / (m - 1)`` for `m` elements.

    Examples
    --------
    >>> from symnet.tensor import matrix, vector
    >>> out, mean, invstd = batch_normalization_train(matrix(), vector(), vector())
    >>> out.ndim, mean.ndim
    (2, 1)
    """
    x = _floating(inputs)
    over = _axes(axes, x.ndim)
    epsilon = _checked(epsilon)
    scale, shift = _parameters(x, over, gamma=gamma, beta=beta)
    mean = reductions.mean(x, axis=over, keepdims=True)
    variance = reductions.var(x, axis=over, keepdims=True)
    invstd: TensorVariable = 1.0 / table.sqrt(variance + epsilon)
    out: TensorVariable = (x - mean) * (scale * invstd) + shift
    found = [mean, invstd]
    keep = 1.0 - running_average_factor
    if running_mean is not None:
        (old,) = _parameters(x, over, running_mean=running_mean)
        found.append(old * keep + mean * running_average_factor)
    if running_var is not None:
        (old,) = _parameters(x, over, running_var=running_var)
        count = converted(product([lengths(x)[axis] for axis in over]), x.dtype)
        population = variance * (count / (count - 1))
        found.append(old * keep + population * running_average_factor)
    if as_tensor_variable(gamma).ndim != x.ndim:
        kept = [axis for axis in range(x.ndim) if axis not in over]
        found = [dimshuffle(v, *kept) for v in found]
    return (out, *found)


def batch_normalization_test(
    inputs: TensorLike,
    gamma: TensorLike,
    beta: TensorLike,
    mean: TensorLike,
    var: TensorLike,
    axes: Axes = "per-activation",
    epsilon: float = 1e-4,
) -> TensorVariable:
    """Return a batch normalized by statistics that are given, as running ones are.

    Parameters
    ----------
    inputs
        A batch.
    gamma, beta, mean, var
        Scale, shift, mean and variance, of dimensions as `gamma` of `batch_normalization_train`.
    axes, epsilon
        As of `batch_normalization_train`.
    """
    x = _floating(inputs)
    over = _axes(axes, x.ndim)
    epsilon = _checked(epsilon)
    scale, shift, center, spread = _parameters(x, over, gamma=gamma, beta=beta, mean=mean, var=var)
    out: TensorVariable = (x - center) * (scale / table.sqrt(spread + epsilon)) + shift
    return out


def _floating(inputs: TensorLike) -> TensorVariable:
    x = as_tensor_variable(inputs)
    return x if dtypes.is_float(x.dtype) else converted(x, config.floatX)


def _axes(axes: Axes, ndim: int) -> tuple[int, ...]:
    if axes == "per-activation":
        given: Any = (0,)
    elif axes == "spatial":
        given = (0, *range(2, ndim))
    elif isinstance(axes, str):
        raise ValueError(
            f'batch normalization: axes {axes!r} is none of "per-activation", "spatial" or numbers'
        )
    else:
        given = axes
    found = axes_of(given, ndim, "batch normalization")
    if not found:
        raise ValueError("batch normalization: at least one dimension to take statistics over")
    return found


def _checked(epsilon: float) -> float:
    # Its nearest float32 is a little less than 1e-5, which is meant.
    if epsilon < 1e-5 * (1 - 1e-6):
        raise ValueError(f"batch normalization: epsilon is at least 1e-5, got {epsilon}")
    return epsilon


def _parameters(
    x: TensorVariable, over: tuple[int, ...], **given: TensorLike
) -> list[TensorVariable]:
    """Return parameters with the dimensions of `x`, broadcasting along `over`."""
    kept = [axis for axis in range(x.ndim) if axis not in over]
    found = []
    for name, value in given.items():
        v = as_tensor_variable(value)
        if v.ndim == x.ndim:
            found.append(addbroadcast(v, *over))
        elif v.ndim == len(kept):
            order = [kept.index(axis) if axis in kept else "x" for axis in range(x.ndim)]
            found.append(dimshuffle(v, *order))
        else:
            raise ValueError(
                f"batch normalization: {name} has {len(kept)} dimensions, or {x.ndim} as the "
                f"inputs have, got {v.type}"
            )
    return found
