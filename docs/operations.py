"""Writes ``operations.rst``: every operation, how it runs and whether it can be differentiated.

``python docs/operations.py`` from the repository's root. What stands in the tables is found out by
asking: the examples of `tests.examples` are compiled, differentiated and applied to batches.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

FILE = Path(__file__).with_suffix(".rst")
sys.path.insert(0, str(FILE.parent.parent))

import symnet as sn  # noqa: E402
from docs.tables import plain, table  # noqa: E402
from symnet import backend, dtypes  # noqa: E402
from symnet.graph import Apply, make_variable  # noqa: E402
from symnet.op import Op  # noqa: E402
from symnet.program import HostCall  # noqa: E402
from symnet.scalar import TABLE, ScalarOp  # noqa: E402
from tests.examples import EXAMPLES, Example, named  # noqa: E402

HEAD = """\
Operations
==========

.. This file is written by docs/operations.py.

What graphs are made of. An operation without native code runs its NumPy meaning as a *host call* of
the same program; one whose results are as long as the data say runs *between stages* of it.
Gradients are checked to second order against finite differences. To many rows at once (``vmap``,
``jacobian``) an operation is applied as another one (*whole*) or *row by row*; natively, if it is
native.

Users' own operations are described in :doc:`extending`. They are host calls, ``OpFromGraph`` aside,
which compiles as the graph that it stands for.
"""


def node_of(example: Example) -> Apply:
    """The operation applied to inputs, all lengths unknown."""
    inputs = [
        make_variable(sn.tensor.TensorType(a.dtype, [1 if n == 1 else None for n in a.shape]))
        for a in example.arrays()
    ]
    return example.op.make_node(*inputs)


def runs(example: Example) -> str:
    """How the operation runs."""
    if example.op.length_from_data:
        return "between stages"
    node = node_of(example)
    f = sn.function(list(node.inputs), list(node.outputs), on_unused_input="ignore")
    f(*example.arrays())
    hosted = any(isinstance(s, HostCall) for p in f.programs for s in p.steps)
    return "host call" if hosted else ", ".join(backend.available())


def gradient(example: Example) -> str:
    """Whether the operation has a gradient."""
    node = node_of(example)
    cotangents = [make_variable(v.type) if dtypes.is_float(v.dtype) else None for v in node.outputs]
    if all(g is None for g in cotangents):
        return "discrete"
    try:
        found = node.op.vjp(node, cotangents)
    except NotImplementedError:
        return "no"
    return "yes" if any(g is not None for g in found) else "constant"


def batches(kind: type[Op]) -> str:
    """How the operation is applied to many rows."""
    return "row by row" if kind.batch is Op.batch else "whole"


def summary(kind: object) -> str:
    """The first sentence of a docstring, in reStructuredText."""
    text = (kind.__doc__ or "").partition("\n\n")[0]
    text = " ".join(text.split())
    return text.replace("``", "`").replace("`", "``")


def operations() -> Iterator[str]:
    """A table for each module."""
    examples = sorted(EXAMPLES, key=lambda e: named(type(e.op)))
    for module, of_module in groupby(examples, key=lambda e: type(e.op).__module__):
        rows = []
        for kind, group in groupby(of_module, key=lambda e: type(e.op)):
            found = list(group)
            slopes = {gradient(e) for e in found}
            best = next(s for s in ("yes", "no", "constant", "discrete") if s in slopes)
            how = " / ".join(sorted({runs(e) for e in found}))
            rows.append((f"``{kind.__name__}``", summary(kind), how, best, batches(kind)))
        title = module.removeprefix("symnet.").removeprefix("ops.")
        yield from (title, "-" * len(title), "", summary(sys.modules[module]), "")
        columns = "Operation", "What it is", "Runs on", "Gradient", "Batches"
        yield from table(columns, "18 46 14 10 12", rows)


def slope(row: ScalarOp) -> str:
    """Whether a row of the scalar table has a gradient."""
    if row.partials is None:
        return "discrete"
    return "yes" if any(p is not None for p in row.partials) else "constant"


def rows() -> Iterator[str]:
    """The scalar table."""
    title = "Elementwise operations"
    yield from (title, "-" * len(title), "")
    yield "``Elemwise`` of a row of the scalar table; all are native, fuse, and have batches whole."
    yield ""
    listed = [
        (f"``{r.name}``", plain(r.doc), str(r.arity), slope(r))
        for r in sorted(TABLE.values(), key=lambda r: r.name)
    ]
    yield from table(("Row", "What it is", "Operands", "Gradient"), "18 60 10 12", listed)


def text() -> str:
    """The whole file."""
    return "\n".join([HEAD, *operations(), *rows()]).rstrip() + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
