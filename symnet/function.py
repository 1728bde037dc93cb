"""`function`: from a graph to a callable, and what happens in a call.

The quick path of a call is one native entry that looks at its arguments and runs. Whatever it
does not recognise (a list, another dtype, sizes it was not compiled for) takes the slow path in
Python: convert, read off the sizes, check what the graph assumes, find or compile the version for
these sizes, run.

Calls are serialised process-wide by one lock. A call either completes or changes no shared
variable. Signals (Ctrl-C) are handled between calls, so an interrupted program finds every update
whole. A function keeps what it needs alive and may be called from any thread.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symnet import backend as backends
from symnet import interpreter, program
from symnet.backend import Array, Backend, Executable
from symnet.config import config
from symnet.freeze import In, MissingInputError, Out, Pairs, Signature, UnusedInputError, freeze
from symnet.graph import Variable
from symnet.lowering import Frozen, lower
from symnet.modes import Mode, get_mode
from symnet.rewriting import optimize
from symnet.scalar import Expr
from symnet.scalar.integer import evaluate_int
from symnet.shapes import Shapes
from symnet.shared import SharedVariable
from symnet.specialise import Specialisation
from symnet.storage import LOCK

__all__ = ["Function", "In", "MissingInputError", "Out", "UnusedInputError", "function"]


def function(
    inputs: Sequence[Any],
    outputs: Any = None,
    mode: Mode | str | None = None,
    updates: Pairs | None = None,
    givens: Pairs | None = None,
    no_default_updates: bool | Sequence[Variable] = False,
    accept_inplace: bool = False,
    name: str | None = None,
    rebuild_strict: bool = True,
    allow_input_downcast: bool | None = None,
    profile: bool | None = None,
    on_unused_input: str | None = None,
    device: str | None = None,
) -> Function:
    """Compile a graph into a callable.

    Parameters
    ----------
    inputs
        Symbolic variables, or `In` for names and defaults.
    outputs
        A variable (a call returns an array), a list (a list of arrays), a dict (a dict) or None.
    mode
        ``"default"``, ``"reference"``, ``"debug"`` or a `Mode`.
    updates
        New values of shared variables, a dict or pairs. All see the old values, as outputs do.
    givens
        Replacements in the graph, a dict or pairs.
    no_default_updates
        Leave out updates that shared variables bring with them: all, or those of a list.
    accept_inplace, rebuild_strict
        Theano's; without effect.
    name
        For messages and profiles.
    allow_input_downcast
        Whether arguments may lose precision; None allows it for Python floats only.
    profile
        Whether to measure each step; see `Function.profile`.
    on_unused_input
        ``"raise"``, ``"warn"`` or ``"ignore"``.
    device
        Where to run, ``"cpu"`` or ``"cuda"``; ``config.device`` unless said otherwise.

    Raises
    ------
    TypeError, ValueError
        If the parts do not fit together; the message says which and what to do.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x = T.vector("x")
    >>> state = sn.shared(np.zeros(2, "float32"), name="state")
    >>> step = sn.function([x], x.sum(), updates=[(state, state + x)])
    >>> float(step([1, 2])), state.get_value().tolist()
    (3.0, [1.0, 2.0])
    """
    signature, frozen = freeze(
        inputs, outputs, updates, givens, name, no_default_updates, on_unused_input
    )
    return Function(
        signature,
        frozen,
        get_mode(mode),
        allow_input_downcast,
        config.profile if profile is None else profile,
        device or config.device,
    )


@dataclass(slots=True)
class Version:
    """A program compiled for some sizes.

    Attributes
    ----------
    dims
        What it is specialised to.
    program
        What it does.
    executable
        Its code.
    resized
        Shared variables whose new value may have another shape; they come after the outputs.
    """

    dims: Specialisation
    program: program.Program
    executable: Executable
    resized: tuple[SharedVariable, ...]


class Function:
    """A compiled graph; call it with the inputs in order or by name.

    Attributes
    ----------
    name
        Its name.
    compile_seconds
        Time spent compiling so far, by pass.
    """

    def __init__(
        self,
        signature: Signature,
        frozen: Frozen,
        mode: Mode,
        allow_downcast: bool | None,
        profile: bool,
        device: str,
    ) -> None:
        self.name = frozen.name
        self.compile_seconds: dict[str, float] = {}
        self._signature = signature
        self._written = frozen
        self._mode = mode
        self._allow_downcast = allow_downcast
        self._profile = profile
        self._device = device
        self._versions: list[Version] = []
        self._generations: tuple[int, ...] = ()
        self._entry: Any = _not_ready
        if mode.kind == "reference":
            self._optimized = frozen
            self._shapes = None
        else:
            start = time.perf_counter()
            results = optimize(frozen.results, mode.exclude)
            self._optimized = _with_results(frozen, results)
            self._tick("rewrite", start)
            start = time.perf_counter()
            self._shapes = Shapes(results, frozen.names)
            self._tick("shapes", start)
            self._watch()

    # -- calling ---------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function.

        Raises
        ------
        TypeError
            If an argument is missing, unknown, or of a type that does not convert.
        ValueError
            If shapes do not agree.
        """
        if not kwargs:
            with LOCK:
                results = self._entry(*args)
            if results is not NotImplemented:
                return results[0] if self._signature.single else self._packed(results)
        return self._call_slowly(args, kwargs)

    def _packed(self, results: list[Array]) -> Any:
        keys = self._signature.keys
        return results if keys is None else dict(zip(keys, results, strict=True))

    def _call_slowly(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        arrays = self._convert(args, kwargs)
        with LOCK:
            results = self._run(arrays)
        return results[0] if self._signature.single else self._packed(results)

    def _run(self, arrays: list[Array]) -> list[Array]:
        if self._mode.kind == "reference":
            return self._interpret(arrays)
        expected = self._expect(arrays) if self._mode.kind == "debug" else None
        version = self._version_for(arrays)
        results = version.executable(*arrays)
        if results is NotImplemented:
            raise AssertionError(f"{self.name} was compiled for these sizes and refused to run")
        count = len(self._written.outputs)
        for shared, value in zip(version.resized, results[count:], strict=True):
            shared.container.replace(value)
        results = list(results[:count])
        if expected is not None:
            self._compare(results, expected)
        ready = not version.resized and self._mode.kind == "default"
        self._entry = version.executable if ready else _not_ready
        return results

    def _convert(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Array]:
        """The arguments of a call as arrays of the declared types."""
        specs = self._signature.inputs
        if len(args) > len(specs):
            raise TypeError(f"{self.name}() takes {len(specs)} arguments, got {len(args)}")
        given = dict(enumerate(args))
        names = {s.name: k for k, s in enumerate(specs) if s.name}
        for name, value in kwargs.items():
            if name not in names:
                raise TypeError(f"{self.name}() has no input {name!r}; it has {', '.join(names)}")
            if names[name] in given:
                raise TypeError(f"{self.name}() got the input {name!r} twice")
            given[names[name]] = value
        arrays = []
        for k, (spec, variable) in enumerate(zip(specs, self._written.inputs, strict=True)):
            value = given.get(k, spec.value)
            if value is None:
                raise TypeError(f"{self.name}() misses the input {spec.variable!r} (number {k})")
            if isinstance(value, SharedVariable):
                value = value.get_value(borrow=True)
            arrays.append(_as_input(value, variable, spec, self._allow_downcast, self.name, k))
        return arrays

    # -- versions --------------------------------------------------------------------------

    def _version_for(self, arrays: list[Array]) -> Version:
        """The version for the sizes of this call, compiled if there is none."""
        assert self._shapes is not None
        values = self._base_integers(arrays)
        for check in self._shapes.checks:
            if not evaluate_int(check.condition, values):
                shown = [evaluate_int(x, values) for x in check.values]
                error = IndexError if check.error == "IndexError" else ValueError
                raise error(f"{self.name}(): {check.message.format(*shown)}")
        symbolic: frozenset[Expr] = frozenset()
        for version in self._versions:
            changed = version.dims.changed(values)
            if not changed:
                self._bind(version)
                return version
            symbolic |= changed | version.dims.symbolic
        version = self._compile(Specialisation(self._shapes, values, symbolic))
        # The first version stays for the sizes it was made for; one more serves all others.
        self._versions = [*self._versions[:1], version]
        self._bind(version)
        return version

    def _base_integers(self, arrays: list[Array]) -> dict[str, int]:
        assert self._shapes is not None
        held: dict[str, Any] = {
            self._written.names[v]: a for v, a in zip(self._written.inputs, arrays, strict=True)
        }
        for v in self._optimized.shared:
            assert isinstance(v, SharedVariable)
            held[self._written.names[v]] = v.container
        found = {}
        for size in self._shapes.sizes.values():
            source = held[size.buffer]
            if size.axis is not None:
                found[size.symbol.name] = source.shape[size.axis]
            else:
                array = source if isinstance(source, np.ndarray) else source.host()
                found[size.symbol.name] = int(array.reshape(-1)[size.offset])
        return found

    def _compile(self, dims: Specialisation) -> Version:
        start = time.perf_counter()
        frozen = self._optimized
        resized = tuple(
            (s, v) for s, v in frozen.updates if dims.shape(s) != dims.shape(v)
        )
        if resized:
            moved = {s for s, _ in resized}
            frozen = replace(
                frozen,
                outputs=(*frozen.outputs, *(v for _, v in resized)),
                updates=tuple((s, v) for s, v in frozen.updates if s not in moved),
            )
        lowered = lower(frozen, dims, self._mode.fuse)
        self._tick("lower", start)
        start = time.perf_counter()
        executable = self._backend().compile(lowered, self._profile)
        self._tick("compile", start)
        shared = tuple(s for s, _ in resized if isinstance(s, SharedVariable))
        return Version(dims, lowered, executable, shared)

    def _bind(self, version: Version) -> None:
        """Hand the storage of shared variables to a version."""
        target = self._backend()
        storage = {}
        for v in self._optimized.shared:
            assert isinstance(v, SharedVariable)
            storage[self._written.names[v]] = v.container.on(target)
        version.executable.bind(storage)

    def _watch(self) -> None:
        """Leave the quick path whenever a shared variable's memory is replaced."""
        for v in self._optimized.shared:
            assert isinstance(v, SharedVariable)
            v.container.watch(self)

    def storage_replaced(self) -> None:
        """Called by a storage whose handle has become stale."""
        self._entry = _not_ready

    def _backend(self) -> Backend:
        return backends.get(self._device)

    def _tick(self, name: str, start: float) -> None:
        spent = time.perf_counter() - start
        self.compile_seconds[name] = self.compile_seconds.get(name, 0.0) + spent

    # -- reference and debug ---------------------------------------------------------------

    def _expect(self, arrays: list[Array]) -> list[Array]:
        """What the interpreter computes: outputs, then new values of shared variables."""
        given: dict[Variable, Array] = dict(zip(self._written.inputs, arrays, strict=True))
        for v in self._written.shared:
            assert isinstance(v, SharedVariable)
            given[v] = np.array(v.container.host())
        return interpreter.evaluate(self._written.results, given)

    def _interpret(self, arrays: list[Array]) -> list[Array]:
        found = self._expect(arrays)
        count = len(self._written.outputs)
        for (s, _), value in zip(self._written.updates, found[count:], strict=True):
            assert isinstance(s, SharedVariable)
            s.container.set(np.array(value))
        return [np.array(x) for x in found[:count]]

    def _compare(self, results: list[Array], expected: list[Array]) -> None:
        """Compare a call's results with the interpreter's."""
        count = len(self._written.outputs)
        updated = [s.container.host() for s, _ in self._written.updates if isinstance(s, SharedVariable)]
        found = [*results, *updated]
        labels = [f"output {k}" for k in range(count)]
        labels += [f"update of {s!r}" for s, _ in self._written.updates]
        for label, got, want in zip(labels, found, expected, strict=True):
            rough = np.finfo(got.dtype).eps ** 0.5 if got.dtype.kind == "f" else 0.0
            scale = float(np.max(np.abs(want[np.isfinite(want)]), initial=1.0)) if rough else 1.0
            if got.shape != want.shape or not np.allclose(
                got, want, rtol=rough, atol=rough * scale, equal_nan=True
            ):
                raise DebugError(
                    f"{self.name}(): {label} differs from the interpreter's: {got!r} against {want!r}"
                )

    # -- looking inside --------------------------------------------------------------------

    @property
    def programs(self) -> list[program.Program]:
        """The programs compiled so far."""
        return [v.program for v in self._versions]

    @property
    def executables(self) -> list[Executable]:
        """The code compiled so far, one for each of `programs`."""
        return [v.executable for v in self._versions]

    @property
    def profile(self) -> str:
        """Time spent in each step, most first; needs ``profile=True`` at compilation."""
        lines = []
        for version in self._versions:
            timed = zip(version.program.steps, version.executable.timings(), strict=False)
            for step, seconds in sorted(timed, key=lambda item: -item[1]):
                lines.append(f"{seconds * 1e3:10.3f} ms  {step}")
        return "\n".join(lines) or "nothing was measured: pass profile=True to function"

    def get_shared(self) -> list[Variable]:
        """Shared variables that the function reads or updates."""
        return list(self._written.shared)

    def copy(self, share_memory: bool = False, name: str | None = None) -> Function:
        """Another function with the same graph and the same shared variables."""
        frozen = replace(self._written, name=name or self._written.name)
        return self._like(frozen)

    def _like(self, frozen: Frozen) -> Function:
        return Function(
            self._signature, frozen, self._mode, self._allow_downcast, self._profile, self._device
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Function:
        signature, frozen = copy.deepcopy((self._signature, self._written), memo)
        return Function(
            signature, frozen, self._mode, self._allow_downcast, self._profile, self._device
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            Function,
            (
                self._signature,
                self._written,
                self._mode,
                self._allow_downcast,
                self._profile,
                self._device,
            ),
        )

    def __repr__(self) -> str:
        return f"<Function {self.name}({', '.join(repr(s.variable) for s in self._signature.inputs)})>"


class DebugError(AssertionError):
    """The compiled code and the interpreter disagree; always a defect of symnet."""


def _not_ready(*args: Any) -> Any:
    return NotImplemented


def _with_results(frozen: Frozen, results: Sequence[Variable]) -> Frozen:
    """The same function with other expressions for its results."""
    count = len(frozen.outputs)
    updates = tuple((s, v) for (s, _), v in zip(frozen.updates, results[count:], strict=True))
    return replace(frozen, outputs=tuple(results[:count]), updates=updates)


def _as_input(
    value: Any, variable: Variable, spec: In, allow_downcast: bool | None, name: str, position: int
) -> Array:
    """An argument as an array that native code can read."""
    what = f"{name}(): input {spec.variable!r} (number {position})"
    wanted = np.dtype(variable.dtype)
    if spec.strict and not (isinstance(value, np.ndarray) and value.dtype == wanted):
        raise TypeError(f"{what} is strict and needs an array of {wanted.name}, got {_kind(value)}")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{what} cannot be made an array: {error}") from None
    if array.dtype != wanted:
        downcast = allow_downcast if spec.allow_downcast is None else spec.allow_downcast
        array = _converted(array, value, wanted, downcast, what)
    if array.ndim != variable.ndim:
        raise TypeError(f"{what} needs {variable.ndim} dimensions, got {array.ndim} (shape {array.shape})")
    for axis, (n, static) in enumerate(zip(array.shape, variable.type.shape, strict=True)):
        if static is not None and n != static:
            raise ValueError(
                f"{what} has length {n} in dimension {axis} where its type {variable.type} says {static}"
            )
    if type(array) is not np.ndarray or not array.flags.aligned or not array.dtype.isnative:
        array = np.array(array, wanted)
    return array if array.flags.c_contiguous else np.array(array, wanted, order="C")


def _kind(value: Any) -> str:
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__


def _converted(
    array: Array, value: Any, wanted: np.dtype[Any], downcast: bool | None, what: str
) -> Array:
    """An array in another dtype, if nothing is lost or the user allows it."""
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what} needs {wanted.name}, got {_kind(value)}")
    is_literal = not isinstance(value, np.ndarray | np.generic)
    python_floats = is_literal and wanted.kind == "f" and downcast is not False
    if np.can_cast(array.dtype, wanted, "safe") or downcast or python_floats:
        return array.astype(wanted)
    with np.errstate(all="ignore"):
        converted = array.astype(wanted)
    if array.dtype.kind in "biu" and np.array_equal(converted, array):
        return converted  # integers that fit
    raise TypeError(
        f"{what} needs {wanted.name}, got {_kind(value)} ({array.dtype.name}) whose values would "
        f"change; convert it, or pass allow_input_downcast=True to function"
    )

