"""Pages: scenes as one HTML file that needs nothing else, to be looked at in a browser.

Which row everything stands in is decided here, once for each way to group it; ``page.js`` finds
places for whatever is open.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any

from symnet.drawing.boxes import Box, boxed
from symnet.drawing.layers import arrange
from symnet.drawing.scene import Face, Scene
from symnet.drawing.svg import COLORS

_OPEN = 60
"""Nodes up to which all groups are open when a page is."""
_FLAT = 400
"""Nodes up to which a graph can be seen without groups."""


def page(title: str, scenes: Sequence[Scene], facts: Sequence[tuple[str, str]]) -> str:
    """Return the page; `facts` are what there is to say about the whole."""
    data = {
        "views": [_view(scene) for scene in scenes],
        "colors": COLORS,
        "facts": list(facts),
    }
    # What stands between script tags ends at the first "</".
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return Template(_asset("page.html")).substitute(
        title=escape(title), style=_asset("page.css"), script=_asset("page.js"), data=text
    )


def _asset(name: str) -> str:
    return resources.files("symnet.drawing").joinpath(name).read_text(encoding="utf-8")


def _view(scene: Scene) -> dict[str, Any]:
    faces = [_face(face) for face in scene.nodes]
    used: list[str | None] = [name for name, paths in scene.groupings.items() if any(paths)]
    if not used or len(scene.nodes) <= _FLAT:
        used.append(None)
    trees: dict[str, Any] = {}
    for name in used:
        box = boxed(scene, name)
        arrange(box)
        values: dict[Hashable, int] = {}
        labels: list[str] = []
        tree = _tree(box, scene, faces, values, labels)
        trees[name or "nothing"] = {"root": tree, "labels": labels}
    return {
        "name": scene.name,
        "note": scene.note,
        "faces": faces,
        "count": len(scene.nodes),
        "trees": trees,
        "open": len(scene.nodes) <= _OPEN,
    }


def _face(face: Face) -> dict[str, Any]:
    width, height = face.size
    return {
        "title": face.title,
        "subtitle": face.subtitle,
        "kind": face.kind,
        "chips": [[c.text, c.kind, c.width] for c in face.chips],
        "badge": face.badge,
        "heat": face.heat,
        "facts": face.facts,
        "text": face.text,
        "width": width,
        "height": height,
    }


def _tree(
    box: Box,
    scene: Scene,
    faces: list[dict[str, Any]],
    values: dict[Hashable, int],
    labels: list[str],
) -> dict[str, Any]:
    """A box with all in it; each has a face of its own, so that it can be told from others."""
    made: dict[str, Any] = {"items": [], "rows": box.rows, "links": []}
    if box.key is not None:
        made["face"] = len(faces)
        faces.append(_face(scene.groups[box.key]))
    for item in box.items:
        entry: dict[str, Any] = {"kind": item.kind}
        if item.kind == "bend":
            break  # bends come last
        if item.kind == "node":
            entry["face"] = item.node
        elif item.box is not None:
            entry["box"] = _tree(item.box, scene, faces, values, labels)
            entry["face"] = entry["box"]["face"]
        made["items"].append(entry)
    made["bends"] = len(box.items) - len(made["items"])
    for link in box.links:
        number = values.setdefault(link.value, len(values))
        if number == len(labels):
            labels.append(link.label)
        ends = [link.source.item, link.source.port, link.target.item, link.target.port]
        made["links"].append([*ends, number, int(link.up)])
    return made
