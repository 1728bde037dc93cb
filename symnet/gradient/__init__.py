"""Symbolic derivatives.

In goes a graph; out come graphs of its derivatives, made by reverse accumulation
(`symnet.reverse`): `grad` and `Lop`; forward mode, `Rop`, is the vjp of the vjp; `jacobian` and
`hessian` are the vjp for every row at once. `verify_grad` compares them with finite differences.
"""

from typing import Any

from symnet.gradient.derivatives import (
    DisconnectedInputError,
    Lop,
    Rop,
    format_as,
    grad,
    subgraph_grad,
)
from symnet.gradient.matrices import hessian, hessian_vector_product, jacobian
from symnet.gradient.numeric import GradientError, numeric_grad, verify_grad
from symnet.gradient.passing import (
    consider_constant,
    disconnected_grad,
    grad_clip,
    grad_not_implemented,
    grad_scale,
    grad_undefined,
    zero_grad,
)
from symnet.names import missing
from symnet.reverse import DisconnectedType, NullType, NullTypeGradError

__all__ = [
    "DisconnectedInputError",
    "DisconnectedType",
    "GradientError",
    "Lop",
    "NullType",
    "NullTypeGradError",
    "Rop",
    "consider_constant",
    "disconnected_grad",
    "format_as",
    "grad",
    "grad_clip",
    "grad_not_implemented",
    "grad_scale",
    "grad_undefined",
    "hessian",
    "hessian_vector_product",
    "jacobian",
    "numeric_grad",
    "subgraph_grad",
    "verify_grad",
    "zero_grad",
]


def __getattr__(name: str) -> Any:
    raise missing(__name__, name, __all__)
