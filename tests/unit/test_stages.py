"""Where a graph is cut whose lengths follow from data, and what the parts pass on."""

import numpy as np

import symnet as sn
import symnet.tensor as T


def stages(inputs, outputs, **options):
    return sn.function(inputs, outputs, **options).stages


def test_one_stage_without_such_lengths():
    x, n = T.vector("x"), T.lscalar("n")
    (line,) = stages([x, n], [x[:n].sum(), T.arange(n + x.shape[0])])
    assert line == "program (x, n) -> (out0: float32[], out1: int64[?])"
    assert sn.function([x], x, mode="reference").stages == ["program (x) -> (out0: float32[?])"]


def test_an_operand_that_is_an_input_needs_no_program():
    x, c = T.vector("x"), T.vector("c", dtype="bool")
    assert stages([x, c], T.compress(c, x)) == [
        "host flatnonzero(c) -> passed0: int64[?]",
        "program (x, passed0) -> (out0: float32[?])",
    ]


def test_integers_that_decide_about_shapes_are_passed():
    x = T.vector("x")
    n = T.cast(x.sum(), "int64")
    assert stages([x], [T.arange(n), T.zeros((n + 1, n))]) == [
        "program (x) -> (passed0: int64[], passed1: int64[])",
        "program (passed0, passed1) -> (out0: int64[?], out1: float32[?, ?])",
    ]


def test_stages_that_follow_from_each_other():
    x = T.vector("x")
    kept = T.nonzero_values(x)
    n = T.cast(kept.max(), "int64")
    again = T.flatnonzero(T.arange(n) % 2)
    assert [line.split(" ->")[0] for line in stages([x], again.sum())] == [
        "host flatnonzero(x)",
        "program (x, passed0)",
        "program (passed1)",
        "host flatnonzero(passed2)",
        "program (passed3)",
    ]


def test_views_of_what_is_at_hand_are_not_passed():
    """Nor is anything that is larger than what it is made of."""
    x, w = T.matrix("x"), sn.shared(np.ones((3, 3), "float32"), name="w")
    h = T.tanh(T.dot(x, w))
    high = T.fill(x, h.sum())
    kept = T.compress((h.T.sum(axis=1) + high[0]) > 0, T.arange(3))
    lines = stages([x], [kept.sum() + high, x[1:].T])
    assert lines[0] == "program (x, w) -> (passed0: bool[?], passed2: float32[])"
    assert lines[-1].startswith("program (x, passed1, passed2) ->")


def test_small_integers_are_said_again():
    """Shapes may follow from them: they must not become data."""
    x, w = T.matrix("x"), sn.shared(np.ones((3, 3), "float32"), name="w")
    h = T.dot(x, w)
    rows = T.as_tensor_variable([h.shape[0], 2]) * 2
    kept = T.nonzero_values(h[: rows[0]])
    lines = stages([x], [kept, T.zeros((rows.sum(), kept.size))])
    assert lines[-1].endswith("-> (out0: float32[?], out1: float32[?, ?])")


def test_a_constant_needs_no_stage():
    assert len(stages([], T.nonzero_values(T.constant([1, 0, 2])))) == 1


def test_updates_stand_in_the_last_stage():
    w = sn.shared(np.ones(3, "float32"), name="w")
    lines = stages([], [], updates=[(w, w + T.flatnonzero(w).size.astype("float32"))])
    assert lines == [
        "host flatnonzero(w) -> passed0: int64[?]",
        "program (passed0, w) -> (w: float32[?])",
    ]
