"""`ifelse`: one branch is computed, in values and derivatives, wherever it stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.custom import as_op
from symnet.gradient import disconnected_grad
from symnet.graph import ancestors
from symnet.ifelse import ifelse
from symnet.kernel import Contraction
from symnet.ops import Elemwise, IfElse
from symnet.program import Branch, Launch
from symnet.scanning import map as scan_map
from symnet.scanning import scan

MODES = ["reference", "default"]


class Witness:
    """An operation that notes when it runs, and one that cannot run."""

    def __init__(self, shaped: bool = True) -> None:
        self.calls = 0
        shapes = (lambda _, shapes: shapes) if shaped else None

        @as_op([T.dvector], [T.dvector], infer_shape=shapes)
        def noted(x: np.ndarray) -> np.ndarray:
            self.calls += 1
            return x * 2

        @as_op([T.dvector], [T.dvector], infer_shape=shapes)
        def failing(x: np.ndarray) -> np.ndarray:
            raise RuntimeError("nobody should have asked")

        self.noted, self.failing = noted, failing


def choices(program: Any) -> int:
    return sum(isinstance(s, Branch) for s in program.steps)


def works(program: Any) -> list[Contraction]:
    return [work for work in program.works if isinstance(work, Contraction)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shaped", [True, False])
def test_the_branch_not_taken_is_not_computed(mode: str, shaped: bool) -> None:
    c, x = T.dscalar("c"), T.dvector("x")
    witness = Witness(shaped)
    y = ifelse(T.gt(c, 0), T.exp(witness.noted(x)), witness.failing(x + 1) * 3)
    f = sn.function([c, x], y, mode=mode)
    np.testing.assert_allclose(f(1.0, [0.0, 1.0]), np.exp([0.0, 2.0]))
    assert witness.calls == 1
    with pytest.raises(RuntimeError, match="nobody should have asked"):
        f(-1.0, [0.0, 1.0])
    assert witness.calls == 1


@pytest.mark.parametrize("mode", MODES)
def test_what_both_branches_need_is_computed_once_for_all(mode: str) -> None:
    c, x = T.dscalar("c"), T.dvector("x")
    witness = Witness()
    h = witness.noted(x)
    f = sn.function([c, x], [ifelse(c, h + 1, T.sqr(h)), h], mode=mode)
    found, _ = f(0.0, [3.0])
    assert (found, witness.calls) == ([36.0], 1)


def test_a_branch_is_native_and_its_gradient_reads_what_it_computed() -> None:
    c, x, w = T.dscalar("c"), T.dmatrix("x"), T.dmatrix("w")
    y = ifelse(c > 0, T.tanh(T.dot(x, w)), T.dot(T.exp(x), w))
    f = sn.function([c, x, w], [y, *sn.grad(T.sqr(y).sum(), [x, w])])
    f(1.0, np.ones((3, 4)), np.ones((4, 4)))
    (program,) = f.programs
    assert choices(program) == 2
    # There and back again: for each branch one product, and two for the gradients, not one more.
    products = [s for s in program.steps if isinstance(s, Launch) and s.work in works(program)]
    assert len(products) == 6


@pytest.mark.parametrize("mode", MODES)
def test_gradients_know_one_branch(mode: str) -> None:
    c, x, y = T.dscalar("c"), T.dvector("x"), T.dvector("y")
    cost = T.sqr(ifelse(c > 0, T.log(x), T.sqrt(y))).sum()
    slopes = sn.grad(cost, [x, y])
    curved = sn.grad(slopes[0].sum() + slopes[1].sum(), [x, y])
    f = sn.function([c, x, y], [*slopes, *curved], mode=mode)
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    # Of the other branch a derivative is infinite or none at all; what it says is zero.
    bad = np.array([0.0, -1.0])
    with np.errstate(all="ignore"):
        dx, dy, ddx, ddy = f(1.0, a, bad)
        np.testing.assert_allclose(dx, 2 * np.log(a) / a)
        np.testing.assert_allclose(ddx, 2 * (1 - np.log(a)) / a**2)
        np.testing.assert_array_equal([dy, ddy], np.zeros((2, 2)))
        dx, dy, ddx, ddy = f(-1.0, bad, b)
    np.testing.assert_allclose(dy, np.ones(2))
    np.testing.assert_array_equal([dx, ddx, ddy], np.zeros((3, 2)))


@pytest.mark.parametrize("mode", MODES)
def test_the_derivative_within_a_branch(mode: str) -> None:
    c, x = T.dscalar("c"), T.dscalar("x")
    h = T.exp(x)
    slope = sn.grad(ifelse(c, h * h, x), h)
    f = sn.function([c, x], slope, mode=mode)
    assert f(1.0, 0.0) == 2.0
    assert f(0.0, 0.0) == 0.0


@pytest.mark.parametrize("mode", MODES)
def test_forward_mode(mode: str) -> None:
    c, x, v = T.dscalar("c"), T.dvector("x"), T.dvector("v")
    y = ifelse(c > 0, T.exp(x), x[::-1] * 3)
    f = sn.function([c, x, v], sn.Rop(y, x, v), mode=mode)
    a, b = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    np.testing.assert_allclose(f(1.0, a, b), np.exp(a) * b)
    np.testing.assert_allclose(f(-1.0, a, b), b[::-1] * 3)


@pytest.mark.parametrize("mode", MODES)
def test_lengths_may_differ(mode: str) -> None:
    c, n, x = T.dscalar("c"), T.lscalar("n"), T.dvector("x")
    by_data = ifelse(c > 0, x[:2] * 3, T.exp(x))
    by_number = ifelse(T.eq(n, 0), x, T.concatenate([x, x]))
    slope = sn.grad(T.sqr(by_data).sum() + by_number.sum(), x)
    f = sn.function([c, n, x], [by_data, by_number, slope], mode=mode)
    for size in (4, 3, 5):
        a = np.arange(1.0, size + 1)
        for there in (1.0, -1.0):
            found, doubled, slopes = f(there, 1, a)
            twice = np.concatenate([a, a])
            head = np.arange(size) < 2
            np.testing.assert_allclose(found, a[:2] * 3 if there > 0 else np.exp(a))
            np.testing.assert_array_equal(doubled, twice)
            wanted = 18 * a * head if there > 0 else 2 * np.exp(2 * a)
            np.testing.assert_allclose(slopes, wanted + 2)
        np.testing.assert_array_equal(f(1.0, 0, a)[1], a)


def test_lengths_that_must_agree_must_in_the_branch_taken_alone() -> None:
    n, x, y = T.lscalar("n"), T.dvector("x"), T.dvector("y")
    f = sn.function([n, x, y], ifelse(n > 0, (x + y).sum(), x.sum()))
    assert f(0, [1.0, 2.0], [1.0, 2.0, 3.0]) == 3.0
    with pytest.raises(ValueError, match="lengths of dimension 0 differ"):
        f(1, [1.0, 2.0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("mode", MODES)
def test_conditional_updates(mode: str) -> None:
    c, w, count = T.dscalar("c"), sn.shared(np.ones(3)), sn.shared(np.int64(0))
    step = w - 0.5 * sn.grad(T.sqr(w).sum(), w)
    updates = [(w, ifelse(c > 0, step, w)), (count, ifelse(c > 0, count + 1, count))]
    f = sn.function([c], w.sum(), updates=updates, mode=mode)
    assert f(-1.0) == 3.0
    assert f(1.0) == 3.0
    assert f(-1.0) == 0.0
    assert count.get_value() == 1


@pytest.mark.parametrize("mode", MODES)
def test_in_the_steps_of_a_loop(mode: str) -> None:
    rows = T.dmatrix("rows")
    witness = Witness()

    def step(row: Any, total: Any) -> Any:
        return ifelse(row.sum() > 0, total + row, total + witness.noted(row))

    sums, _ = scan(step, rows, T.zeros_like(rows[0]))
    f = sn.function([rows], sums[-1], mode=mode)
    np.testing.assert_array_equal(f([[1.0, 2.0], [-1.0, 0.0], [3.0, 4.0]]), [2.0, 6.0])
    assert witness.calls == 1


@pytest.mark.parametrize("mode", MODES)
def test_in_a_loop_without_states_each_step_computes_one_branch(mode: str) -> None:
    rows = T.dmatrix("rows")
    witness = Witness()
    found, _ = scan_map(lambda row: ifelse(row[0] > 0, witness.noted(row), row), rows)
    f = sn.function([rows], found, mode=mode)
    np.testing.assert_array_equal(f([[1.0, 2.0], [-1.0, 1.0]]), [[2.0, 4.0], [-1.0, 1.0]])
    assert witness.calls == 1


@pytest.mark.parametrize("mode", MODES)
def test_what_a_branch_alone_needs_does_not_leave_the_loop(mode: str) -> None:
    rows, w = T.dmatrix("rows"), T.dvector("w")
    factor = disconnected_grad(Witness().failing(w))
    sums, _ = scan(
        lambda row, total: ifelse(row[0] > 0, total * factor, total + row),
        rows,
        T.zeros_like(rows[0]),
    )
    slope = sn.grad(sums.sum(), rows)
    f = sn.function([rows, w], [sums[-1], slope], mode=mode, on_unused_input="ignore")
    last, slopes = f([[-1.0, 2.0], [-1.0, 3.0]], [1.0, 1.0])
    np.testing.assert_array_equal(last, [-2.0, 5.0])
    np.testing.assert_array_equal(slopes, [[2.0, 2.0], [1.0, 1.0]])


@pytest.mark.parametrize("mode", MODES)
def test_rows_choose_for_themselves(mode: str) -> None:
    c, x = T.dvector("c"), T.dmatrix("x")
    found = sn.vmap(lambda one, row: ifelse(one > 0, T.exp(row), row.sum() * row))(c, x)
    shared = sn.vmap(lambda row: ifelse(c[0] > 0, row, T.zeros((2,), "float64")))(x)
    f = sn.function([c, x], [found, shared], mode=mode)
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    rows, same = f([1.0, -1.0], a)
    np.testing.assert_allclose(rows, [np.exp(a[0]), 7 * a[1]])
    np.testing.assert_array_equal(same, a)


def test_several_results_share_their_branches() -> None:
    c, x = T.dscalar("c"), T.dmatrix("x")
    h = T.tanh(T.dot(x, x))
    found = ifelse(c > 0, [h, T.dot(h, x)], [x, T.zeros_like(x)], name="chosen")
    assert [v.name for v in found] == ["chosen", "chosen"]
    f = sn.function([c, x], found)
    f(1.0, np.ones((3, 3)))
    assert choices(f.programs[0]) == 1
    assert isinstance(ifelse(c > 0, (x,), (x,)), tuple)


def test_rewriting_knows_when_a_branch_is_of_no_use() -> None:
    c, x = T.dscalar("c"), T.dvector("x")

    def kinds(y: Any) -> set[type]:
        f = sn.function([c, x], y, on_unused_input="ignore")
        graph = f._compiled.frozen.outputs
        return {type(n.op) for n in ancestors(graph)}

    assert IfElse not in kinds(ifelse(True, T.exp(x), x))
    assert IfElse not in kinds(ifelse(c > 0, x * 2, x))  # chosen element by element
    assert IfElse in kinds(ifelse(c > 0, T.exp(x), x))
    assert Elemwise in kinds(ifelse(c > 0, x * 2, x))


def test_errors_say_what_to_do() -> None:
    c, x, y = T.dvector("c"), T.dvector("x"), T.fvector("y")
    with pytest.raises(TypeError, match=r"must have no dimensions; T\.switch"):
        ifelse(c, x, x)
    with pytest.raises(TypeError, match=r"float64\[\?\] and float32\[\?\]; T\.cast"):
        ifelse(c[0], x, y)
    with pytest.raises(TypeError, match="must be of one type"):
        ifelse(c[0], x, x.sum())
    with pytest.raises(ValueError, match="1 expressions in one branch, 2 in the other"):
        ifelse(c[0], [x], [x, x])
    # A Python number is what the other branch is.
    assert ifelse(c[0], y[0], 1).dtype == "float32"
    assert ifelse(c[0], 1, y[0]).dtype == "float32"
