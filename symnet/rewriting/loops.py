"""Loops that run over the same things become one.

A gradient wants more of a loop than its caller did: the loop that tells it is the same but for
further outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symnet.graph import Apply, Variable, ancestors, built_at, rebuild
from symnet.op import LoopOp


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
