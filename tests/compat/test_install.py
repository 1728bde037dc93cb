"""`import theano` gives symnet, and says so where it does not."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import symnet as sn
from symnet.compat.theano import install
from symnet.compat.theano.modules import absent
from symnet.compat.theano.names import MODULES


def test_old_imports(theano: ModuleType) -> None:
    import theano as imported
    import theano.tensor as T
    from theano import config, function, shared  # noqa: F401
    from theano.sandbox.rng_mrg import MRG_RandomStreams  # noqa: F401
    from theano.tensor.nnet.nnet import softmax
    from theano.tensor.shared_randomstreams import RandomStreams  # noqa: F401

    assert imported is theano
    assert T is theano.tensor
    assert softmax is T.nnet.softmax
    assert theano.__version__ == "1.0.5"
    x = T.dmatrix("x")
    assert theano.function([x], T.nnet.softmax(x))(np.zeros((1, 2))).tolist() == [[0.5, 0.5]]


def test_a_function_hides_the_module_of_its_name(theano: ModuleType) -> None:
    from theano.compile.function import function
    from theano.tensor.sort import sort

    assert theano.tensor.sort is sort
    assert theano.compile.function is theano.function is function


def test_star_imports_bring_functions_and_submodules(theano: ModuleType) -> None:
    names: dict[str, object] = {}
    exec("from theano import *\nfrom theano.tensor import *", names)
    assert {"function", "shared", "tensor", "dmatrix", "nnet", "grad"} <= set(names)


def test_installing_again_is_the_same(theano: ModuleType) -> None:
    assert install() is theano


def test_every_line_of_the_table_is_used(theano: ModuleType) -> None:
    for name in MODULES:
        assert name in sys.modules
        parent = name.rpartition(".")[0]
        assert not parent or parent in MODULES, f"{name} has no parent"


def test_unknown_names_say_what_is_near(theano: ModuleType) -> None:
    with pytest.raises(AttributeError, match="did you mean 'softmax'"):
        _ = theano.tensor.nnet.sofmax
    with pytest.raises(AttributeError, match=r"symnet.rewriting"):
        _ = theano.gof.opt
    with pytest.raises(ModuleNotFoundError, match=r"theano.tensor.nnett: .*did you mean 'nnet'"):
        exec("import theano.tensor.nnett")
    with pytest.raises(ModuleNotFoundError, match=r"symnet\.config\.device"):
        exec("import theano.gpuarray.fft")
    with pytest.raises(ModuleNotFoundError, match="pydotprint draws graphs"):
        exec("import theano.d3viz")
    assert absent("theano.nothing.at.all") is None


def test_lazy_conditions(theano: ModuleType) -> None:
    from theano import tensor
    from theano.ifelse import ifelse

    a, b = tensor.scalars("a", "b")
    x, y = tensor.matrices("x", "y")
    f = theano.function([a, b, x, y], ifelse(tensor.lt(a, b), tensor.mean(x), tensor.mean(y)))
    assert f(1, 2, [[3.0]], [[4.0]]) == 3.0
    assert f(2, 1, [[3.0]], [[4.0]]) == 4.0


def test_loops_and_random_numbers(theano: ModuleType) -> None:
    from theano import tensor
    from theano.sandbox.rng_mrg import MRG_RandomStreams

    draws = MRG_RandomStreams(seed=1).uniform((4, 2))
    sums, updates = theano.scan(
        lambda row, total: total + row, sequences=draws, outputs_info=tensor.zeros((2,))
    )
    found = theano.function([], [draws, sums], updates=updates)
    rows, totals = found()
    np.testing.assert_allclose(totals, rows.cumsum(axis=0), rtol=1e-6)
    assert (found()[0] != rows).all()


def test_no_gpu_of_theanos(theano: ModuleType) -> None:
    assert not theano.sandbox.cuda.cuda_available
    assert not theano.gpuarray.dnn.dnn_present()


def test_theano_itself_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ModuleType("theano")
    real.__file__ = "somewhere/theano/__init__.py"
    monkeypatch.setitem(sys.modules, "theano", real)
    with pytest.raises(RuntimeError, match="Theano itself is imported already"):
        install()


# ------------------------------------------------------------------------------- settings


def test_settings_are_symnets(theano: ModuleType) -> None:
    assert theano.config.floatX == "float64"
    assert theano.tensor.matrix().dtype == "float64"
    theano.config.floatX = "float32"
    assert sn.config.floatX == "float32"


def test_old_settings_are_taken_quietly(theano: ModuleType) -> None:
    config = theano.config
    config.warn.subtensor_merge_bug = False
    config.exception_verbosity = "high"
    config.blas.ldflags = "-lblas"
    assert config.blas.ldflags == "-lblas"
    assert config.cast_policy == "custom"
    assert "blas.ldflags = '-lblas'" in repr(config)
    with pytest.raises(AttributeError, match="did you mean 'floatX'"):
        config.flotX = "float32"
    with pytest.raises(AttributeError, match="did you mean 'optimizer'"):
        _ = config.optimiser


def test_change_flags(theano: ModuleType) -> None:
    with theano.configparser.change_flags(floatX="float32"):
        assert theano.tensor.vector().dtype == "float32"
    assert theano.config.floatX == "float64"

    @theano.config.change_flags(floatX="float32", **{"warn.round": True})
    def inside() -> tuple[str, bool]:
        return theano.config.floatX, theano.config.warn.round

    assert inside() == inside() == ("float32", True)
    assert theano.config.warn.round is False


def _run(folder: Path, script: str, *arguments: str, **environment: str) -> list[str]:
    """Lines that a script prints when it is run with `python -m symnet.compat.theano`."""
    path = folder / "old_script.py"
    path.write_text(textwrap.dedent(script))
    made = subprocess.run(
        [sys.executable, "-m", "symnet.compat.theano", str(path), *arguments],
        env={**os.environ, "THEANORC": "", "THEANO_FLAGS": "", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.splitlines()


def test_a_script_runs_as_if_python_ran_it(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("import theano.tensor as T\nx = T.scalar('x')\n")
    lines = _run(
        tmp_path,
        """
        import sys
        import theano
        from beside import x

        class Model:
            pass

        if __name__ == "__main__":
            import pickle
            pickle.loads(pickle.dumps(Model()))
            print(sys.argv[1:], theano.config.floatX, theano.function([x], x + 1)(1))
        """,
        "-v",
        "one",
        THEANO_FLAGS="mode=FAST_RUN, floatX=float32,blas.ldflags=-lopenblas -lm",
    )
    assert lines == ["['-v', 'one'] float32 2.0"]


def test_settings_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "rc").write_text("[global]\nfloatX = float32\n[warn]\nround = True\n")
    lines = _run(
        tmp_path,
        "import theano; print(theano.config.floatX, theano.config.warn.round)",
        THEANORC=str(tmp_path / "rc"),
    )
    assert lines == ["float32 True"]


def test_unusable_devices_and_unknown_settings_warn(
    theano: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from symnet import backend
    from symnet.compat.theano import flags

    def nothing(name: str) -> backend.Backend:
        raise backend.BackendError("no such thing here")

    monkeypatch.setattr(backend, "get", nothing)
    with pytest.warns(UserWarning, match="device=gpu0 cannot be used, so the CPU is: no such"):
        theano.config.device = "gpu0"
    assert sn.config.device == "cpu"
    monkeypatch.setenv("THEANO_FLAGS", "floatX=float32,nonsense=3")
    with pytest.warns(UserWarning, match="nonsense"):
        flags.read_environment()
    assert sn.config.floatX == "float32"


def test_what_bridged_two_pythons(theano: ModuleType) -> None:
    from theano.compat import OrderedDict, izip
    from theano.compat.six import iteritems
    from theano.compat.six.moves import cPickle, xrange

    assert list(izip(xrange(2), iteritems(OrderedDict(a=1)))) == [(0, ("a", 1))]
    assert cPickle.loads(cPickle.dumps(theano.shared(1.0))).get_value() == 1
