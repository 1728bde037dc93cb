"""What old code pickles comes back."""

from __future__ import annotations

import io
import pickle
from types import ModuleType

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.compat.theano import pkl_utils


def _model() -> tuple[sn.SharedVariable, sn.SharedVariable, T.TensorVariable, T.TensorVariable]:
    x = T.matrix("x")
    W = sn.shared(np.arange(6, dtype="float32").reshape(3, 2), "W")
    b = sn.shared(np.ones(2, "float32"), "b")
    x.tag.test_value = np.zeros((2, 3), "float32")
    return W, b, x, T.tanh(T.dot(x, W) + b)


def _through(obj: object, **settings: object) -> tuple[object, io.BytesIO]:
    file = io.BytesIO()
    pkl_utils.dump(obj, file, **settings)
    return pkl_utils.load(file), file


def test_a_zipped_model_computes_the_same_and_keeps_what_is_shared() -> None:
    W, b, x, y = _model()
    found, file = _through({"params": [W, b], "x": x, "y": y, "again": W})
    assert set(np.load(file).files) == {"W", "b", "array_0", "pkl"}
    np.testing.assert_array_equal(np.load(file)["W"], W.get_value())
    data = np.ones((2, 3), "float32")
    before = found["y"].eval({found["x"]: data})
    np.testing.assert_array_equal(before, y.eval({x: data}))
    assert found["again"] is found["params"][0]
    found["again"].set_value(np.zeros((3, 2), "float32"))
    after = found["y"].eval({found["x"]: data})
    np.testing.assert_allclose(after, np.tanh(np.ones((2, 2))), rtol=1e-6)
    assert W.get_value().any()


def test_functions_and_equal_arrays() -> None:
    _, _, x, y = _model()
    array = np.arange(3)
    (f, first, second), _ = _through((sn.function([x], y), array, array))
    assert first is second
    assert f(np.ones((1, 3), "float32")).shape == (1, 2)


@pytest.mark.parametrize(
    ("names", "settings", "message"),
    [
        (["a", "a"], {"allow_duplicates": False}, "several shared variables are named 'a'"),
        ([None], {"allow_unnamed": False}, "has no name"),
        (["pkl"], {}, "cannot be dumped"),
    ],
)
def test_names_that_are_not_allowed(
    names: list[str | None], settings: dict[str, bool], message: str
) -> None:
    def persistent(zip_file: object) -> object:
        return pkl_utils.PersistentSharedVariableID(zip_file, **settings)

    with pytest.raises(ValueError, match=message):
        _through([sn.shared(1.0, n) for n in names], persistent_id=persistent)


def test_arrays_of_another_kind_are_refused() -> None:
    class Foreign(pkl_utils.PersistentNdarrayID):
        def __call__(self, obj: object) -> str | None:
            return "gpuarray.x" if isinstance(obj, int) else None

    file = io.BytesIO()
    pkl_utils.dump([1], file, persistent_id=Foreign)
    with pytest.raises(pickle.UnpicklingError, match="gpuarray"):
        pkl_utils.load(file)


def test_stripped_pickles_have_no_test_values() -> None:
    _, _, x, y = _model()
    y.tag.secret, y.tag.kept = 1, 2
    file = io.BytesIO()
    pkl_utils.StripPickler(file, extra_tag_to_remove=["secret"]).dump([x, y])
    file.seek(0)
    x2, y2 = pickle.load(file)
    assert vars(x2.tag) == {}
    assert vars(y2.tag) == {"kept": 2}
    assert y.tag.secret == 1


def test_a_call_of_function_dumps(theano: ModuleType, tmp_path: object) -> None:
    W, _, x, y = _model()
    path = f"{tmp_path}/call.pkl"
    theano.function_dump(path, [x], y, updates=[(W, 2 * W)], extra_tag_to_remove=["secret"])
    with open(path, "rb") as file:
        f = theano.function(**pickle.load(file))
    data = np.ones((1, 3), "float32")
    np.testing.assert_array_equal(f(data), y.eval({x: data}))
