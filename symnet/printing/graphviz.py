"""Pictures of expressions: graphs in the language of Graphviz, and files drawn by it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from symnet.drawing import graph
from symnet.graph import Constant, Variable, ancestors, leaves
from symnet.text import leaf_text, operation_text, roots_of

_TEXT = ("dot", "gv")
_OUTPUT, _INPUT, _CONSTANT, _OPERATION = "lightblue", "palegreen", "lightgrey", "white"


def dot_text(obj: Any, max_label_size: int = 70, var_with_name_simple: bool = False) -> str:
    """Return a graph of operations and inputs as Graphviz reads it.

    Parameters
    ----------
    obj
        A variable, a node, a list of these, or a compiled function.
    max_label_size
        Labels are cut to as many characters.
    var_with_name_simple
        Whether a variable with a name is shown by its name alone.

    Examples
    --------
    >>> from symnet.tensor import scalar, exp
    >>> print(dot_text(exp(scalar("x", dtype="float32"))))
    digraph {
      n0 [label="x float32[]", shape=box, style=filled, fillcolor=palegreen];
      n1 [label="Elemwise{exp}", style=filled, fillcolor=lightblue];
      n0 -> n1 [label="float32[]"];
    }
    """
    roots = roots_of(obj)
    lines = _lines(roots, max_label_size, var_with_name_simple)
    return "\n".join(["digraph {", *(f"  {line};" for line in lines), "}"])


def _lines(roots: list[Variable], size: int, simple: bool) -> Iterator[str]:
    def label(text: str) -> str:
        text = text if len(text) <= size else text[: size - 3] + "..."
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'label="{escaped}"'

    names: dict[object, str] = {}
    for v in leaves(roots):
        names[v] = f"n{len(names)}"
        text = leaf_text(v) if simple and v.name else f"{leaf_text(v)} {v.type}"
        color = _CONSTANT if isinstance(v, Constant) else _INPUT
        yield f"{names[v]} [{label(text)}, shape=box, style=filled, fillcolor={color}]"
    last = {v.owner for v in roots}
    for node in ancestors(roots):
        names[node] = f"n{len(names)}"
        color = _OUTPUT if node in last else _OPERATION
        named = next((out.name for out in node.outputs if out.name), None)
        text = operation_text(node) if named is None else f"{operation_text(node)} {named}"
        yield f"{names[node]} [{label(text)}, style=filled, fillcolor={color}]"
        for k, v in enumerate(node.inputs):
            place = f"{k} " if len(node.inputs) > 1 else ""
            shown = str(v.type)
            yield f"{names[v.owner or v]} -> {names[node]} [{label(place + shown)}]"


def pydotprint(
    fct: Any,
    outfile: str | Path | None = None,
    compact: bool = True,
    format: str | None = None,
    with_ids: bool = False,
    high_contrast: bool = True,
    cond_highlight: object = None,
    colorCodes: object = None,
    max_label_size: int = 70,
    scan_graphs: bool = False,
    var_with_name_simple: bool = False,
    print_output_file: bool = True,
    return_image: bool = False,
) -> bytes | None:
    """Draw a graph of operations and inputs.

    Parameters
    ----------
    fct
        A variable, a node, a list of these, or a compiled function.
    outfile
        The picture; by default ``graph`` with the format's ending.
    format
        ``"svg"`` draws a picture, ``"html"`` a page to be explored (`symnet.printing.graph`);
        ``"dot"`` writes the graph as Graphviz reads it; ``"png"``, ``"pdf"`` ... need Graphviz. By
        default what the ending of `outfile` says, else ``"png"``, or ``"svg"`` without Graphviz.
    max_label_size, var_with_name_simple
        As of `dot_text`.
    print_output_file
        Whether to print where the picture is.
    return_image
        Whether to return the picture instead of writing it.
    compact, with_ids, high_contrast, cond_highlight, colorCodes, scan_graphs
        Theano's; without effect.

    Raises
    ------
    RuntimeError
        If the format needs Graphviz, and its command ``dot`` is not found.
    """
    ending = Path(outfile).suffix.lstrip(".") if outfile is not None else ""
    format = format or ending or ("png" if shutil.which("dot") else "svg")
    if format in ("html", "svg"):
        drawing = graph(fct)
        picture = (drawing.html if format == "html" else drawing.svg).encode()
    else:
        text = dot_text(fct, max_label_size, var_with_name_simple)
        picture = text.encode() if format in _TEXT else _drawn(text, format)
    if return_image:
        return picture
    path = Path(outfile if outfile is not None else f"graph.{format}")
    path.write_bytes(picture)
    if print_output_file:
        print(f"The graph is in {path}")
    return None


def _drawn(text: str, format: str) -> bytes:
    command = shutil.which("dot")
    if command is None:
        raise RuntimeError(
            f"a picture as {format} needs Graphviz, whose command dot is not on the path; "
            'format="svg" and format="html" need nothing, format="dot" writes the graph as text'
        )
    made = subprocess.run(
        [command, f"-T{format}"], input=text.encode(), capture_output=True, check=True
    )
    return made.stdout
