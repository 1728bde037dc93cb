"""Pictures that stand still: a scene as SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from symnet.drawing.boxes import Box, boxed
from symnet.drawing.layers import arrange
from symnet.drawing.places import HEAD, Layout, lay_out
from symnet.drawing.scene import Face, Scene

COLORS = {
    "contraction": "#4f6bed",
    "elementwise": "#12908e",
    "reduction": "#b7791f",
    "indexing": "#8a5cc2",
    "view": "#8a94a3",
    "loop": "#a3437f",
    "host": "#d3382f",
    "input": "#2f7d32",
    "shared": "#0b7a4b",
    "constant": "#68707d",
    "output": "#b4540a",
    "temporary": "#68707d",
    "line": "#475569",
    "gradient": "#9d4edd",
    "other": "#475569",
}
"""Colours of faces and marks, by kind."""


def svg(scene: Scene, grouping: str | None, is_open: Callable[[Box], bool]) -> str:
    """Draw a scene; `is_open` says of which groups the inside is shown."""
    box = boxed(scene, grouping)
    arrange(box)
    layout = lay_out(scene, box, is_open)
    width, height = layout.width + 16, layout.height + 16
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="-8 -8 {width:.0f} {height:.0f}" '
        'font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif">',
        f"<title>{escape(scene.name)}</title>",
        f'<rect x="-8" y="-8" width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        *_box(scene, layout, 0.0, 0.0),
        "</svg>",
    ]
    return "\n".join(lines)


def _box(scene: Scene, layout: Layout, x: float, y: float) -> Iterator[str]:
    for place in layout.places:
        left, top = x + place.x, y + place.y
        if place.inner is not None:
            face = scene.groups[place.inner.box.key]
            yield from _open(face, left, top, place.width, place.height)
    yield from _links(layout, x, y)
    for item, place in zip(layout.box.items, layout.places, strict=True):
        left, top = x + place.x, y + place.y
        if place.inner is not None:
            yield from _box(scene, place.inner, left, top)
        elif item.kind == "node":
            yield from _face(scene.nodes[item.node], left, top, place.width, place.height, False)
        elif item.box is not None:
            face = scene.groups[item.box.key]
            yield from _face(face, left, top, place.width, place.height, True)


def _links(layout: Layout, x: float, y: float) -> Iterator[str]:
    kinds = [item.kind for item in layout.box.items]
    for link in layout.box.links:
        source, target = layout.places[link.source.item], layout.places[link.target.item]
        x1, y1 = x + layout.at(link.source), y + source.y + source.height
        if kinds[link.source.item] == "in":
            y1 = y  # through the head
        x2, y2 = x + layout.at(link.target), y + target.y
        half = (y2 - y1) / 2
        down = f" V{y2 + target.height:.1f}" if kinds[link.target.item] == "bend" else ""
        dash = ' stroke-dasharray="4 3"' if link.up else ""
        yield (
            f'<path d="M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + half:.1f} {x2:.1f} {y2 - half:.1f} '
            f'{x2:.1f} {y2:.1f}{down}" fill="none" stroke="#9aa5b4"{dash}>'
            f"<title>{escape(link.label)}</title></path>"
        )
        if kinds[link.target.item] in ("node", "box"):
            yield f'<path d="M{x2 - 3.5:.1f} {y2 - 6:.1f}h7L{x2:.1f} {y2:.1f}z" fill="#9aa5b4"/>'


def _open(face: Face, x: float, y: float, width: float, height: float) -> Iterator[str]:
    color = COLORS[face.kind]
    yield (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8" '
        f'fill="{color}" fill-opacity="0.06" stroke="{color}" stroke-opacity="0.45"/>'
    )
    yield _text(x + 10, y + HEAD - 8, 12, face.title, color, 600)


def _face(
    face: Face, x: float, y: float, width: float, height: float, group: bool
) -> Iterator[str]:
    color = COLORS[face.kind]
    if group:
        yield (
            f'<rect x="{x + 3:.1f}" y="{y + 3:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'rx="7" fill="#ffffff" stroke="{color}" stroke-opacity="0.4"/>'
        )
    yield (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="7" '
        f'fill="#ffffff" stroke="{color}" stroke-width="1.2"/>'
    )
    yield (f'<rect x="{x:.1f}" y="{y:.1f}" width="5" height="{height:.1f}" rx="2" fill="{color}"/>')
    yield _text(x + 12, y + 17, 12.5, face.title, "#1f2937", 600)
    if face.badge:
        yield _text(x + width - 8, y + 17, 10.5, face.badge, "#b4540a", 600, "end")
    if face.subtitle:
        yield _text(x + 12, y + 32, 10.5, face.subtitle, "#64748b", 400)
    left = x + 12
    top = y + height - 22
    for chip in face.chips:
        tint = COLORS[chip.kind]
        yield (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{chip.width:.1f}" height="16" rx="8" '
            f'fill="{tint}" fill-opacity="0.14"/>'
        )
        yield _text(left + chip.width / 2, top + 11.5, 10, chip.text, tint, 500, "middle")
        left += chip.width + 4


def _text(
    x: float, y: float, size: float, text: str, color: str, weight: int, anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'fill="{color}" text-anchor="{anchor}">{escape(text)}</text>'
    )
