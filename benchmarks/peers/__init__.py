"""The contenders: a name, the distribution it comes in, and where its `Peer` is defined."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib import metadata

from benchmarks.runner import Peer


@dataclass(frozen=True, slots=True)
class Contender:
    """A column of the result table; its module is imported only in the process that runs it."""

    name: str
    distribution: str
    module: str
    attribute: str = "PEER"
    compiles: bool = True

    @property
    def installed(self) -> bool:
        try:
            metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return False
        return True

    def load(self) -> Peer:
        peer: Peer = getattr(importlib.import_module(self.module), self.attribute)
        return peer


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("symnet", "symnet", "benchmarks.peers.with_symnet"),
        Contender("torch", "torch", "benchmarks.peers.with_torch", "EAGER", compiles=False),
        Contender("torch.compile", "torch", "benchmarks.peers.with_torch", "COMPILED"),
        Contender("jax", "jax", "benchmarks.peers.with_jax"),
        Contender("pytensor", "pytensor", "benchmarks.peers.with_pytensor"),
    )
}
