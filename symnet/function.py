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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from symnet import backend as backends
from symnet import interpreter
from symnet.arguments import Arguments
from symnet.backend import Array, Executable, Machine
from symnet.config import config
from symnet.debugging import Referee, check_rewrites, conclude, versions_of
from symnet.decisions import Decision, recording
from symnet.freeze import In, MissingInputError, Out, Pairs, Signature, UnusedInputError, freeze
from symnet.graph import Variable, rebuild
from symnet.inspection import Containers, Graph, Maker
from symnet.interpreter import Watcher
from symnet.interrupts import Deferred
from symnet.lowering import Frozen
from symnet.modes import Mode, get_mode
from symnet.packing import Given, packed
from symnet.profile import Profile, ProfileStats, profile_of
from symnet.program import Program
from symnet.remembered import Record, Remembered, record_of
from symnet.rewriting import Pass, optimize, passes
from symnet.shapes import Shapes
from symnet.shared import SharedVariable
from symnet.stages import Staged, stage_text
from symnet.storage import LOCK
from symnet.types import TensorType
from symnet.versions import Manner, PassTimes, Version, Versions, not_ready, shared_among

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
    profile: bool | ProfileStats | None = None,
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
        ``"default"``, ``"reference"``, ``"debug"`` or a `Mode`, such as `modes.MonitorMode` makes.
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
        Whether to measure each step (see `Function.profile`), or what collects the timings.
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
    # What can be read once only is looked at twice.
    updates = updates if updates is None or isinstance(updates, Mapping) else list(updates)
    givens = givens if givens is None or isinstance(givens, Mapping) else list(givens)
    composite: Any = packed(
        lambda parts: function(
            parts.inputs,
            parts.outputs,
            mode,
            parts.updates,
            parts.givens,
            no_default_updates,
            name=name,
            allow_input_downcast=allow_input_downcast,
            profile=profile,
            on_unused_input=on_unused_input,
            device=device,
        ),
        Given(inputs, outputs, updates, givens),
    )
    if composite is not None:
        made: Function = composite
        return made
    times = PassTimes()
    with times.measure("freeze"):
        signature, frozen = freeze(
            inputs, outputs, updates, givens, name, no_default_updates, on_unused_input
        )
    made = Function(
        signature,
        frozen,
        get_mode(mode),
        allow_input_downcast,
        config.profile if profile is None else bool(profile),
        device or config.device,
        times,
    )
    if isinstance(profile, ProfileStats):
        profile.functions.append(made)
    return made


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
        times: PassTimes | None = None,
    ) -> None:
        self.name = frozen.name
        self.compile_seconds = PassTimes() if times is None else times
        self._signature = signature
        self._single = signature.single
        self._keys = signature.keys
        self._written = frozen
        self._mode = mode if mode.memory else replace(mode, memory=config.memory)
        self._allow_downcast = allow_downcast
        self._profile = profile
        self._device = device
        self._arguments = Arguments(frozen.name, signature, frozen.inputs, allow_downcast)
        # The quick path gives its arguments to inputs in order, so hidden state must come last.
        held = [state is not None for state in signature.states]
        self._quick = mode.kind == "default" and held == sorted(held)
        self._entry: Callable[..., Any] = not_ready
        self._other: Callable[..., Any] = not_ready
        self._compiled: Versions | Staged | Remembered | None = None
        self._record: Record | None = None
        self._rewrites: list[Decision] = []
        if mode.kind in ("reference", "rewritten"):
            assert self._graph  # mistakes are found here, not in the first call
            return
        self._compiled = self._recalled() or self._prepared()
        for shared in shared_among(frozen.shared):
            shared.container.watch(self)

    @cached_property
    def _graph(self) -> Frozen:
        """The graph, rewritten."""
        if self._mode.kind == "reference":
            return self._written
        with self.compile_seconds.measure("rewrite"):
            if self._mode.kind == "debug":
                with recording() as ledger:
                    found = optimize(self._written.results, self._mode.exclude)
                self._rewrites = ledger.taken
            else:
                found = optimize(self._written.results, self._mode.exclude)
            return _with_results(self._written, found)

    @property
    def _manner(self) -> Manner:
        mode = self._mode
        debug = mode.kind == "debug"
        return Manner(
            self._device,
            mode.fuse,
            mode.inplace,
            self._profile,
            debug,
            debug and mode.finite,
            mode.memory or "fast",
        )

    def _recalled(self) -> Remembered | None:
        """The programs that an earlier process made of the graph, if there are any."""
        with self.compile_seconds.measure("recall"):
            self._record = record_of(self._written, self._manner, self._mode.exclude)
        if self._record is None or not self._record.programs:
            return None
        return Remembered(
            self._written, self._record, self._manner, self.compile_seconds, self._prepared
        )

    def _prepared(self) -> Versions | Staged:
        """The graph, ready to be compiled for the sizes of a call."""
        times, record = self.compile_seconds, self._record
        with times.measure("shapes"):
            shapes = Shapes(self._graph.results, self._graph.names)
            if shapes.late:
                return Staged(self._graph, shapes, self._manner, times)
            keep = record.add if record is not None else None
            return versions_of(self._graph, shapes, self._manner, times, keep=keep)

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
        if self._mode.kind in ("reference", "rewritten"):
            return self._interpret(arrays)
        if self._mode.kind == "debug":
            return self._compare(arrays)
        return self._compute(arrays)

    def _compute(self, arrays: list[Array]) -> list[Array]:
        """Run compiled code, and note how a call may reach it without a detour."""
        assert self._compiled is not None
        results = self._compiled.run(arrays)
        if self._quick:
            self._entry, self._other = self._compiled.entry, self._compiled.other
        return results

    def storage_replaced(self) -> None:
        """Called by a storage whose handle has become stale."""
        self._entry = self._other = not_ready

    # -- reference and debug ---------------------------------------------------------------

    def _given(self, arrays: list[Array]) -> dict[Variable, Array]:
        """What the interpreter starts from: values of inputs and of shared variables."""
        given: dict[Variable, Array] = dict(zip(self._written.inputs, arrays, strict=True))
        for v in shared_among(self._written.shared):
            given[v] = np.array(v.container.host())
        return given

    def _expect(self, given: Mapping[Variable, Array], watcher: Watcher | None) -> list[Array]:
        """What the interpreter computes: outputs, then new values of shared variables."""
        graph = self._graph if self._mode.kind == "rewritten" else self._written
        results = interpreter.evaluate(graph.results, given, watcher)
        count = len(self._written.outputs)
        for (s, _), value in zip(self._written.updates, results[count:], strict=True):
            if not s.type.accepts(TensorType.of(value)):
                raise ValueError(
                    f"{self.name}(): the update of {s!r} has shape {value.shape}, "
                    f"its type is {s.type}"
                )
        return results

    def _interpret(self, arrays: list[Array]) -> list[Array]:
        found = self._expect(self._given(arrays), self._mode.watcher)
        count = len(self._written.outputs)
        updated = shared_among(s for s, _ in self._written.updates)
        with Deferred():
            for s, value in zip(updated, [np.array(x) for x in found[count:]], strict=True):
                s.container.set(value)
        return [np.array(x) for x in found[:count]]

    def _compare(self, arrays: list[Array]) -> list[Array]:
        """Run, and compare all that is done with the interpreter; see `symnet.debugging`."""
        referee = Referee()
        given = self._given([np.array(x) for x in arrays])
        expected = self._expect(given, referee)
        check_rewrites(self.name, self._rewrites, {**referee.inner, **given})
        updated = shared_among(s for s, _ in self._written.updates)
        labels = [f"output {k}" for k in range(len(self._written.outputs))]
        labels += [f"the update of {s!r}" for s in updated]
        with Deferred(), _Restored(updated):
            results = self._compute(arrays)
            found = [*results, *(s.container.host() for s in updated)]
            conclude(self.name, labels, found, expected, self._written.results, given)
        return results

    # -- looking inside --------------------------------------------------------------------

    @property
    def programs(self) -> list[Program]:
        """The programs compiled so far; those of one stage after those of another."""
        return [v.program for v in self.versions]

    @property
    def versions(self) -> list[Version]:
        """The programs with their code and the sizes they are for, in the same order."""
        return [] if self._compiled is None else self._compiled.versions

    @property
    def machine(self) -> Machine:
        """What its device can do at best; measured when it is first asked for."""
        return backends.get(self._device).machine()

    @property
    def written(self) -> Frozen:
        """The graph as it was written: inputs, shared variables, outputs and updates."""
        return self._written

    def passes(self) -> Iterator[Pass]:
        """Rewrite the graph once more, as compilation did, pass by pass."""
        if self._mode.kind == "reference":
            return iter(())
        return passes(self._written.results, self._mode.exclude)

    @property
    def executables(self) -> list[Executable]:
        """The code compiled so far, one for each of `programs`."""
        return [v.executable for v in self.versions]

    @property
    def stages(self) -> list[str]:
        r"""What a call does one after the other; see `symnet.stages`.

        Examples
        --------
        >>> import symnet as sn, symnet.tensor as T
        >>> x = T.vector("x")
        >>> print(*sn.function([x], T.compress(x > 0, x).sum()).stages, sep="\n")
        program (x) -> (passed0: bool[?])
        host flatnonzero(passed0) -> passed1: int64[?]
        program (x, passed1) -> (out0: float32[])
        """
        if isinstance(self._compiled, Staged):
            return self._compiled.lines()
        return [stage_text(self._written)]

    @property
    def outputs(self) -> list[Variable]:
        """The outputs as they are compiled, rewritten but not fused."""
        return list(self._graph.outputs)

    @property
    def value(self) -> Function:
        """Values of inputs that calls need not give, by key: this function has them itself."""
        return self

    @property
    def profile(self) -> Profile:
        """Time spent in each step, most first, beside what it takes at best.

        Needs ``profile=True`` at compilation. What the machine can do at best is measured once,
        when it is first asked for.

        Examples
        --------
        >>> import symnet as sn, symnet.tensor as T
        >>> x = T.matrix("x")
        >>> f = sn.function([x], T.exp(x).sum(), profile=True)
        >>> y = f(np.ones((100, 100), "float32"))
        >>> f.profile.calls, f.profile.steps[0].cost.read
        (1, 40000)
        """
        if not (self._profile and any(v.calls for v in self.versions)):
            return Profile()
        between = self._compiled.between() if isinstance(self._compiled, Staged) else []
        return profile_of(self.name, self.versions, between, self.machine)

    def free(self) -> None:
        """Theano's; nothing is kept between calls but the code and what is shared."""

    def sync_shared(self) -> None:
        """Theano's; shared variables always have their values."""

    def get_shared(self) -> list[Variable]:
        """Shared variables that the function reads or updates."""
        return list(self._written.shared)

    @property
    def maker(self) -> Maker:
        """What the function was made of: ``maker.fgraph`` is its graph."""
        inputs = [*self._graph.inputs, *self._graph.shared]
        graph = Graph(inputs, list(self._graph.results))
        return Maker(graph, self._signature.inputs, self._mode)

    @property
    def container(self) -> Containers:
        """Values of inputs that a call need not give: ``container[x].value``."""
        return Containers(self.__getitem__, self.__setitem__)

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
