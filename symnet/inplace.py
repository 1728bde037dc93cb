"""In-place results: a step writes over what it is the last to read.

In go a program; out comes one with fewer temporaries. Where a step computes each element of a
temporary from the same element of another one that nobody reads afterwards, and from no other
element of it, both are one buffer from then on. The memory of one is saved, and the writing of
what would have been read into the caches anyway costs nothing.

What is returned from the call may take the place of a temporary in the same way: then the
temporary has been computed there from the beginning.

Updates of shared variables in place are another matter, that of the order of steps: see
`symnet.lowering`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from symnet.kernel import (
    Contraction,
    Kernel,
    Let,
    Loop,
    Param,
    Stmt,
    Store,
    expressions,
    stores,
)
from symnet.program import (
    Branch,
    Buffer,
    Copy,
    HostCall,
    Launch,
    Program,
    Repeat,
    Step,
    outermost,
    renamed,
)
from symnet.scalar import Expr, Load, const, simplify, walk
from symnet.trimming import trimmed

Work = Kernel | Contraction
S = TypeVar("S", bound=Stmt)


def in_place(program: Program, allowed: Callable[[str], bool] = lambda buffer: True) -> Program:
    """Have steps write over what they are the last to read, wherever that is right.

    Parameters
    ----------
    program
        The program.
    allowed
        Whether a buffer may be written over another one.
    """
    return _Sharing(program, allowed).program()


class _Sharing:
    """The buffers of a program, some of which become one.

    A buffer is known by its name in the program that went in; `_same` leads from it to the one it
    has become.
    """

    def __init__(self, program: Program, allowed: Callable[[str], bool]) -> None:
        self._program = program
        self._allowed = allowed
        self._same: dict[str, str] = {}
        self._first: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._repeated: list[bool] = []
        self._called: set[str] = set()
        self._made: dict[tuple[Work, str, str], Work | None] = {}
        for k, (own, step) in enumerate(zip(outermost(program.steps), program.steps, strict=True)):
            self._repeated.append(own != k or isinstance(step, Repeat))
            used = step.reads | step.writes
            for name in used:
                self._first.setdefault(name, own)
                self._last[name] = own
            if isinstance(step, HostCall):
                self._called |= used

    def program(self) -> Program:
        """The program with fewer buffers."""
        steps: list[Step | None] = []
        for k, step in enumerate(self._program.steps):
            left: Step | None = step
            if isinstance(step, Launch) and not self._repeated[k]:
                left = self._launch(step, k)
            elif isinstance(step, Copy) and not self._repeated[k]:
                left = self._copy(step, k)
            steps.append(left)
        if not self._same:
            return self._program
        names = {gone: self._name(gone) for gone in self._same}
        return replace(
            self._program,
            buffers=tuple(b for b in self._program.buffers if b.name not in names),
            steps=tuple(renamed(s, names) for s in _without_gone(steps)),
            names={v: names.get(b, b) for v, b in self._program.names.items()},
        )

    # -- decisions -------------------------------------------------------------------------

    def _launch(self, step: Launch, k: int) -> Launch | None:
        """A step that writes over as much of what it reads as it may; None if nothing is left."""
        params = {p.name: b for p, b in zip(step.work.params, step.buffers, strict=True)}
        for target in [p.name for p in step.work.params if p.written]:
            for source in [p for p in params if p in step.work.read and p != target]:
                if not self._may_be_one(params[source], params[target], k):
                    continue
                work = self._merged(step.work, source, target)
                if work is None or not self._allowed(params[target]):
                    continue
                self._unite(params[source], params.pop(target))
                if isinstance(work, Kernel) and not work.body:
                    return None
                step = replace(step, work=work, buffers=tuple(params.values()))
                break
        return step

    def _copy(self, step: Copy, k: int) -> Copy | None:
        """A copy; None if source and target become one."""
        if not (self._may_be_one(step.source, step.target, k) and self._allowed(step.target)):
            return step
        self._unite(step.source, step.target)
        return None

    def _may_be_one(self, source: str, target: str, k: int) -> bool:
        """Whether a buffer ends in step `k`, and another like it begins there."""
        a, b = (self._program.buffer(self._name(x)) for x in (source, target))
        return (
            a.kind == "temporary"
            and b.kind in ("temporary", "output")
            and self._last[a.name] == k
            and self._first[b.name] == k
            and a.dtype == b.dtype
            and self._have_one_size(a, b)
        )

    def _have_one_size(self, a: Buffer, b: Buffer) -> bool:
        # Python sees shapes.
        hidden = self._called.isdisjoint((a.name, b.name))
        return a.shape == b.shape or (hidden and _count(a) == _count(b))

    def _unite(self, source: str, target: str) -> None:
        """Note that two buffers are one: the first, or the second if it is returned."""
        a, b = self._name(source), self._name(target)
        kept, gone = (b, a) if self._program.buffer(b).kind == "output" else (a, b)
        self._first[kept] = min(self._first[a], self._first[b])
        self._last[kept] = max(self._last[a], self._last[b])
        self._same[gone] = kept
        if gone in self._called:
            self._called.add(kept)

    def _name(self, buffer: str) -> str:
        """What a buffer has become."""
        while buffer in self._same:
            buffer = self._same[buffer]
        return buffer

    def _merged(self, work: Work, source: str, target: str) -> Work | None:
        """`work` that writes `target` over `source`; None if that would be wrong."""
        key = work, source, target
        if key not in self._made:
            self._made[key] = overwriting(work, source, target)
        return self._made[key]


def _without_gone(steps: Sequence[Step | None]) -> Iterator[Step]:
    """The steps that are left; branches know how many of theirs are."""
    for k, step in enumerate(steps):
        if isinstance(step, Branch):
            middle = k + 1 + step.then
            arms = steps[k + 1 : middle], steps[middle : middle + step.otherwise]
            then, otherwise = (sum(s is not None for s in arm) for arm in arms)
            yield replace(step, then=then, otherwise=otherwise)
        elif step is not None:
            yield step


def _count(b: Buffer) -> Expr:
    """Elements of a buffer."""
    count: Expr = const(1)
    for n in b.shape:
        count = count * n
    return simplify(count)


def overwriting(work: Work, source: str, target: str) -> Work | None:
    """`work` with the param `target` in the memory of `source`; None if that would be wrong.

    It is right if `source` is read only where an element of `target` is about to be written, and
    only at the same place.
    """
    right = (
        _is_pointwise(work.body, source, target)
        if isinstance(work, Kernel)
        else not any(_reads(x, source) for x in (work.left, work.right))
        and _is_before(work.epilogue, source, target)
    )
    if not right:
        return None
    params = tuple(
        Param(p.name, p.dtype, p.written or p.name == source)
        for p in work.params
        if p.name != target
    )
    if isinstance(work, Kernel):
        return Kernel(params, work.ints, trimmed(_redirected(work.body, source, target), _is_idle))
    epilogue = _redirected(work.epilogue, source, target)
    return replace(work, params=params, epilogue=epilogue)


def _is_pointwise(stmts: Sequence[Stmt], source: str, target: str) -> bool:
    """Whether statements read `source` only beside their stores to `target`."""
    if any(isinstance(s, Store) and s.buffer == target for s in stmts):
        return _is_before(stmts, source, target)
    for s in stmts:
        if isinstance(s, Loop):
            if _reads(s.extent, source) or not _is_pointwise(s.body, source, target):
                return False
        elif any(_reads(x, source) for x in expressions((s,))):
            return False
        elif any(True for _ in stores((s,))) and not isinstance(s, Store):
            return False  # results made in order
    return True


def _is_before(stmts: Sequence[Stmt], source: str, target: str) -> bool:
    """Whether statements without loops read `source` where and before they store to `target`."""
    if not all(isinstance(s, Let | Store) for s in stmts):
        return False
    places = {s.offset for s in stmts if isinstance(s, Store) and s.buffer == target}
    if len(places) != 1:
        return False
    place = simplify(places.pop())
    stored = False
    for s in stmts:
        for x in walk(*expressions((s,))):
            read = isinstance(x, Load) and x.buffer == source
            if read and (stored or simplify(x.args[0]) != place):
                return False
        stored |= isinstance(s, Store) and s.buffer in (source, target)
    return True


def _reads(x: Expr, buffer: str) -> bool:
    return any(isinstance(y, Load) and y.buffer == buffer for y in walk(x))


def _redirected(stmts: tuple[S, ...], source: str, target: str) -> tuple[S, ...]:
    """Statements that store to `source` what they stored to `target`."""

    def changed(s: Any) -> Any:
        match s:
            case Store(buffer=b) if b == target:
                return Store(source, s.offset, s.value)
            case Loop():
                return Loop(s.axis, s.extent, tuple(map(changed, s.body)))
        return s

    return tuple(map(changed, stmts))


def _is_idle(store: Store, value: Expr) -> bool:
    """Whether an element is stored where it has come from."""
    return value == Load(store.buffer, store.offset, value.dtype)
