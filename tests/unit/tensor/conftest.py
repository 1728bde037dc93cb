from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symnet.graph import Variable, leaves
from symnet.interpreter import evaluate
from symnet.shared import SharedVariable

Run = Callable[..., Any]


@pytest.fixture
def run() -> Run:
    """Compute an expression (or several) with NumPy, its inputs given by name."""

    def compute(output: Any, **values: Any) -> Any:
        outputs = [output] if isinstance(output, Variable) else list(output)
        given = {}
        for leaf in leaves(outputs):
            if isinstance(leaf, SharedVariable):
                given[leaf] = leaf.get_value()
            elif leaf.name in values:
                given[leaf] = np.asarray(values[leaf.name], leaf.dtype)
        found = evaluate(outputs, given)
        return found[0] if isinstance(output, Variable) else found

    return compute
