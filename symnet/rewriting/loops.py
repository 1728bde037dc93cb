"""Loops that run over the same things become one, and keep what is asked for.

A gradient wants more of a loop than its caller did: the loop that tells it is the same but for
further outputs. Of a state whose last value alone is wanted no history is kept.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from symnet.graph import (
    Apply,
    Constant,
    Interner,
    Variable,
    ancestors,
    built_at,
    consumers,
    rebuild,
)
from symnet.op import LoopOp
from symnet.ops.indexing import Subtensor, subtensor
from symnet.ops.slices import Point, Range


def merge_loops(outputs: Sequence[Variable]) -> list[Variable]:
    """A graph in which loops of one body, which differ in what they tell of it, are one."""
    merged = list(outputs)
    while True:
        groups: dict[Any, list[Apply]] = {}
        for node in ancestors(merged):
            if isinstance(node.op, LoopOp):
                groups.setdefault(_what_runs(node), []).append(node)
        nodes = next((g for g in groups.values() if len(g) > 1), None)
        if nodes is None:
            return merged
        merged = rebuild(merged, _merged(nodes))


def drop_unread(outputs: Sequence[Variable]) -> list[Variable]:
    """A graph in which loops, and those in their bodies, tell nothing that nobody reads."""
    nodes = list(ancestors(outputs))
    if not any(isinstance(node.op, LoopOp) for node in nodes):
        return list(outputs)
    read = {v for node in nodes for v in node.inputs}.union(outputs)
    interner = Interner()
    new: dict[Variable, Variable] = {}
    for node in nodes:
        inputs = [new.get(v, v) for v in node.inputs]
        old, op = list(node.outputs), node.op
        if isinstance(op, LoopOp):
            told = range(len(op.taps), len(op.outputs) - op.until)
            kept = [k for k, v in enumerate(node.outputs) if k not in told or v in read]
            body = drop_unread([op.outputs[k] for k in kept])
            if len(body) < len(old) or any(
                v is not op.outputs[k] for v, k in zip(body, kept, strict=True)
            ):
                old, op = [node.outputs[k] for k in kept], op.with_body(body)
        if op is not node.op:
            with built_at(node.line):
                new.update(zip(old, op.make_node(*inputs).outputs, strict=True))
        elif any(v in new for v in node.inputs):
            new.update(zip(old, interner.apply(op, inputs, like=node), strict=True))
    return [new.get(v, v) for v in outputs]


def keep_tails(outputs: Sequence[Variable]) -> list[Variable]:
    """A graph in which no loop keeps the history of a state that is read at its end alone."""
    readers = consumers(outputs)
    wanted = set(outputs)
    new: dict[Variable, Variable] = {}
    for node in ancestors(outputs):
        if not isinstance(node.op, LoopOp) or node.op.until:
            continue
        ends: dict[int, list[tuple[Variable, int]]] = {}
        nonempty = False
        for state, taps in enumerate(node.op.taps):
            found, behind = _read_ends(node.outputs[state], max(taps), readers, wanted)
            if found and state not in node.op.tails:
                ends[state] = found
                nonempty = nonempty or behind
        if ends and not any(v in new for v in node.outputs):
            with built_at(node.line):
                made = node.op.with_tails(tuple(ends), nonempty).make_node(*node.inputs).outputs
            for k, (old, out) in enumerate(zip(node.outputs, made, strict=True)):
                if k not in ends:
                    new[old] = out
            for state, places in ends.items():
                new.update((v, subtensor(made[state], [at])) for v, at in places)
    return rebuild(outputs, new) if new else list(outputs)


def _read_ends(
    history: Variable,
    depth: int,
    readers: Mapping[Variable, Sequence[Apply]],
    wanted: Container[Variable],
) -> tuple[list[tuple[Variable, int]], bool]:
    """What is read of a history, with the places counted from the end, if that is all.

    And whether some of it is read behind what the state starts from.
    """
    found: list[tuple[Variable, int]] = []
    behind = False
    stack = [history]
    while stack:
        v = stack.pop()
        if v in wanted:
            return [], False
        for node in readers.get(v, ()):
            at = _place(node)
            if at is not None and -depth <= at < 0:
                found.append((node.out, at))
            elif _drops_starts(node, depth):
                behind = True
                stack.append(node.out)
            else:
                return [], False
    return found, behind


def _place(node: Apply) -> int | None:
    """The row that a node reads, if it reads one whose number is known."""
    if not isinstance(node.op, Subtensor) or node.op.spec != (Point(),):
        return None
    (at,) = node.inputs[1:]
    return int(at.data) if isinstance(at, Constant) else None


def _drops_starts(node: Apply, depth: int) -> bool:
    """Whether a node is the history without what the state starts from."""
    if not isinstance(node.op, Subtensor) or node.op.spec != (Range(start=True),):
        return False
    (start,) = node.inputs[1:]
    return isinstance(start, Constant) and int(start.data) == depth


def _what_runs(node: Apply) -> Any:
    op = node.op
    assert isinstance(op, LoopOp)
    states = len(op.taps)
    until = op.outputs[-1] if op.until else None
    return node.inputs, op.inputs, op.sequences, op.taps, op.outputs[:states], until


def _merged(nodes: Sequence[Apply]) -> dict[Variable, Variable]:
    """For all outputs of some loops those of the one loop that does the work of all."""
    op = nodes[0].op
    assert isinstance(op, LoopOp)
    states = len(op.taps)
    told: dict[Variable, int] = {}
    for node in nodes:
        assert isinstance(node.op, LoopOp)
        for v in node.op.outputs[states : len(node.op.outputs) - op.until]:
            told.setdefault(v, states + len(told))
    every = [*op.outputs[:states], *told, *op.outputs[len(op.outputs) - op.until :]]
    with built_at(nodes[0].line):
        found = op.with_body(every).make_node(*nodes[0].inputs).outputs
    new: dict[Variable, Variable] = {}
    for node in nodes:
        assert isinstance(node.op, LoopOp)
        for k, (v, out) in enumerate(zip(node.op.outputs, node.outputs, strict=True)):
            if k < states:
                new[out] = found[k]
            elif op.until and k == len(node.outputs) - 1:
                new[out] = found[-1]
            else:
                new[out] = found[told[v]]
    return new
