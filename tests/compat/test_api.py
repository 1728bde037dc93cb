"""Every name that real code uses works; `api.json` lists them, `examples.txt` uses each.

The names were counted in the deeplearning.net tutorials, the Lasagne library and Theano's own
documentation.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.signal import convolve2d

HERE = Path(__file__).parent
API: dict[str, list[str]] = json.loads((HERE / "api.json").read_text())
EXAMPLES = dict(
    line.split(" : ", 1)
    for line in (HERE / "examples.txt").read_text().splitlines()
    if line and not line.startswith("#")
)
OTHER_WAYS = re.compile(r"theano\.(gpuarray\.fft|d3viz)|T\.zmatrix")
"""Not promised: Theano's GPU code, the graph viewer, and complex numbers."""
GIVEN_BY_THE_NAME = re.compile(
    r"T\.nnet\.(abstract_conv\.AbstractConv\dd_grad\w+|separable_conv2d)\("
)
"""Keywords that the example of the name itself gives."""


def _names() -> Iterator[str]:
    yield from API["symbols"]
    yield from API["attributes"]
    yield from ("." + name for name in API["methods"])
    yield from (k for k in API["keywords"] if not GIVEN_BY_THE_NAME.match(k))
    yield from API["indices"]


NAMES = sorted({n for n in _names() if not OTHER_WAYS.match(n)})


@pytest.mark.parametrize("name", NAMES)
def test_it_works(name: str, world: dict[str, Any]) -> None:
    assert eval(EXAMPLES[name], world)


def test_no_example_is_for_nothing() -> None:
    assert set(NAMES) == set(EXAMPLES)


@pytest.fixture
def world(theano: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the examples may say."""
    T = theano.tensor
    rng = np.random.default_rng(0)
    x, y = T.dscalars("x", "y")
    v, m, t, i = T.dvector("v"), T.dmatrix("m"), T.dtensor3("t"), T.lvector("i")
    images, filters = T.dtensor4("images"), T.dtensor4("filters")
    convolution = T.dtensor4("convolution")
    five, six = (
        T.TensorType("float64", (False,) * n)(name) for n, name in ((5, "five"), (6, "six"))
    )
    values: dict[str, Any] = {
        "X": np.float64(3.0),
        "Y": np.float64(0.5),
        "V": np.array([0.5, 1.25, 2.75]),
        "M": rng.random((2, 3)) * 2,
        "TT": rng.random((2, 3, 4)),
        "I": np.array([2, 1]),
        "IMAGES": rng.random((2, 2, 5, 5)),
        "FILTERS": rng.random((3, 2, 3, 3)),
        "FIVE": rng.random((2, 2, 3, 3, 3)),
        "SIX": rng.random((2, 2, 2, 2, 3, 2)),
        "CONVOLUTION": rng.random((2, 3, 3, 3)),
    }
    inputs = (x, y, v, m, t, i, images, filters, five, six, convolution)
    given = dict(zip(inputs, values.values(), strict=True))

    def value(expression: Any) -> Any:
        used = [a for a in theano.gof.graph.inputs([expression]) if a in given]
        return theano.function(used, expression)(*(given[a] for a in used))

    def close(found: Any, expected: Any) -> bool:
        if isinstance(expected, theano.Variable):
            expected = value(expected)
        got = value(T.as_tensor_variable(found))
        np.testing.assert_allclose(got, expected, rtol=1e-6)
        assert got.shape == np.shape(expected)
        return True

    def monitored(kind: Any) -> bool:
        seen: list[tuple[str, int, str, float]] = []

        def before(k: int, node: Any, fn: Any) -> None:
            seen.append(("before", k, str(node.op), float(fn.inputs[0][0])))

        def after(k: int, node: Any, fn: Any) -> None:
            seen.append(("after", k, str(node.op), float(fn.outputs[0][0])))

        f = theano.function([x], T.exp(x), mode=kind(pre_func=before, post_func=after))
        f(0.0)
        return seen == [("before", 0, "exp", 0.0), ("after", 0, "exp", 1.0)]

    def guarded(mode: Any) -> bool:
        f = theano.function([x], T.log(x), mode=mode)
        assert f(1.0) == 0
        with pytest.raises(AssertionError, match="log"):
            f(-1.0)
        return True

    def with_test_values() -> bool:
        with theano.config.change_flags(compute_test_value="raise"):
            a = T.dvector("a")
            a.tag.test_value = np.array([1.0, 2.0])
            assert (a + 1).tag.test_value.tolist() == [2, 3]
            with pytest.raises(ValueError, match=r"shape|length"):
                a + T.constant(np.ones(3))
        return True

    def printed(expression: Any) -> Any:
        found = value(expression)
        assert "seen" in capsys.readouterr().out
        return found

    def drawn(expression: Any, **settings: Any) -> str:
        path = tmp_path / "graph.dot"
        theano.printing.pydotprint(expression, outfile=str(path), format="dot", **settings)
        return path.read_text()

    def profiled(stats: Any) -> bool:
        f = theano.function([x], T.exp(x), profile=stats)
        f(1.0)
        stats.summary(n_ops_to_print=3)
        return "exp" in capsys.readouterr().err

    def dumped(arguments: Any, outputs: Any) -> bool:
        theano.function_dump(tmp_path / "call.pkl", arguments, outputs)
        with (tmp_path / "call.pkl").open("rb") as file:
            return bool(theano.function(**pickle.load(file))(1) == 2)

    def says_what_instead(use: Callable[[], Any]) -> bool:
        with pytest.raises(NotImplementedError, match="use "):
            use()
        return True

    def convolved(image: Any, kernel: Any) -> Any:
        return np.array([[sum(map(_valid, one, k)) for k in kernel] for one in image])

    def pooled(image: Any) -> Any:
        return image[:, :, :4, :4].reshape(2, 2, 2, 2, 2, 2).max((3, 5))

    return {
        **values,
        **{a.name: a for a in inputs},
        "w": theano.shared(np.ones(3), "w"),
        "square": x**2,
        **{
            f.__name__: f
            for f in (
                close, convolved, drawn, dumped, guarded, monitored, pooled, printed, profiled,
                says_what_instead, with_test_values,
            )
        },
        "np": np,
        "theano": theano,
        "T": T,
    }  # fmt: skip


def _valid(image: Any, kernel: Any) -> Any:
    return convolve2d(image, kernel, mode="valid")
