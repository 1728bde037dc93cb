"""The cache of compiled code on disk: machine code and a few facts, by key.

In goes the key of everything that the code depends on; out comes an `Entry` or None. Entries hold
no addresses, so any process may load them. Several processes may share a directory: an entry is
written beside its final name and then moved there, which is atomic. An entry that is damaged in
any way counts as absent. So does a directory that cannot be written: a cache may only save time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import tempfile
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from symnet import kernel

MAGIC = b"symnet object 2\n"
_HEADER = struct.Struct("<16s32sI")
LIMIT = 512 << 20
"""Bytes that the cache may hold; the entries that were not used for longest go first."""


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


def directory() -> Path:
    """Where entries are kept: ``SYMNET_CACHE_DIR``, or the user's cache directory."""
    chosen = os.environ.get("SYMNET_CACHE_DIR")
    if chosen:
        return Path(chosen) / "llvm"
    import platformdirs  # late: its import takes longer than reading an entry

    return Path(platformdirs.user_cache_dir("symnet")) / "llvm"


def load(key: str) -> Entry | None:
    """The entry of a key, or None if there is none in good order."""
    path = directory() / key
    try:
        content = path.read_bytes()
        magic, digest, length = _HEADER.unpack_from(content)
        payload = memoryview(content)[_HEADER.size :]
        if magic != MAGIC or hashlib.sha256(payload).digest() != digest:
            return None
        lengths, facts = json.loads(bytes(payload[:length]))
    except (OSError, ValueError, struct.error):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    ends = list(accumulate(lengths, initial=length))
    return Entry(tuple(bytes(payload[a:b]) for a, b in pairwise(ends)), facts)


def store(key: str, entry: Entry) -> None:
    """Keep an entry, if the directory lets us."""
    facts = json.dumps([[len(code) for code in entry.codes], entry.facts]).encode()
    payload = b"".join([facts, *entry.codes])
    header = _HEADER.pack(MAGIC, hashlib.sha256(payload).digest(), len(facts))
    folder = directory()
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_room(folder)
        handle, aside = tempfile.mkstemp(dir=folder, prefix="new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(header + payload)
            os.replace(aside, folder / key)
        except OSError:
            os.unlink(aside)


@cache
def _make_room(folder: Path) -> None:
    """Delete what was not used for longest, down to half the limit; once in a process."""
    found = []
    for item in os.scandir(folder):
        with contextlib.suppress(OSError):
            found.append((item.stat().st_mtime, item.stat().st_size, item.path))
    total = sum(size for _, size, _ in found)
    if total <= LIMIT:
        return
    for _, size, path in sorted(found):
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size
        if total <= LIMIT // 2:
            return


@cache
def version() -> str:
    """What identifies the code generator: a hash of the sources that generated code depends on."""
    digest = hashlib.sha256(repr((llvm.llvm_version_info, MAGIC)).encode())
    symnet = Path(kernel.__file__).parent
    sources = [*Path(__file__).parent.glob("*.py"), *symnet.joinpath("scalar").glob("*.py")]
    sources += [symnet / name for name in ("dtypes.py", "kernel.py", "program.py")]
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def key(*parts: str) -> str:
    """The key of code that depends on `parts` and on this version of the code generator."""
    return hashlib.sha256("\0".join((version(), *parts)).encode()).hexdigest()
