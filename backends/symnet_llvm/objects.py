"""Compiled code on disk: machine code and a few facts, by key.

In goes the key of everything that the code depends on; out comes an `Entry` or None. Entries hold
no addresses, so any process may load them.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from symnet import cache as disk
from symnet import kernel

KIND = "llvm"
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Entry:
    """Compiled code.

    Attributes
    ----------
    codes
        Object files.
    facts
        What the code generator wants to remember of it; anything that JSON holds.
    """

    codes: tuple[bytes, ...]
    facts: dict[str, Any]


def load(key: str) -> Entry | None:
    """The entry of a key, or None if there is none in good order."""
    payload = disk.load(KIND, key)
    if payload is None:
        return None
    start = _LENGTH.size + _LENGTH.unpack_from(payload)[0]
    lengths, facts = json.loads(payload[_LENGTH.size : start])
    ends = accumulate(lengths, initial=start)
    return Entry(tuple(payload[a:b] for a, b in pairwise(ends)), facts)


def store(key: str, entry: Entry) -> None:
    """Keep an entry, if the directory lets us."""
    head = json.dumps([[len(code) for code in entry.codes], entry.facts]).encode()
    disk.store(KIND, key, b"".join([_LENGTH.pack(len(head)), head, *entry.codes]))


@cache
def version() -> str:
    """What identifies the code generator: a hash of the sources that generated code depends on."""
    digest = hashlib.sha256(repr((llvm.llvm_version_info, disk.MAGIC)).encode())
    symnet = Path(kernel.__file__).parent
    sources = [*Path(__file__).parent.glob("*.py"), *symnet.joinpath("scalar").glob("*.py")]
    sources += [symnet / name for name in ("dtypes.py", "kernel.py", "program.py")]
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def key(*parts: str) -> str:
    """The key of code that depends on `parts` and on this version of the code generator."""
    return hashlib.sha256("\0".join((version(), *parts)).encode()).hexdigest()
