"""The cost of connectionist temporal classification against all paths, one by one."""

import itertools
import math

import numpy as np
import pytest
from scipy import special

import symnet as sn
import symnet.tensor as T
from symnet.gradient import grad, verify_grad
from symnet.interpreter import evaluate
from symnet.ops.ctc import Ctc

ctc = T.nnet.ctc.ctc
rng = np.random.default_rng(4)


def labelling(path):
    """Merge what repeats, then leave out the blanks."""
    return [s for s, _ in itertools.groupby(path) if s]


def by_all_paths(scores, labels):
    """Add up the probabilities of all paths that read as the labels."""
    logs = special.log_softmax(scores, axis=1)
    paths = itertools.product(range(scores.shape[1]), repeat=len(scores))
    found = [logs[range(len(scores)), p].sum() for p in paths if labelling(p) == list(labels)]
    return -special.logsumexp(found)


CASES = [
    ([1], 1),
    ([1], 4),
    ([1, 2], 3),
    ([1, 1], 4),
    ([2, 1, 2], 5),
    ([2, 2, 1], 5),
    ([], 3),
]


@pytest.mark.parametrize(("labels", "steps"), CASES)
def test_cost_is_that_of_all_paths(labels, steps):
    scores = 2 * rng.normal(size=(steps, 1, 3))
    padded = np.array([[-1, *labels, -1]])
    (found,) = evaluate([ctc(scores, padded, np.array([steps]))], {})
    np.testing.assert_allclose(found, [by_all_paths(scores[:, 0], labels)], rtol=1e-12)


LABELS = np.array([[1, 2, 2, -1], [3, -1, 1, 3], [2, -1, -1, -1]], "int32")
LENGTHS = np.array([6, 7, 4], "int32")


def test_gradients_to_second_order():
    def cost(x):
        return ctc(x, LABELS, LENGTHS)

    def slope(x):
        c = cost(x)
        return grad((c * c).sum(), x)

    scores = rng.normal(size=(7, 3, 4))
    verify_grad(cost, [scores], n_tests=2)
    verify_grad(slope, [scores], n_tests=2)
    x = T.dtensor3()
    second = grad(slope(x).sum(), x).sum()
    with pytest.raises(sn.gradient.NullTypeGradError, match="has no derivative"):
        grad(second, x)


def test_steps_behind_the_end_do_not_count():
    scores = rng.normal(size=(7, 3, 4))
    x = T.dtensor3("x")
    cost = ctc(x, LABELS, LENGTHS)
    outputs = [cost, grad(cost.sum(), x)]
    before, gradient = evaluate(outputs, {x: scores})
    assert not gradient[6, 0].any()
    assert not gradient[4:, 2].any()
    scores[6, 0] = scores[4:, 2] = 9
    after, _ = evaluate(outputs, {x: scores})
    np.testing.assert_array_equal(before, after)


def test_far_scores_stay_finite():
    scores = np.zeros((50, 1, 5), "float32")
    scores[:, :, 1] = 1e4
    x = T.ftensor3("x")
    cost = ctc(x, np.array([[2, 3]]), np.array([50]))
    found, slope = evaluate([cost, grad(cost.sum(), x)], {x: scores})
    assert np.isfinite(found).all()
    assert np.isfinite(slope).all()
    assert found.dtype == slope.dtype == np.float32
    paths = math.comb(50 + 2, 2 * 2)
    np.testing.assert_allclose(found, [50e4 - math.log(paths)], rtol=1e-7)


def test_too_short_a_sequence_costs_nothing():
    x = T.dtensor3("x")
    cost = ctc(x, np.array([[1, 1], [1, 2]]), np.array([2, 0]))
    found, slope = evaluate([cost, grad(cost.sum(), x)], {x: rng.normal(size=(2, 2, 3))})
    assert found.tolist() == [0, 0]
    assert not slope.any()
    assert T.nnet.ctc.ctc_available()


def test_as_torch_does():
    torch = pytest.importorskip("torch", reason="torch is an independent implementation")
    scores = rng.normal(size=(7, 3, 4))
    v = torch.tensor(scores, requires_grad=True)
    targets = torch.tensor([[1, 2, 2], [3, 1, 3], [2, 0, 0]])
    expected = torch.nn.functional.ctc_loss(
        v.log_softmax(2), targets, torch.tensor(LENGTHS), torch.tensor([3, 3, 1]), reduction="none"
    )
    x = T.dtensor3("x")
    cost = ctc(x, LABELS, LENGTHS)
    found, slope = evaluate([cost, grad(cost.sum(), x)], {x: scores})
    np.testing.assert_allclose(found, expected.detach().numpy())
    expected.sum().backward()
    np.testing.assert_allclose(slope, v.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_compiled():
    x, y, n = T.ftensor3("x"), T.imatrix("y"), T.ivector("n")
    cost = ctc(x, y, n)
    outputs = [cost, grad(cost.mean(), x)]
    f = sn.function([x, y, n], outputs)
    for batch in (3, 0):
        given = rng.normal(size=(7, batch, 4)).astype("f"), LABELS[:batch], LENGTHS[:batch]
        expected = evaluate(outputs, dict(zip([x, y, n], given, strict=True)))
        for a, b in zip(f(*given), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5)


def test_errors():
    with pytest.raises(TypeError, match="takes scores"):
        ctc(T.dmatrix(), T.imatrix(), T.ivector())
    with pytest.raises(TypeError, match="labels are integers"):
        ctc(T.dtensor3(), T.fmatrix(), T.ivector())
    x = T.dtensor3("x")
    scores = np.zeros((3, 1, 4))
    with pytest.raises(IndexError, match="label 4 of sequence 0, of 4 symbols"):
        evaluate([ctc(x, np.array([[4]]), np.array([3]))], {x: scores})
    with pytest.raises(ValueError, match="has 5 steps, the scores have 3"):
        evaluate([ctc(x, np.array([[1]]), np.array([5]))], {x: scores})
    with pytest.raises(ValueError, match="labels are of another batch"):
        evaluate([ctc(x, np.array([[1], [1]]), np.array([3]))], {x: scores})
    assert str(Ctc()) == "ctc"
