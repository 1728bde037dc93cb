"""Symbolic gradients held to finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symnet import dtypes
from symnet.gradient.derivatives import Lop
from symnet.graph import Variable, make_variable
from symnet.interpreter import Evaluation
from symnet.types import TensorType


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
    out_type: str | None = None,
    abs_tol: float | None = None,
    rel_tol: float | None = None,
    mode: Any = None,
    cast_to_output_type: bool = False,
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
        A NumPy generator, old or new.
    eps
        Step of the central differences; by default 1e-6 in float64, 4e-3 in float32.
    out_type
        Dtype of the result, where tolerances should follow it.
    abs_tol, rel_tol
        An element is wrong if its error is above both; by default 1e-4, for float32 1e-2.
    mode
        What compiles the two functions: a mode of `symnet.function`, or anything that makes a
        function of arrays from lists of inputs and outputs. By default they are interpreted.
    cast_to_output_type
        Whether points are first converted to the dtype of the result.

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
    if cast_to_output_type and out_type is not None:
        points = [p.astype(out_type) for p in points]
    single = "float32" in [out_type, *(p.dtype.name for p in points)]
    eps = eps or _step(single)
    default = 1e-2 if single else 1e-4
    limits = (default if abs_tol is None else abs_tol, default if rel_tol is None else rel_tol)
    rng = np.random.default_rng(0) if rng is None else rng
    compiler = _compiler(mode)

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


def _step(single: bool) -> float:
    """Return how far apart the points of a difference stand."""
    return 4e-3 if single else 1e-6


def _compiler(mode: Any) -> Compiler:
    if mode is None:
        return _interpreted
    if callable(mode):
        found: Compiler = mode
        return found
    from symnet.function import function

    return lambda inputs, outputs: function(inputs, outputs, mode=mode, on_unused_input="ignore")


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
    error, relative = numeric_grad.abs_rel_err(analytic, numeric)
    wrong = ~((error <= limits[0]) | (relative <= limits[1]))
    if analytic.shape != numeric.shape or wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.any() else ()
        raise GradientError(
            f"gradient of input {number} at {place}: symbolic {analytic[place]}, numerical "
            f"{numeric[place]}, absolute error {error[place]} (limit {limits[0]}), relative error "
            f"{relative[place]} (limit {limits[1]}); {int(wrong.sum())} of {wrong.size} are wrong"
        )


class numeric_grad:  # Theano's name
    """The gradient of a function of arrays by central differences.

    Parameters
    ----------
    f
        Takes the points and returns a number.
    pt
        Floating point arrays, or one.
    eps
        Step of the differences; by default 1e-6 in float64, 4e-3 in float32.
    out_type
        Dtype of the result, where the step should follow it.

    Attributes
    ----------
    gf
        The gradient: one array for each point, or one.

    Examples
    --------
    >>> numeric_grad(lambda x: (x**2).sum(), np.array([1.0, 2.0])).gf.round(6)
    array([2., 4.])
    """

    def __init__(
        self, f: Callable[..., Any], pt: Any, eps: float | None = None, out_type: str | None = None
    ) -> None:
        self._single = not isinstance(pt, (list, tuple))
        points = [np.array(p, dtype=None) for p in ([pt] if self._single else pt)]
        narrow = "float32" in [out_type, *(p.dtype.name for p in points)]
        found = _differences(lambda arrays: float(f(*arrays)), points, eps or _step(narrow))
        self.gf: Any = found[0] if self._single else found

    @staticmethod
    def abs_rel_err(a: Any, b: Any) -> tuple[Any, Any]:
        """Return absolute and relative differences of two arrays, element by element."""
        error = np.abs(a - b)
        return error, error / np.maximum(np.abs(a) + np.abs(b), 1e-8)

    def abs_rel_errors(self, g_pt: Any) -> list[tuple[Any, Any]]:
        """Return absolute and relative differences of the gradient from another one."""
        mine, others = ([self.gf], [g_pt]) if self._single else (self.gf, g_pt)
        for a, b in zip(mine, others, strict=True):
            if a.shape != np.shape(b):
                raise ValueError(f"gradients of shapes {a.shape} and {np.shape(b)}")
        return [self.abs_rel_err(np.asarray(b), a) for a, b in zip(mine, others, strict=True)]

    def max_err(self, g_pt: Any, abs_tol: float, rel_tol: float) -> tuple[int, int, float, float]:
        """Return where another gradient differs most, and how much.

        Returns
        -------
        tuple
            Number of the point, position in it in C order, absolute and relative difference. The
            place is where the smaller one of both, each divided by its tolerance, is greatest.
        """
        worst = (-1.0, 0, 0, 0.0, 0.0)
        for k, (absolute, relative) in enumerate(self.abs_rel_errors(g_pt)):
            if absolute.size:
                excess = np.minimum(absolute / abs_tol, relative / rel_tol).ravel()
                at = int(excess.argmax())
                here = float(excess[at]), k, at
                found = (*here, float(absolute.flat[at]), float(relative.flat[at]))
                worst = max(worst, found)
        return worst[1:]
