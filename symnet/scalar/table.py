"""The scalar table: every elementwise operation symnet knows, one row each.

The rows stand in modules by family, each beside the expansion it needs:

- `primitives`: what every backend has instructions for,
- `arithmetic`: division, remainders, shifts, rounding, signs, choice,
- `exponential`, `power`, `trigonometric`, `hyperbolic`: the elementary functions,
- `error_functions`, `gamma_functions`: the special ones.

An operation of your own needs no entry here: build a `ScalarOp` and call it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from symnet.scalar import (
    arithmetic,
    error_functions,
    exponential,
    gamma_functions,
    hyperbolic,
    power,
    primitives,
    trigonometric,
)
from symnet.scalar.arithmetic import *  # noqa: F403
from symnet.scalar.error_functions import *  # noqa: F403
from symnet.scalar.exponential import *  # noqa: F403
from symnet.scalar.expr import ScalarOp
from symnet.scalar.gamma_functions import *  # noqa: F403
from symnet.scalar.hyperbolic import *  # noqa: F403
from symnet.scalar.power import *  # noqa: F403
from symnet.scalar.primitives import *  # noqa: F403
from symnet.scalar.trigonometric import *  # noqa: F403

_FAMILIES = (
    primitives,
    arithmetic,
    exponential,
    power,
    trigonometric,
    hyperbolic,
    error_functions,
    gamma_functions,
)

TABLE: Mapping[str, ScalarOp] = MappingProxyType(
    {
        row.name: row
        for family in _FAMILIES
        for row in vars(family).values()
        if isinstance(row, ScalarOp)
    }
)
"""Every row by name."""
