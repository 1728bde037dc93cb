"""Scenes of expressions: a node for each application."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from symnet.drawing.scene import Chip, Edge, Face, Path, Scene, cut
from symnet.graph import Apply, Constant, SourceLine, Variable, ancestors, consumers
from symnet.op import ContractionOp, IndexedOp, LoopOp, OrderedOp
from symnet.ops.elementwise import Elemwise
from symnet.ops.reduce import Argmax, Reduce
from symnet.origin import is_plumbing
from symnet.shared import SharedVariable
from symnet.text import leaf_text

_DEEPEST = 4
"""Groups within each other, of calls of the user's functions."""
_SHARED = 4
"""Readers from which on an input is a mark on each of them."""

TypeOf = Callable[[Variable], str]


def kind_of(node: Apply) -> str:
    """What decides about the colour of an application."""
    op = node.op
    kinds: list[tuple[type | tuple[type, ...], str]] = [
        (Elemwise, "elementwise"),
        ((Reduce, Argmax), "reduction"),
        (ContractionOp, "contraction"),
        (LoopOp, "loop"),
        ((IndexedOp, OrderedOp), "indexing"),
    ]
    if is_plumbing(node):
        return "view"
    return next((name for classes, name in kinds if isinstance(op, classes)), "host")


def face_of(node: Apply, type_of: TypeOf) -> Face:
    """How an application looks."""
    op = node.op
    title = op.scalar.name if isinstance(op, Elemwise) else str(op).partition("(")[0]
    names = [v.name for v in node.outputs if v.name]
    kinds = [type_of(v) for v in node.outputs]
    subtitle = f"{names[0]}: {kinds[0]}" if names else kinds[0]
    facts = [("operation", str(op))]
    facts += [("result", t) for t in kinds] + [("name", name) for name in names]
    facts += [("operand", f"{_called(v)}: {type_of(v)}") for v in node.inputs]
    facts += line_facts(node.line)
    return Face(title, subtitle, kind_of(node), facts=facts)


def _called(v: Variable) -> str:
    if v.owner is None:
        return leaf_text(v)
    return v.name or str(v.owner.op).partition("(")[0]


def chip_of(v: Variable, name: str | None = None) -> Chip:
    """The mark of a leaf; `name` is what it is called if it has no name of its own."""
    if isinstance(v, Constant):
        text = f"{v.data.reshape(()):.4g}" if v.data.size == 1 else f"constant {v.type}"
        return Chip(v.name or text, "constant")
    return Chip(
        v.name or name or leaf_text(v), "shared" if isinstance(v, SharedVariable) else "input"
    )


def line_facts(line: SourceLine | None) -> list[tuple[str, str]]:
    """What is said of a place in the user's code, the innermost line first."""
    found: list[tuple[str, str]] = []
    here = line
    while here is not None:
        code = linecache.getline(here.file, here.line).strip()
        place = f"{PurePath(here.file).name}:{here.line} in {here.function}"
        found.append(("called at" if found else "built at", f"{place}\n{code}" if code else place))
        here = here.caller
    if line is not None and line.gradient:
        found.append(("gradient", "made by differentiating what this line built"))
    return found


def expression_scene(
    name: str,
    note: str,
    outputs: Sequence[Variable],
    type_of: TypeOf = lambda v: str(v.type),
    results: Mapping[Variable, Sequence[Chip]] | None = None,
    names: Mapping[Variable, str] | None = None,
) -> Scene:
    """The scene of a graph.

    Parameters
    ----------
    name, note
        What it shows.
    outputs
        The graph.
    type_of
        The type of a variable, for people.
    results
        Marks for what becomes of variables: outputs, and updates of shared variables.
    names
        What leaves are called that have no name of their own.
    """
    names = names or {}
    scene = Scene(name, note)
    marks = (
        dict(results) if results is not None else {v: [Chip("output", "output")] for v in outputs}
    )
    readers = consumers(outputs)
    numbers: dict[Apply | Variable, int] = {}
    nodes = list(ancestors(outputs))
    lines: list[SourceLine | None] = []
    for v in dict.fromkeys(v for n in nodes for v in n.inputs if v.owner is None):
        if _has_node(v, len(readers.get(v, ()))):
            numbers[v] = len(scene.nodes)
            chip = chip_of(v, names.get(v))
            face = Face(chip.text, type_of(v), chip.kind)
            face.facts = [("input", f"{chip.text}: {type_of(v)}")]
            scene.nodes.append(face)
            lines.append(None)
    for node in nodes:
        numbers[node] = len(scene.nodes)
        face = face_of(node, type_of)
        for v in node.inputs:
            if v.owner is None and v not in numbers:
                face.chips.append(chip_of(v, names.get(v)))
        face.chips += [c for v in node.outputs for c in marks.get(v, ())]
        scene.nodes.append(face)
        lines.append(node.line)
    for node in nodes:
        for v in dict.fromkeys(node.inputs):
            source = numbers.get(v) if v.owner is None else numbers[v.owner]
            if source is not None:
                label = f"{v.name}: {type_of(v)}" if v.name else type_of(v)
                scene.edges.append(Edge(source, numbers[node], v, label))
    scene.groupings["line"] = _line_paths(lines)
    scene.groupings["name"] = _name_paths(scene, nodes, numbers)
    for path in scene.groupings["line"]:
        for key in path:
            if isinstance(key, SourceLine) and key not in scene.groups:
                scene.groups[key] = line_face(key)
    return scene


def _has_node(v: Variable, readers: int) -> bool:
    return not isinstance(v, Constant | SharedVariable) and (v.ndim > 0 and readers <= _SHARED)


def line_path(line: SourceLine | None) -> Path:
    """The lines that led to one, the outermost first."""
    path: list[SourceLine] = []
    here = line
    while here is not None:
        path.append(here)
        here = here.caller
    return tuple(reversed(path))


def _line_paths(lines: Sequence[SourceLine | None]) -> list[Path]:
    """The calls that led to each node; what is differentiated has groups of its own."""
    plain = [None if line is None else replace(line, gradient=False) for line in lines]
    paths = cut([line_path(line) for line in plain], _DEEPEST)
    return [
        tuple(key.differentiated() for key in path) if line is not None and line.gradient else path
        for line, path in zip(lines, paths, strict=True)
    ]


def line_face(line: SourceLine) -> Face:
    """How what was built by a line looks when it is closed."""
    code = linecache.getline(line.file, line.line).strip()
    place = f"{PurePath(line.file).name}:{line.line} in {line.function}"
    title = code or place
    if line.gradient:
        title = f"∂ {title}"
    return Face(title, place, "gradient" if line.gradient else "line", facts=line_facts(line))


def _name_paths(
    scene: Scene, nodes: Sequence[Apply], numbers: Mapping[Apply | Variable, int]
) -> list[Path]:
    """For each node the name of what it is computed for: the next one that has a name."""
    found: list[Path] = [()] * len(scene.nodes)
    wanted: dict[Apply, set[str]] = {}
    for node in reversed(nodes):
        own = next((v.name for v in node.outputs if v.name), None)
        names = {own} if own else wanted.get(node, set())
        if len(names) == 1:
            (name,) = names
            found[numbers[node]] = (name,)
            scene.groups.setdefault(name, Face(str(name), "", "line", facts=[("name", str(name))]))
        for v in node.inputs:
            if v.owner is not None:
                wanted.setdefault(v.owner, set()).update(names or {""})
    return [p if p != ("",) else () for p in found]
