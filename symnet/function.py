"""`function`: from a graph to a callable, and what happens in a call.

The quick path of a call is one native entry that looks at its arguments and runs. Whatever it
does not recognise (a list, another dtype, sizes it was not compiled for) takes the slow path in
Python: convert, read off the sizes, check what the graph assumes, find or compile the version for
these sizes, run.

What is promised about threads, signals, forks and memory stands in ``docs/calls.rst``. In short:
one lock serialises all calls; a call updates all of its shared variables or, if it raises, none.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symnet import backend as backends
from symnet import interpreter, program
from symnet.arguments import Arguments
from symnet.backend import Array, Backend, Executable
from symnet.config import config
from symnet.freeze import In, MissingInputError, Out, Pairs, Signature, UnusedInputError, freeze
from symnet.graph import Variable, rebuild
from symnet.interrupts import Deferred
from symnet.lowering import Frozen, lower
from symnet.modes import Mode, get_mode
from symnet.rewriting import optimize
from symnet.scalar import Expr
from symnet.scalar.integer import evaluate_int
from symnet.shapes import Shapes
from symnet.shared import SharedVariable
from symnet.specialise import Specialisation
from symnet.storage import LOCK
from symnet.types import TensorType

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

    def entry(self) -> Callable[..., Any]:
        """What a call calls: all it updates is updated, or nothing is."""
        native: Callable[..., Any] | None = getattr(self.executable, "entry", None)
        if native is None or self.resized:
            return _Whole(self.executable, self.resized)
        return native


class _Whole:
    """Calls an executable that is not done in one native call, with signals kept out."""

    __slots__ = ("_executable", "_resized")

    def __init__(self, executable: Executable, resized: Sequence[SharedVariable]) -> None:
        self._executable = executable
        self._resized = resized

    def __call__(self, *args: object) -> Any:
        with Deferred():
            results = self._executable(*args)
            if results is NotImplemented or not self._resized:
                return results
            count = len(results) - len(self._resized)
            for shared, value in zip(self._resized, results[count:], strict=True):
                shared.container.adopt(value)
            return results[:count]


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
        self._single = signature.single
        self._keys = signature.keys
        self._written = frozen
        self._mode = mode
        self._allow_downcast = allow_downcast
        self._profile = profile
        self._device = device
        self._arguments = Arguments(frozen.name, signature, frozen.inputs, allow_downcast)
        # The quick path gives its arguments to inputs in order, so hidden state must come last.
        held = [state is not None for state in signature.states]
        self._positional = held == sorted(held)
        self._versions: list[Version] = []
        self._entry: Callable[..., Any] = _not_ready
        self._other: Callable[..., Any] = _not_ready
        if mode.kind == "reference":
            self._optimized = frozen
            self._shapes = None
            return
        start = time.perf_counter()
        results = optimize(frozen.results, mode.exclude)
        self._optimized = _with_results(frozen, results)
        self._tick("rewrite", start)
        start = time.perf_counter()
        self._shapes = Shapes(results, frozen.names)
        for shared, value in self._optimized.updates:
            self._shapes.require_type(value, shared.type, f"the update of {shared!r}")
        self._tick("shapes", start)
        for shared in self._shared(frozen.shared):
            shared.container.watch(self)

    # -- calling ---------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function.

        Raises
        ------
        TypeError
            If an argument is missing, unknown, or of a type that does not convert.
        ValueError
            If shapes do not agree.
        IndexError
            If an index is out of range.
        """
        if not kwargs:
            with LOCK:
                results = self._entry(*args)
                if results is NotImplemented:
                    results = self._other(*args)
            if results is not NotImplemented:
                if self._single:
                    return results[0]
                if self._keys is None:
                    return results
                return dict(zip(self._keys, results, strict=True))
        return self._call_slowly(args, kwargs)

    def _call_slowly(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        with LOCK:
            arrays, states = self._arguments.read(args, kwargs)
            results = self._run_with(states, arrays) if states else self._run(arrays)
        if self._single:
            return results[0]
        return results if self._keys is None else dict(zip(self._keys, results, strict=True))

    def _run_with(
        self, states: Sequence[tuple[SharedVariable, Array]], arrays: list[Array]
    ) -> list[Array]:
        """Run with values for hidden state, which keeps its old ones if the call raises."""
        with Deferred(), _Restored(state for state, _ in states):
            for state, value in states:
                state.set_value(value)
            return self._run(arrays)

    def _run(self, arrays: list[Array]) -> list[Array]:
        if self._mode.kind == "reference":
            return self._interpret(arrays)
        if self._mode.kind == "debug":
            return self._compare(arrays)
        return self._compute(arrays)

    def _compute(self, arrays: list[Array]) -> list[Array]:
        """Run the version for these arrays, compiled if there is none."""
        for entry in (self._entry, self._other):
            results: Any = entry(*arrays)
            if results is not NotImplemented:
                return list(results)
        version = self._version_for(arrays)
        self._get_ready()
        results = version.entry()(*arrays)
        if results is NotImplemented:
            # An argument may lie in the memory of a shared variable that is updated.
            results = version.entry()(*(np.array(a) for a in arrays))
        if results is NotImplemented:
            raise AssertionError(f"{self.name} was compiled for these sizes and refused to run")
        return list(results)

    def _get_ready(self) -> None:
        """Give all versions the shared variables' memory as it is now, and the quick path them."""
        target = self._backend()
        storage = {
            self._written.names[v]: v.container.on(target)
            for v in self._shared(self._optimized.shared)
        }
        for version in self._versions:
            version.executable.bind(storage)
        if self._mode.kind == "default" and self._positional:
            # The first version first: it knows its sizes, the other one takes any.
            first, *rest = self._versions
            self._entry = first.entry()
            self._other = rest[0].entry() if rest else _not_ready

    def storage_replaced(self) -> None:
        """Called by a storage whose handle has become stale."""
        self._entry = self._other = _not_ready

    @staticmethod
    def _shared(variables: Iterable[Variable]) -> list[SharedVariable]:
        return [v for v in variables if isinstance(v, SharedVariable)]

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
                return version
            symbolic |= changed | version.dims.symbolic
        version = self._compile(Specialisation(self._shapes, values, symbolic))
        # The first version stays for the sizes it was made for; one more serves all others.
        self._versions = [*self._versions[:1], version]
        return version

    def _base_integers(self, arrays: list[Array]) -> dict[str, int]:
        """Values of the lengths and integers that all sizes follow from."""
        assert self._shapes is not None
        names = self._written.names
        given = {names[v]: a for v, a in zip(self._written.inputs, arrays, strict=True)}
        held = {names[v]: v.container for v in self._shared(self._optimized.shared)}
        found = {}
        for size in self._shapes.sizes.values():
            if size.axis is not None:
                source = given.get(size.buffer)
                shape = held[size.buffer].shape if source is None else source.shape
                found[size.symbol.name] = shape[size.axis]
            else:
                array = given.get(size.buffer)
                array = held[size.buffer].host() if array is None else array
                found[size.symbol.name] = int(array.reshape(-1)[size.offset])
        return found

    def _compile(self, dims: Specialisation) -> Version:
        start = time.perf_counter()
        frozen = self._optimized
        resized = [(s, v) for s, v in frozen.updates if dims.shape(s) != dims.shape(v)]
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
        return Version(dims, lowered, executable, tuple(self._shared(s for s, _ in resized)))

    def _backend(self) -> Backend:
        return backends.get(self._device)

    def _tick(self, name: str, start: float) -> None:
        spent = time.perf_counter() - start
        self.compile_seconds[name] = self.compile_seconds.get(name, 0.0) + spent

    # -- reference and debug ---------------------------------------------------------------

    def _expect(self, arrays: list[Array]) -> list[Array]:
        """What the interpreter computes: outputs, then new values of shared variables."""
        given: dict[Variable, Array] = dict(zip(self._written.inputs, arrays, strict=True))
        for v in self._shared(self._written.shared):
            given[v] = np.array(v.container.host())
        results = interpreter.evaluate(self._written.results, given)
        count = len(self._written.outputs)
        for (s, _), value in zip(self._written.updates, results[count:], strict=True):
            if not s.type.accepts(TensorType.of(value)):
                raise ValueError(
                    f"{self.name}(): the update of {s!r} has shape {value.shape}, "
                    f"its type is {s.type}"
                )
        return results

    def _interpret(self, arrays: list[Array]) -> list[Array]:
        found = self._expect(arrays)
        count = len(self._written.outputs)
        updated = self._shared(s for s, _ in self._written.updates)
        with Deferred():
            for s, value in zip(updated, [np.array(x) for x in found[count:]], strict=True):
                s.container.set(value)
        return [np.array(x) for x in found[:count]]

    def _compare(self, arrays: list[Array]) -> list[Array]:
        """Run, and compare the results with the interpreter's."""
        expected = self._expect(arrays)
        updated = self._shared(s for s, _ in self._written.updates)
        labels = [f"output {k}" for k in range(len(self._written.outputs))]
        labels += [f"the update of {s!r}" for s in updated]
        with Deferred(), _Restored(updated):
            results = self._compute(arrays)
            found = [*results, *(s.container.host() for s in updated)]
            for label, got, want in zip(labels, found, expected, strict=True):
                if not _agree(got, want):
                    raise DebugError(
                        f"{self.name}(): {label} differs from the interpreter's: "
                        f"{got!r} against {want!r}"
                    )
        return results

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

    def __getitem__(self, key: str | int | Variable) -> Array:
        """The value that an input has for calls that do not give it.

        Parameters
        ----------
        key
            The input: its variable, name or number.
        """
        place = self._arguments.place(key)
        return place.default() if place.state is None else place.state.get_value()

    def __setitem__(self, key: str | int | Variable, value: Any) -> None:
        """Change the value that an input has for calls that do not give it."""
        place = self._arguments.place(key)
        if place.state is None:
            place.set_default(value)
        else:
            place.state.set_value(place.convert(value))

    # -- more of the kind ------------------------------------------------------------------

    def copy(
        self,
        share_memory: bool = False,
        swap: Mapping[Any, Any] | None = None,
        delete_updates: bool = False,
        name: str | None = None,
        profile: bool | None = None,
    ) -> Function:
        """Another function of the same graph and, but for those swapped, shared variables.

        Parameters
        ----------
        share_memory
            Theano's; without effect.
        swap
            Other shared variables, by those whose place they take.
        delete_updates
            Whether to leave the updates out.
        name
            Its name, unless it is to be the same.
        profile
            Whether to measure each step, unless it is to be the same.

        Raises
        ------
        TypeError
            If a shared variable is swapped for one of another type, or for something else.
        """
        frozen = replace(self._written, name=name or self.name)
        signature = self._signature
        if delete_updates:
            frozen = replace(frozen, updates=())
        if swap:
            frozen = _swapped(frozen, swap)
            signature = replace(signature, states=tuple(swap.get(s, s) for s in signature.states))
        measured = self._profile if profile is None else profile
        arguments = signature, frozen, self._mode, self._allow_downcast, measured, self._device
        return Function(*arguments)

    def __deepcopy__(self, memo: dict[int, Any]) -> Function:
        make, arguments = self.__reduce__()
        signature, frozen = copy.deepcopy(arguments[:2], memo)
        made: Function = make(signature, frozen, *arguments[2:])
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Function, (
            self._signature,
            self._written,
            self._mode,
            self._allow_downcast,
            self._profile,
            self._device,
        )

    def __repr__(self) -> str:
        inputs = ", ".join(repr(s.variable) for s in self._signature.inputs)
        return f"<Function {self.name}({inputs})>"


class DebugError(AssertionError):
    """The compiled code and the interpreter disagree; always a defect of symnet."""


class _Restored:
    """A context that gives shared variables their old values back if it ends in an exception."""

    def __init__(self, variables: Iterable[SharedVariable]) -> None:
        self._old = [(v, v.get_value()) for v in variables]

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            for variable, value in self._old:
                variable.container.set(value)


def _not_ready(*args: Any) -> Any:
    return NotImplemented


def _agree(got: Array, want: Array) -> bool:
    """Whether compiled code and interpreter have computed the same, up to rounding."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return False
    if got.dtype.kind != "f":
        return np.array_equal(got, want)
    rough = float(np.finfo(got.dtype).eps) ** 0.5
    scale = float(np.max(np.abs(want), where=np.isfinite(want), initial=1.0))
    return np.allclose(got, want, rtol=rough, atol=rough * scale, equal_nan=True)


def _with_results(frozen: Frozen, results: Sequence[Variable]) -> Frozen:
    """The same function with other expressions for its results."""
    count = len(frozen.outputs)
    updates = tuple((s, v) for (s, _), v in zip(frozen.updates, results[count:], strict=True))
    return replace(frozen, outputs=tuple(results[:count]), updates=updates)


def _swapped(frozen: Frozen, swap: Mapping[Any, Any]) -> Frozen:
    """A function with other shared variables."""
    for old, new in swap.items():
        if not isinstance(new, SharedVariable) or old not in frozen.shared:
            raise TypeError(f"swap: {old!r} and {new!r} are not a shared variable of each function")
        if new.type != old.type:
            raise TypeError(f"swap: {old!r} is {old.type}, {new!r} is {new.type}")
        if new in frozen.shared:
            raise TypeError(f"swap: the function has {new!r} already")
    results = rebuild(frozen.results, swap)
    frozen = replace(
        _with_results(frozen, results),
        shared=tuple(swap.get(v, v) for v in frozen.shared),
        names={swap.get(v, v): name for v, name in frozen.names.items()},
    )
    return replace(frozen, updates=tuple((swap.get(s, s), v) for s, v in frozen.updates))
