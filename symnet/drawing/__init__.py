"""Pictures of expressions and of compiled functions: SVG, and pages to be explored in a browser.

`graph` makes a `Drawing`. A scene says what there is to draw (``scene.py``, ``expressions.py``,
``steps.py``); boxes group it (``boxes.py``), every item gets a row (``layers.py``) and a place
(``places.py``); ``svg.py`` and ``page.py`` write it down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symnet.cost import seconds, step_costs
from symnet.drawing.expressions import TypeOf, expression_scene
from symnet.drawing.page import page
from symnet.drawing.scene import Chip, Scene
from symnet.drawing.steps import Timing, program_scene
from symnet.drawing.svg import svg
from symnet.function import Function
from symnet.graph import Variable, ancestors
from symnet.lowering import Frozen
from symnet.origin import origins
from symnet.profile import timed
from symnet.scalar import Expr, Symbol, show, walk
from symnet.scalar.integer import evaluate_int
from symnet.shapes import Shapes
from symnet.text import roots_of
from symnet.versions import Version

__all__ = ["Drawing", "graph"]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Pictures of one thing.

    In a notebook the first of them is shown.

    Attributes
    ----------
    title
        What is drawn.
    scenes
        What there is to see: for a function its steps, then its graph as it was written and after
        each pass that changed it.
    facts
        What there is to say about the whole.
    """

    title: str
    scenes: Sequence[Scene]
    facts: Sequence[tuple[str, str]] = ()

    @property
    def html(self) -> str:
        """All scenes as one page, to be explored in a browser; it needs no network."""
        return page(self.title, self.scenes, self.facts)

    @property
    def svg(self) -> str:
        """The first scene as a picture: of a function the step graph, steps closed."""
        return self.picture()

    def picture(self, scene: str | None = None, inside: bool = False) -> str:
        """A scene as SVG.

        Parameters
        ----------
        scene
            Its name; the first one if None.
        inside
            Whether what is in the groups is shown: the operations of steps.
        """
        names = [s.name for s in self.scenes]
        if scene is not None and scene not in names:
            raise ValueError(f"scenes are {', '.join(map(repr, names))}, not {scene!r}")
        found = self.scenes[0 if scene is None else names.index(scene)]
        # Steps are what they are; lines and names are for pages, where they can be chosen.
        grouping = "step" if "step" in found.groupings else None
        return svg(found, grouping, lambda box: inside or found.groups[box.key].kind == "loop")

    def write(self, path: str | Path) -> Path:
        """Write the page (``.html``) or the picture (``.svg``) to a file, by its ending."""
        target = Path(path)
        if target.suffix not in (".html", ".svg"):
            raise ValueError(f"a drawing is written as .html or .svg, not as {target.name!r}")
        target.write_text(self.html if target.suffix == ".html" else self.svg, encoding="utf-8")
        return target

    def _repr_svg_(self) -> str:
        return self.svg


def graph(obj: Any, title: str | None = None) -> Drawing:
    """Draw an expression, or a compiled function with all that the compiler did to it.

    Parameters
    ----------
    obj
        A variable, a node, a list of these, or a compiled function. Steps of a function are known
        once it has been called; with ``profile=True`` they show the time that was measured.
    title
        What stands above.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x = T.vector("x")
    >>> f = sn.function([x], T.exp(x).sum(), name="f")
    >>> y = f([1, 2, 3])
    >>> [scene.name for scene in graph(f).scenes]
    ['steps', 'as written']
    >>> graph(f).svg.startswith("<svg")
    True
    """
    if isinstance(obj, Function):
        return Drawing(title or obj.name, [*_steps(obj), *_passes(obj)], _facts(obj))
    roots = roots_of(obj)
    scene = expression_scene("expression", "The graph as it was written.", roots)
    return Drawing(title or roots[0].name or "expression", [scene])


def _facts(f: Function) -> list[tuple[str, str]]:
    found = [("operations as written", str(_count(f.written.results)))]
    if f.versions:
        found.append(("operations when rewritten", str(_count(f.maker.fgraph.outputs))))
        found.append(("steps", ", ".join(str(len(v.program.steps)) for v in f.versions)))
    spent = f.compile_seconds
    if spent:
        parts = "\n".join(f"{name}: {s * 1e3:.1f} ms" for name, s in spent.items())
        found.append(("compiled in", f"{sum(spent.values()) * 1e3:.1f} ms\n{parts}"))
    if len(f.stages) > 1:
        found.append(("stages", "\n".join(f.stages)))
    return found


def _count(outputs: Sequence[Variable]) -> int:
    return sum(1 for _ in ancestors(outputs))


def _steps(f: Function) -> Iterator[Scene]:
    for number, version in enumerate(f.versions):
        name = "steps" if len(f.versions) == 1 else f"steps of program {number + 1}"
        yield _program(f, name, version)


def _program(f: Function, name: str, version: Version) -> Scene:
    program, machine = version.program, f.machine
    costs = step_costs(program, version.sizes)
    measured = {s.number: s for s in timed(version, machine)} if version.profiled else {}
    timing = Timing(costs, [seconds(c, machine) for c in costs], measured)
    note = f"What a call does: {len(program.steps)} steps, in each the operations fused into it. "
    if measured:
        note += f"Times were measured in {version.calls} calls of the profiled function."
    else:
        note += "Times (≥) are what bytes and operations take at least; none was measured."
    return program_scene(name, note, program, origins(program), _type_in(version), timing)


def _type_in(version: Version) -> TypeOf:
    sizes = version.sizes

    def type_of(v: Variable) -> str:
        try:
            dims = version.dims.shape(v)
        except KeyError:  # within a loop
            return str(v.type)
        return f"{v.dtype}[{', '.join(_length(n, sizes) for n in dims)}]"

    return type_of


def _length(length: Expr, sizes: Mapping[str, int]) -> str:
    if all(x.name in sizes for x in walk(length) if isinstance(x, Symbol)):
        return str(evaluate_int(length, sizes))
    return show(length)


def _passes(f: Function) -> Iterator[Scene]:
    """The graph as it was written, and after each pass that changed it."""
    frozen = f.written
    yield _graph("as written", "The graph as it was given to function.", f, frozen.results)
    before = frozen.results
    for done in f.passes():
        if done.counts or done.outputs != before:
            rules = ", ".join(f"{n} x {name}" if n > 1 else name for name, n in done.counts.items())
            note = f"{_count(before)} operations before, {_count(done.outputs)} now. Rules: {rules}"
            yield _graph(done.name, note, f, done.outputs)
        before = done.outputs


def _graph(name: str, note: str, f: Function, outputs: Sequence[Variable]) -> Scene:
    frozen: Frozen = f.written
    results: dict[Variable, list[Chip]] = {}
    for k, v in enumerate(outputs[: len(frozen.outputs)]):
        results.setdefault(v, []).append(Chip(f"→ out{k}", "output"))
    for (s, _), v in zip(frozen.updates, outputs[len(frozen.outputs) :], strict=True):
        results.setdefault(v, []).append(Chip(f"→ {s.name or frozen.names[s]}", "shared"))
    types = _type_by(f, outputs)
    return expression_scene(name, note, outputs, types, results, frozen.names)


def _type_by(f: Function, outputs: Sequence[Variable]) -> TypeOf:
    sizes = f.versions[0].sizes if len(f.versions) == 1 else {}
    shapes = Shapes(outputs, f.written.names)

    def type_of(v: Variable) -> str:
        return f"{v.dtype}[{', '.join(_length(n, sizes) for n in shapes.shape(v))}]"

    return type_of
