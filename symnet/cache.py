"""The cache on disk: bytes by key, kept between processes.

Several processes may share it: an entry is written beside its final name and then moved there,
which is atomic. An entry that is damaged in any way counts as absent. So does a directory that
cannot be written: a cache may only save time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path

MAGIC = b"symnet 1\n"
_HEADER = len(MAGIC) + hashlib.sha256().digest_size
LIMIT = 512 << 20
"""Bytes that a directory may hold; the entries that were not used for longest go first."""


def directory(kind: str) -> Path:
    """Where entries of a kind are kept: in ``SYMNET_CACHE_DIR``, or the user's cache directory."""
    chosen = os.environ.get("SYMNET_CACHE_DIR")
    if chosen:
        return Path(chosen) / kind
    import platformdirs  # late: its import takes longer than reading an entry

    return Path(platformdirs.user_cache_dir("symnet")) / kind


def load(kind: str, key: str) -> bytes | None:
    """The entry of a key, or None if there is none in good order."""
    path = directory(kind) / key
    try:
        content = path.read_bytes()
    except OSError:
        return None
    payload = content[_HEADER:]
    if content[:_HEADER] != MAGIC + hashlib.sha256(payload).digest():
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return payload


def store(kind: str, key: str, payload: bytes) -> None:
    """Keep an entry, if the directory lets us."""
    folder = directory(kind)
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_room(folder)
        keep_file(folder / key, MAGIC + hashlib.sha256(payload).digest() + payload)


def keep_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, as other processes see it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix="new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(aside, path)
    except OSError:
        os.unlink(aside)
        raise


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
