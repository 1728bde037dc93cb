"""The ablation measures what it says, and all variants of a step compute the same."""

import numpy as np
import pytest

from benchmarks import ablation


@pytest.fixture(scope="module")
def results():
    names = ["logistic regression, batch 600", "hybrid Monte Carlo, 5 moves"]
    return {n: ablation.measure(ablation.TUTORIALS[n], rounds=1, burst=0.0) for n in names}


def test_parts_are_worth_something(results):
    for row in results.values():
        assert list(row) == list(ablation.VARIANTS)
        everything, nothing = row["everything"], row["nothing"]
        assert everything.kernels < nothing.kernels
        assert everything.moved < nothing.moved
        assert everything.memory < nothing.memory
        assert everything.best > 0
        np.testing.assert_allclose(everything.first, nothing.first, rtol=1e-3)


def test_tables(results):
    text = ablation.as_markdown(results, "Said.")
    assert "| logistic regression, batch 600 | " in text
    assert text.count("| hybrid Monte Carlo, 5 moves |") == len(ablation.TABLES)
    page = ablation.as_page(results, "Said.")
    assert "   * - hybrid Monte Carlo, 5 moves\n     - " in page
    assert page.count(".. list-table::") == len(ablation.TABLES)


def test_a_variant_that_computes_something_else_is_told():
    def build(mode):
        step = ablation.logistic_regression(mode)
        return step._replace(function=Fake(step.function, 1.0 if mode.fuse else 2.0))

    with pytest.raises(AssertionError, match=r"no fusion computes 2\.0, not 1\.0"):
        ablation.measure(build, rounds=1, burst=0.0)


class Fake:
    """A function with an answer of its own."""

    def __init__(self, function, answer):
        self._function, self._answer = function, answer

    def __call__(self, index):
        self._function(index)
        return self._answer

    @property
    def versions(self):
        return self._function.versions
