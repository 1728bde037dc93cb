"""Special functions computed by SciPy; those with native code are rows of the scalar table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from symnet import dtypes
from symnet.ops.special import FUNCTIONS, Special
from symnet.scalar import table
from symnet.tensor.convert import TensorLike, as_tensor_variable, converted, is_weak

if TYPE_CHECKING:
    from symnet.tensor.variable import TensorVariable


def _apply(name: str, *operands: TensorLike) -> TensorVariable:
    """Apply a function to tensors that broadcast, integers as ``config.floatX``."""
    strong = [as_tensor_variable(x).dtype for x in operands if not is_weak(x)]
    dtype = dtypes.promote(*strong) if strong else dtypes.canonical("floatX")
    dtype = dtype if dtypes.is_float(dtype) else dtypes.canonical("floatX")
    given: list[Any] = [converted(x, dtype) for x in operands]
    if len(given) == 2:
        x, y = given
        given = [table.second(y, x), table.second(x, y)]
    found: TensorVariable = Special(name)(*given)
    return found


def _function(name: str) -> Callable[..., TensorVariable]:
    row = FUNCTIONS[name]
    arity = len(row.partials)

    def function(*operands: TensorLike) -> TensorVariable:
        if len(operands) != arity:
            raise TypeError(f"{name} takes {arity} operands, got {len(operands)}")
        return _apply(name, *operands)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = row.doc
    if None in row.partials:
        function.__doc__ += " It is differentiable by `x` only: other gradients are NaN."
    return function


def special_functions() -> dict[str, Callable[..., TensorVariable]]:
    """Return the functions of all rows of `symnet.ops.special`."""
    return {name: _function(name) for name in FUNCTIONS}


def gammal(k: TensorLike, x: TensorLike) -> TensorVariable:
    """Return the lower incomplete gamma function, not divided by ``gamma(k)``."""
    found: TensorVariable = _apply("gammainc", k, x) * table.gamma(as_tensor_variable(k))
    return found


def gammau(k: TensorLike, x: TensorLike) -> TensorVariable:
    """Return the upper incomplete gamma function, not divided by ``gamma(k)``."""
    found: TensorVariable = _apply("gammaincc", k, x) * table.gamma(as_tensor_variable(k))
    return found


def chi2sf(x: TensorLike, k: TensorLike) -> TensorVariable:
    """Return the probability that a chi-squared variable of `k` degrees of freedom exceeds `x`."""
    x, k = as_tensor_variable(x), as_tensor_variable(k)
    return _apply("gammaincc", k / 2, x / 2)
