"""Symbolic derivatives.

In goes a graph; out come graphs of its derivatives, made by reverse accumulation
(`symnet.reverse`). Forward mode is the vjp of the vjp.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from symnet import dtypes
from symnet.config import config
from symnet.graph import Variable, make_variable, rebuild
from symnet.interpreter import Evaluation
from symnet.ops import build
from symnet.ops.identity import ClipGradient, ScaleGradient, StopGradient
from symnet.reverse import NullTypeGradError, differentiate
from symnet.types import TensorType

__all__ = [
    "DisconnectedInputError",
    "GradientError",
    "Lop",
    "NullTypeGradError",
    "Rop",
    "consider_constant",
    "disconnected_grad",
    "grad",
    "grad_clip",
    "grad_scale",
    "verify_grad",
    "zero_grad",
]

OnDisconnected = Literal["raise", "warn", "ignore"]


class DisconnectedInputError(ValueError):
    """A gradient was asked for with respect to a variable that the cost does not depend on."""


def grad(
    cost: Variable | None,
    wrt: Any,
    consider_constant: Iterable[Variable] | None = None,
    disconnected_inputs: OnDisconnected = "raise",
    add_names: bool = True,
    known_grads: Mapping[Variable, Variable] | None = None,
    return_disconnected: str = "zero",
) -> Any:
    """Return the gradient of a scalar cost with respect to one or more variables.

    Parameters
    ----------
    cost
        A floating point variable of no dimensions; None if `known_grads` says where to start.
    wrt
        A variable, or a list or tuple of them. The gradient with respect to an integer is zero.
    consider_constant
        Variables through which no gradient flows.
    disconnected_inputs
        What to do about a variable that `cost` does not depend on, or only on whose shape:
        ``"raise"``, ``"warn"`` or ``"ignore"``.
    add_names
        Whether gradients are named ``(dcost/dwrt)`` where both have names.
    known_grads
        Gradients of variables that are known already, from which this one is continued.
    return_disconnected
        What stands for the gradient with respect to a disconnected variable: ``"zero"`` or
        ``"None"``.

    Returns
    -------
    Variable, list or tuple
        One gradient of the shape and dtype of each variable (zeros in ``config.floatX`` for
        integers), in what `wrt` was.

    Raises
    ------
    TypeError
        If the cost is not a floating point scalar, or `wrt` is not made of variables.
    DisconnectedInputError
        If the cost does not depend on a variable of `wrt` and `disconnected_inputs` is "raise".
    NullTypeGradError
        If an operation on the way has no derivative.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> x = T.scalar("x")
    >>> grad(x**2, x).eval({x: 3.0})
    array(6., dtype=float32)
    """
    known = dict(known_grads or {})
    if cost is None and not known:
        raise ValueError("grad needs a cost, or gradients to continue from (known_grads)")
    seeds: list[tuple[Variable, Variable]] = []
    if cost is not None:
        _check_cost(cost)
        seeds.append((cost, build.ones_like(cost)))
    wanted = _variables(wrt, "wrt")
    if return_disconnected not in ("zero", "None"):
        raise ValueError(f'return_disconnected is "zero" or "None", not {return_disconnected!r}')
    found = differentiate(seeds, known, wanted, consider_constant or ())
    results: list[Variable | None] = []
    for v in wanted:
        connected, g = found[v]
        if not connected and return_disconnected == "None":
            _report_disconnected(v, disconnected_inputs)
            results.append(None)
            continue
        g = _or_zeros(v, connected, g, disconnected_inputs)
        if add_names and cost is not None and cost.name and v.name and not g.name:
            g.name = f"(d{cost.name}/d{v.name})"
        results.append(g)
    return _like(wrt, results)


def Lop(
    f: Any,
    wrt: Any,
    eval_points: Any,
    consider_constant: Iterable[Variable] | None = None,
    disconnected_inputs: OnDisconnected = "raise",
) -> Any:
    """Return the product of a row vector with the Jacobian of `f` with respect to `wrt`.

    Parameters
    ----------
    f
        A variable, or a list or tuple of them.
    wrt
        As in `grad`.
    eval_points
        The vector: for each variable of `f` one of its shape.
    consider_constant, disconnected_inputs
        As in `grad`.

    Returns
    -------
    Variable, list or tuple
        For each variable of `wrt` one of its shape, in what `wrt` was.
    """
    outputs, points = _variables(f, "f"), _variables(eval_points, "eval_points")
    if len(outputs) != len(points):
        raise ValueError(f"Lop: {len(outputs)} variables but {len(points)} evaluation points")
    wanted = _variables(wrt, "wrt")
    seeds = list(zip(outputs, points, strict=True))
    found = differentiate(seeds, {}, wanted, consider_constant or ())
    return _like(wrt, [_or_zeros(v, *found[v], disconnected_inputs) for v in wanted])


def Rop(
    f: Any,
    wrt: Any,
    eval_points: Any,
    disconnected_outputs: OnDisconnected = "raise",
    return_disconnected: str = "zero",
) -> Any:
    """Return the product of the Jacobian of `f` with respect to `wrt` with a column vector.

    The product of a row vector `u` with the Jacobian is linear in `u`; its derivative with respect
    to `u`, along the column vector, is what is sought.

    Parameters
    ----------
    f
        A variable, or a list or tuple of them.
    wrt
        A variable, or a list or tuple of them.
    eval_points
        The vector: for each variable of `wrt` one of its shape, or None for zero.
    disconnected_outputs, return_disconnected
        As `disconnected_inputs` and `return_disconnected` of `grad`, for variables of `f` that do
        not depend on `wrt`.

    Returns
    -------
    Variable, list or tuple
        For each variable of `f` one of its shape, in what `f` was.
    """
    outputs, inputs = _variables(f, "f"), _variables(wrt, "wrt")
    points = list(eval_points) if isinstance(eval_points, (list, tuple)) else [eval_points]
    if len(inputs) != len(points):
        raise ValueError(f"Rop: {len(inputs)} variables but {len(points)} evaluation points")
    rows = [make_variable(v.type) for v in outputs]
    pairs = [(v, p) for v, p in zip(inputs, points, strict=True) if p is not None]
    products = differentiate(list(zip(outputs, rows, strict=True)), {}, [v for v, _ in pairs], ())
    seeds = [(g, p) for v, p in pairs if (g := products[v][1]) is not None]
    found = differentiate(seeds, {}, rows, ())
    results: list[Variable | None] = []
    for v, u in zip(outputs, rows, strict=True):
        connected, r = found[u]
        if not connected and return_disconnected == "None":
            _report_disconnected(v, disconnected_outputs)
            results.append(None)
        else:
            results.append(_or_zeros(v, connected, r, disconnected_outputs))
    # What is linear in u does not depend on u in its derivative, its shape aside.
    zeros = {u: build.zeros_like(v) for v, u in zip(outputs, rows, strict=True)}
    rebuilt = iter(rebuild([r for r in results if r is not None], zeros))
    return _like(f, [None if r is None else next(rebuilt) for r in results])


def _check_cost(cost: Variable) -> None:
    if not isinstance(cost, Variable):
        raise TypeError(f"grad: the cost is a variable, not {cost!r}")
    if cost.ndim != 0:
        raise TypeError(
            f"grad: the cost must be a scalar, but {cost!r} is {cost.type}; take its sum or mean"
        )
    if not dtypes.is_float(cost.dtype):
        raise TypeError(
            f"grad: {cost!r} is {cost.type}, and only floating point numbers have a gradient; "
            "did you mean a cost made of probabilities rather than of predicted classes?"
        )


def _variables(given: Any, what: str) -> list[Variable]:
    found = list(given) if isinstance(given, (list, tuple)) else [given]
    for v in found:
        if not isinstance(v, Variable):
            raise TypeError(f"{what} is a variable or a list of variables; {v!r} is none")
    return found


def _like(given: Any, results: list[Variable | None]) -> Any:
    """Return results as what was given: one, a list or a tuple."""
    if isinstance(given, tuple):
        return tuple(results)
    return results if isinstance(given, list) else results[0]


def _or_zeros(
    v: Variable, connected: bool, g: Variable | None, disconnected: OnDisconnected
) -> Variable:
    if not connected:
        _report_disconnected(v, disconnected)
    if g is not None:
        return g
    return build.zeros_like(v, v.dtype if dtypes.is_float(v.dtype) else config.floatX)


def _report_disconnected(v: Variable, how: OnDisconnected) -> None:
    message = (
        f"the result does not depend on {v!r} of type {v.type}, or on its shape only. Take it out "
        'of the list, check that the graph is made of it, or allow this with "ignore" or "warn" '
        "(disconnected_inputs of grad and Lop, disconnected_outputs of Rop)"
    )
    if how == "raise":
        raise DisconnectedInputError(message)
    if how == "warn":
        warnings.warn(message, stacklevel=4)
    elif how != "ignore":
        raise ValueError(f'{how!r} is not one of "raise", "warn" and "ignore"')


def zero_grad(x: Variable) -> Variable:
    """Return `x`, taken as a constant by gradients: they are zero."""
    stopped: Variable = StopGradient()(x)
    return stopped


consider_constant = zero_grad


def disconnected_grad(x: Variable) -> Variable:
    """Return `x`, which gradients do not see: to them nothing depends on it."""
    stopped: Variable = StopGradient(disconnected=True)(x)
    return stopped


def grad_clip(x: Variable, lower_bound: float, upper_bound: float) -> Variable:
    """Return `x`; gradients with respect to it are forced between the bounds.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> x = T.scalar("x")
    >>> grad(grad_clip(x, -1, 1) ** 2, x).eval({x: 3.0})
    array(1., dtype=float32)
    """
    if lower_bound > upper_bound:
        raise ValueError(f"grad_clip: {lower_bound} is above {upper_bound}")
    clipped: Variable = ClipGradient(lower_bound, upper_bound)(x)
    return clipped


def grad_scale(x: Variable, multiplier: float) -> Variable:
    """Return `x`; gradients with respect to it are multiplied."""
    scaled: Variable = ScaleGradient(multiplier)(x)
    return scaled


class GradientError(Exception):
    """A symbolic gradient differs from the numerical one."""


Compiler = Callable[[list[Variable], list[Variable]], Callable[..., Sequence[Any]]]
"""Makes a function of arrays from inputs and outputs, as `symnet.function` does."""


def verify_grad(
    fun: Callable[..., Variable],
    pt: Sequence[Any],
    n_tests: int = 2,
    rng: Any = None,
    eps: float | None = None,
    abs_tol: float | None = None,
    rel_tol: float | None = None,
    mode: Compiler | None = None,
) -> None:
    """Compare a symbolic gradient with finite differences, along random projections.

    Parameters
    ----------
    fun
        Takes one variable for each point and returns a variable.
    pt
        Floating point arrays, at which the gradient is checked. Lengths of 1 broadcast.
    n_tests
        Number of projections of the result.
    rng
        A NumPy generator.
    eps
        Step of the central differences; by default 1e-6 in float64, 4e-3 in float32.
    abs_tol, rel_tol
        An element is wrong if its error is above both; by default 1e-4, for float32 1e-2.
    mode
        What compiles the two functions; by default they are interpreted.

    Raises
    ------
    GradientError
        If they differ; also known as ``verify_grad.E_grad``.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> verify_grad(lambda x: T.tanh(x) ** 2, [np.linspace(-1, 1, 5)])
    """
    points = [np.array(p) for p in pt]
    for p in points:
        if not dtypes.is_float(dtypes.canonical(p.dtype)):
            raise TypeError(f"verify_grad: points are floating point arrays, not {p.dtype}")
    single = any(p.dtype == np.float32 for p in points)
    eps = eps or (4e-3 if single else 1e-6)
    default = 1e-2 if single else 1e-4
    limits = (default if abs_tol is None else abs_tol, default if rel_tol is None else rel_tol)
    rng = np.random.default_rng(0) if rng is None else rng
    compiler = _interpreted if mode is None else mode

    ones = [TensorType(p.dtype, tuple(1 if n == 1 else None for n in p.shape)) for p in points]
    inputs = [make_variable(t, name=f"input {k}") for k, t in enumerate(ones)]
    out = fun(*inputs)
    projection = make_variable(out.type, name="projection")
    forward = compiler(inputs, [out])
    wrt = Lop(out, inputs, projection, disconnected_inputs="ignore")
    backward = compiler([*inputs, projection], wrt)
    for _ in range(n_tests):
        value = np.asarray(forward(*points)[0])
        weights = np.asarray(rng.uniform(0.5, 1.5, value.shape), value.dtype)
        found = backward(*points, weights)

        def cost(arrays: Sequence[Any], weights: Any = weights) -> float:
            result = np.asarray(forward(*arrays)[0], "float64")
            return float((result * weights).sum())

        for k, (analytic, numeric) in enumerate(
            zip(found, _differences(cost, points, eps), strict=True)
        ):
            _compare(np.asarray(analytic), numeric, limits, k)


verify_grad.E_grad = GradientError  # type: ignore[attr-defined]


def _interpreted(inputs: list[Variable], outputs: list[Variable]) -> Callable[..., Sequence[Any]]:
    run = Evaluation(outputs, inputs)
    return lambda *arrays: run(dict(zip(inputs, arrays, strict=True)))


def _differences(
    cost: Callable[[Sequence[Any]], float], points: list[Any], eps: float
) -> list[Any]:
    """Return central differences of `cost` with respect to every element."""
    found = []
    for p in points:
        slopes = np.zeros(p.shape, "float64")
        for place in np.ndindex(p.shape):
            old = p[place]
            p[place] = above = p.dtype.type(old + eps)
            high = cost(points)
            p[place] = below = p.dtype.type(old - eps)
            slopes[place] = (high - cost(points)) / (float(above) - float(below))
            p[place] = old
        found.append(slopes)
    return found


def _compare(analytic: Any, numeric: Any, limits: tuple[float, float], number: int) -> None:
    error = np.abs(analytic - numeric)
    relative = error / np.maximum(np.abs(analytic) + np.abs(numeric), 1e-8)
    wrong = ~((error <= limits[0]) | (relative <= limits[1]))
    if analytic.shape != numeric.shape or wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.any() else ()
        raise GradientError(
            f"gradient of input {number} at {place}: symbolic {analytic[place]}, numerical "
            f"{numeric[place]}, absolute error {error[place]} (limit {limits[0]}), relative error "
            f"{relative[place]} (limit {limits[1]}); {int(wrong.sum())} of {wrong.size} are wrong"
        )
