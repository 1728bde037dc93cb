"""Random graphs for many rows at once, and forward against reverse derivatives of random graphs."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import symnet as sn
from symnet.graph import make_variable
from symnet.interpreter import evaluate
from symnet.types import TensorType
from tests.property.graphs import Drawn, graphs

QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@QUICK
@given(drawn=graphs(), everything=st.booleans(), count=st.sampled_from([0, 1, 3]))
def test_rows(drawn: Drawn, everything: bool, count: int) -> None:
    floats = [k for k, v in enumerate(drawn.inputs) if v.dtype == "float64"]
    chosen = floats if everything else floats[:1]
    rows = {}
    values = list(drawn.values)
    for k in chosen:
        v = drawn.inputs[k]
        rows[v] = make_variable(TensorType(v.dtype, (None, *v.type.shape)))
        values[k] = np.stack([drawn.values[k] * 0.9**r for r in range(3)])[:count]
    inputs = [rows.get(v, v) for v in drawn.inputs]
    made = sn.vectorize(drawn.outputs, rows)
    found = sn.function(inputs, made, on_unused_input="ignore")(*values)
    for r in range(count):
        one = [a[r] if k in chosen else a for k, a in enumerate(values)]
        at = dict(zip(drawn.inputs, one, strict=True)) | {s: s.get_value() for s in drawn.shared}
        for got, want in zip(found, evaluate(drawn.outputs, at), strict=True):
            np.testing.assert_allclose(got[r], want, rtol=1e-9, atol=1e-9)
    assert all(len(got) == count for got in found)


@QUICK
@given(drawn=graphs())
def test_forward_and_reverse_agree(drawn: Drawn) -> None:
    floats = [v for v in drawn.inputs if v.dtype == "float64"]
    outputs = [v for v in drawn.outputs if v.dtype == "float64"]
    tangents, cotangents = ([make_variable(v.type) for v in vs] for vs in (floats, outputs))
    forward = sn.Rop(outputs, floats, tangents, disconnected_outputs="ignore")
    reverse = sn.Lop(outputs, floats, cotangents, disconnected_inputs="ignore")
    given = dict(zip(drawn.inputs, drawn.values, strict=True))
    given |= {s: s.get_value() for s in drawn.shared}
    rng = np.random.default_rng(1)
    values = evaluate(outputs, given)
    given |= {t: rng.standard_normal(given[v].shape) for v, t in zip(floats, tangents, strict=True)}
    given |= {g: rng.standard_normal(a.shape) for g, a in zip(cotangents, values, strict=True)}
    found = evaluate([*forward, *reverse], given)
    pushed, pulled = found[: len(outputs)], found[len(outputs) :]
    left = sum((given[g] * a).sum() for g, a in zip(cotangents, pushed, strict=True))
    right = sum((given[t] * a).sum() for t, a in zip(tangents, pulled, strict=True))
    np.testing.assert_allclose(left, right, rtol=1e-7, atol=1e-7)
