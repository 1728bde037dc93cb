"""Forward derivatives, operation by operation.

In go roots and tangents of variables they depend on; out come tangents of the roots. An operation
may have its own rule (`Op.jvp`); of any other the product of the Jacobian with a column is the
derivative of its product with a row, which is linear in that row: the vjp of the vjp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symnet import dtypes
from symnet.graph import Apply, Variable, ancestors, make_variable, rebuild
from symnet.ops import build
from symnet.reverse import Paths, accumulate, check_seed, fitted, pulled_back, stable_form


def push_forward(
    roots: Sequence[Variable], tangents: Mapping[Variable, Variable]
) -> list[tuple[bool, Variable | None]]:
    """Return for each root whether it depends on the variables, and its tangent (None is zero).

    As in reverse, what is differentiated is the stable form of the graph.

    Parameters
    ----------
    roots
        Variables.
    tangents
        The tangents of some variables that they depend on.
    """
    for v, t in tangents.items():
        check_seed(v, t)
    connected = Paths(roots, tangents, ()).varying
    new, original = stable_form(roots, set(tangents))
    known = {new[v]: t for v, t in tangents.items() if v in new}
    for node in ancestors([new[v] for v in roots]):
        given = [known.get(v) for v in node.inputs]
        if any(t is not None for t in given) and not node.op.severs:
            for v, pushed in zip(node.outputs, _pushed(node, given), strict=True):
                if pushed is not None and dtypes.is_float(v.dtype):
                    known.setdefault(v, fitted(pushed, v, node))
    found = [known.get(new[v]) for v in roots]
    restored = iter(rebuild([t for t in found if t is not None], original))
    return [
        (v in connected, None if t is None else next(restored))
        for v, t in zip(roots, found, strict=True)
    ]


def _pushed(node: Apply, tangents: Sequence[Variable | None]) -> Sequence[Variable | None]:
    own = node.op.jvp(node, tangents)
    return _from_vjp(node, tangents) if own is None else own


def _from_vjp(node: Apply, tangents: Sequence[Variable | None]) -> list[Variable | None]:
    rows = [make_variable(v.type) if dtypes.is_float(v.dtype) else None for v in node.outputs]
    products = pulled_back(node, rows)
    seeds = [
        (fitted(p, v, node), t)
        for v, p, t in zip(node.inputs, products, tangents, strict=True)
        if p is not None and t is not None
    ]
    asked = [row for row in rows if row is not None]
    # Nothing is looked for behind the node, whose graph may be long.
    cotangents = accumulate(seeds, {}, asked, [*node.inputs, *node.outputs])
    found = [None if row is None else cotangents[row] for row in rows]
    # What is linear in a row does not depend on it in its derivative, its shape aside.
    known = [*node.inputs, *node.outputs, *(t for t in tangents if t is not None)]
    places = {v: v for v in known}
    for row, v in zip(rows, node.outputs, strict=True):
        if row is not None:
            places[row] = build.zeros_like(v)
    made = iter(rebuild([t for t in found if t is not None], places))
    return [None if t is None else next(made) for t in found]
