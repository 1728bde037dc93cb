"""``theano.config``, ``THEANO_FLAGS`` and ``.theanorc``.

Settings that symnet has are symnet's own, read and written through; Theano's others are kept, so
that code that sets or reads them goes on, and change nothing.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from configparser import ConfigParser, Error
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from symnet import backend
from symnet.config import config as settings
from symnet.names import missing

WITHOUT_EFFECT: dict[str, Any] = {
    "DebugMode.check_c": True,
    "DebugMode.check_finite": True,
    "DebugMode.check_preallocated_output": "",
    "DebugMode.check_py": True,
    "DebugMode.check_strides": 0,
    "DebugMode.patience": 10,
    "DebugMode.warn_input_not_reused": True,
    "NanGuardMode.action": "raise",
    "NanGuardMode.big_is_error": True,
    "NanGuardMode.inf_is_error": True,
    "NanGuardMode.nan_is_error": True,
    "allow_gc": True,
    "assert_no_cpu_op": "ignore",
    "base_compiledir": "",
    "blas.check_openmp": True,
    "blas.ldflags": "",
    "cache_optimizations": False,
    "cast_policy": "custom",
    "check_input": True,
    "cmodule.age_thresh_use": 2073600,
    "cmodule.compilation_warning": False,
    "cmodule.debug": False,
    "cmodule.preload_cache": False,
    "cmodule.remove_gxx_opt": False,
    "cmodule.warn_no_version": False,
    "compile.timeout": 120,
    "compile.wait": 5,
    "compiledir": "",
    "compiledir_format": "",
    "compute_test_value_opt": "off",
    "contexts": "",
    "conv.assert_shape": False,
    "ctc.root": "",
    "cuda.enabled": False,
    "cuda.include_path": "",
    "cuda.root": "",
    "cxx": "",
    "cycle_detection": "regular",
    "deterministic": "default",
    "dnn.base_path": "",
    "dnn.bin_path": "",
    "dnn.conv.algo_bwd": "none",
    "dnn.conv.algo_bwd_data": "none",
    "dnn.conv.algo_bwd_filter": "none",
    "dnn.conv.algo_fwd": "none",
    "dnn.conv.precision": "as_input_f32",
    "dnn.conv.workmem": "",
    "dnn.conv.workmem_bwd": "",
    "dnn.enabled": "False",
    "dnn.include_path": "",
    "dnn.library_path": "",
    "exception_verbosity": "low",
    "experimental.local_alloc_elemwise": True,
    "experimental.local_alloc_elemwise_assert": True,
    "experimental.mrg": True,
    "experimental.unpickle_gpu_on_cpu": False,
    "force_device": False,
    "gcc.cxxflags": "",
    "gpu.local_elemwise_fusion": True,
    "gpuarray.cache_path": "",
    "gpuarray.preallocate": 0.0,
    "gpuarray.sched": "default",
    "gpuarray.single_stream": True,
    "gpuarray.sync": False,
    "gpuelemwise.sync": True,
    "init_gpu_device": "",
    "int_division": "int",
    "lib.amdlibm": False,
    "lib.cnmem": 0.0,
    "linker": "vm",
    "magma.enabled": False,
    "metaopt.verbose": 0,
    "nocleanup": False,
    "nvcc.compiler_bindir": "",
    "nvcc.fastmath": False,
    "nvcc.flags": "",
    "numpy.seterr_all": "ignore",
    "numpy.seterr_divide": "None",
    "numpy.seterr_invalid": "None",
    "numpy.seterr_over": "None",
    "numpy.seterr_under": "None",
    "on_opt_error": "warn",
    "on_shape_error": "warn",
    "openmp": False,
    "openmp_elemwise_minsize": 200000,
    "optdb.max_use_ratio": 8.0,
    "optdb.position_cutoff": float("inf"),
    "optimizer_requiring": "",
    "optimizer_verbose": False,
    "pickle_test_value": True,
    "print_active_device": True,
    "print_global_stats": False,
    "profile_memory": False,
    "profile_optimizer": False,
    "profiling.destination": "stderr",
    "profiling.ignore_first_call": False,
    "profiling.min_memory_size": 1024,
    "profiling.min_peak_memory": False,
    "profiling.n_apply": 20,
    "profiling.n_ops": 20,
    "profiling.time_thunks": True,
    "reoptimize_unpickled_function": False,
    "root": "",
    "scan.allow_gc": False,
    "scan.allow_output_prealloc": True,
    "scan.debug": False,
    "tensor.cmp_sloppy": 0,
    "tensor.insert_inplace_optimizer_validate_nb": -1,
    "tensor.local_elemwise_fusion": True,
    "traceback.compile_limit": 0,
    "traceback.limit": 8,
    "unittests.rseed": "666",
    "unpickle_function": True,
    "vm.lazy": None,
    "warn.argmax_pushdown_bug": False,
    "warn.gpu_set_subtensor1": False,
    "warn.gpusum_01_011_0111_bug": False,
    "warn.identify_1pexp_bug": False,
    "warn.ignore_bug_before": "1.0",
    "warn.inc_set_subtensor1": False,
    "warn.inc_subtensor1_opt": False,
    "warn.reduce_join": False,
    "warn.round": False,
    "warn.signal_conv2d_interface": False,
    "warn.subtensor_merge_bug": False,
    "warn.sum_div_dimshuffle_bug": False,
    "warn.sum_sum_bug": False,
    "warn.vm_gc_bug": False,
    "warn_float64": "ignore",
}
"""Theano's settings that nothing depends on here, and their defaults."""

SECTIONS = {
    name[:end] for name in WITHOUT_EFFECT for end, letter in enumerate(name) if letter == "."
}
OWN = {f.name for f in fields(settings)}


class OldConfig:
    """``theano.config``, or with a prefix one of its sections such as ``theano.config.warn``."""

    def __init__(self, kept: dict[str, Any], prefix: str = "") -> None:
        self.__dict__.update(_kept=kept, _prefix=prefix)

    def __getattr__(self, name: str) -> Any:
        full = self._prefix + name
        if full in OWN:
            return getattr(settings, full)
        if full in self._kept:
            return self._kept[full]
        if full in SECTIONS:
            return OldConfig(self._kept, full + ".")
        raise missing("theano.config", full, [*OWN, *self._kept])

    def __setattr__(self, name: str, value: Any) -> None:
        full = self._prefix + name
        if full == "device":
            value = device_of(value)
        if full in OWN:
            setattr(settings, full, value)
        elif full in self._kept:
            self._kept[full] = value
        else:
            raise missing("theano.config", full, [*OWN, *self._kept])

    @contextmanager
    def change_flags(self, changes: Mapping[str, Any] | None = None, **more: Any) -> Iterator[None]:
        """Change settings for the length of a ``with`` block or of a decorated function."""
        wanted = {**(changes or {}), **more}
        old = {name: _get(self, name) for name in wanted}
        try:
            for name, value in wanted.items():
                _set(self, name, value)
            yield
        finally:
            for name, value in old.items():
                _set(self, name, value)

    def __repr__(self) -> str:
        names = sorted([*OWN, *self._kept] if not self._prefix else self._kept)
        shown = [n for n in names if n.startswith(self._prefix)]
        return "\n".join(f"{n} = {_get(config, n)!r}" for n in shown)


config = OldConfig(dict(WITHOUT_EFFECT))
change_flags = config.change_flags


def device_of(name: str) -> str:
    """Symnet's name of a device: Theano's ``gpu0`` or ``cuda0`` if it can be used, else the CPU."""
    if not name.startswith(("gpu", "cuda", "opencl")):
        return name
    try:
        backend.get("cuda")
    except backend.BackendError as error:
        warnings.warn(f"device={name} cannot be used, so the CPU is: {error}", stacklevel=3)
        return "cpu"
    return "cuda"


def read_environment() -> None:
    """Set what ``.theanorc`` and ``THEANO_FLAGS`` say.

    If they say nothing of it, floatX is float64, as Theano's; and unused inputs only warn: Theano's
    gradients still hold variables that symnet's have no use for.
    """
    wanted = {"floatX": "float64", "on_unused_input": "warn", **_files()}
    for flag in filter(None, (f.strip() for f in os.environ.get("THEANO_FLAGS", "").split(","))):
        name, _, text = flag.partition("=")
        wanted[name.strip()] = text.strip()
    said = {f.partition("=")[0].strip() for f in os.environ.get("SYMNET_FLAGS", "").split(",")}
    for name, text in wanted.items():
        if name in said:
            continue
        try:
            _set(config, name, _value(text, _get(config, name)))
        except AttributeError as error:
            warnings.warn(f"a setting for Theano is ignored: {error}", stacklevel=2)


def _files() -> dict[str, str]:
    """Settings of the files that THEANORC names, by default ``~/.theanorc``."""
    named = os.environ.get("THEANORC", "~/.theanorc").split(os.pathsep)
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # floatX has a capital
    try:
        parser.read([Path(name).expanduser() for name in named])
    except Error as error:
        warnings.warn(f"a .theanorc cannot be read and is ignored: {error}", stacklevel=3)
        return {}
    found = {}
    for section in parser.sections():
        prefix = "" if section == "global" else section + "."
        found.update({prefix + name: text for name, text in parser[section].items()})
    return found


def _value(text: str, like: Any) -> Any:
    """What a text means for a setting that has had another value."""
    if isinstance(like, bool):
        return text.lower() in ("1", "true", "yes")
    return type(like)(text) if isinstance(like, (int, float)) else text


def _get(owner: OldConfig, name: str) -> Any:
    for part in name.split("."):
        owner = getattr(owner, part)
    return owner


def _set(owner: OldConfig, name: str, value: Any) -> None:
    *path, last = name.split(".")
    setattr(_get(owner, ".".join(path)) if path else owner, last, value)
