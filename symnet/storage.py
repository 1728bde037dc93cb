"""Where the value of a shared variable lives.

A `Storage` holds one array, in the host's memory or on a backend's device, and is the hand-over
point between shared variables (`symnet.shared`) and compiled functions, which read and write it
in place. `LOCK` keeps calls of compiled functions and accesses from Python apart.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Protocol

import numpy as np

from symnet.backend import Backend
from symnet.interrupts import Deferred

Array = np.ndarray[Any, Any]

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""

LARGE = 1 << 20
"""Bytes from which memory counts more than alignment."""

LOCK = threading.RLock()
"""Held during a call of a compiled function and during any access to shared values."""

# A fork waits for the call that runs, so that the child finds values whole and the lock free.
os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)


def aligned_empty(shape: tuple[int, ...], dtype: str) -> Array:
    """Return uninitialised C-contiguous memory on an `ALIGNMENT` boundary.

    Examples
    --------
    >>> aligned_empty((3, 5), "float32").ctypes.data % ALIGNMENT
    0
    """
    count = int(np.prod(shape, dtype=np.int64))
    size = count * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def aligned_copy(value: Array) -> Array:
    """Return a copy of `value` in memory of `aligned_empty`, in native byte order."""
    copy = aligned_empty(value.shape, value.dtype.name)
    copy[...] = value
    return copy


def is_suitable(value: object) -> bool:
    """Whether compiled functions can work well on an array where it lies.

    They can on any plain one. A copy on an `ALIGNMENT` boundary is quicker to work on, and for a
    small array that is worth more than the copy costs.
    """
    return (
        type(value) is np.ndarray
        and value.flags.c_contiguous
        and value.flags.writeable
        and value.flags.aligned
        and value.dtype.isnative
        and (value.nbytes >= LARGE or value.ctypes.data % ALIGNMENT == 0)
    )


_BORROWERS: weakref.WeakSet[Storage] = weakref.WeakSet()
"""Storages that began as somebody else's array: no two of them may have the same memory."""


class Watcher(Protocol):
    """Who holds handles of a storage."""

    def storage_replaced(self) -> None:
        """Forget the handle; called whenever it becomes stale."""
        ...


class Storage:
    """One array that outlives calls of compiled functions.

    Parameters
    ----------
    value
        What it holds at first.
    borrow
        Whether to keep `value` itself instead of a copy, if compiled functions can work on it and
        no other storage has.

    Attributes
    ----------
    dtype
        Name of the element type, which never changes.
    shape
        Lengths of the dimensions, known without asking the device.
    generation
        Counts up whenever the handle that compiled functions hold (see `on`) becomes stale.
    """

    __slots__ = (
        "__weakref__",
        "_backend",
        "_handle",
        "_host",
        "_watchers",
        "dtype",
        "generation",
        "shape",
    )

    def __init__(self, value: Array, borrow: bool = False) -> None:
        self.dtype = value.dtype.name
        self.shape: tuple[int, ...] = value.shape
        self.generation = 0
        with LOCK:
            borrow = borrow and self._may_borrow(value)
        self._host: Array | None = value if borrow else aligned_copy(value)
        self._backend: Backend | None = None
        self._handle: Any = None
        self._watchers: weakref.WeakSet[Any] = weakref.WeakSet()

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` whenever handles become stale; holds no reference to it."""
        with LOCK:
            self._watchers.add(watcher)

    def _may_borrow(self, value: Array) -> bool:
        """Whether `value` can be the storage itself; notes that it is going to be."""
        if not is_suitable(value):
            return False
        for other in _BORROWERS:
            held = other._host if other is not self else None
            if held is not None and np.may_share_memory(held, value):
                return False
        _BORROWERS.add(self)
        return True

    def _stale(self) -> None:
        self.generation += 1
        for watcher in self._watchers:
            watcher.storage_replaced()

    def host(self) -> Array:
        """Return the value as an array: the storage itself where it lies in the host's memory."""
        with LOCK:
            if self._host is not None:
                return self._host
            if self._backend is None:
                raise RuntimeError("a storage without memory")  # each method leaves one of the two
            return self._backend.download(self._handle)

    def on(self, backend: Backend) -> Any:
        """Move to the memory of `backend` and return its handle.

        Backends that compute in the host's memory hand back an array; it is then the storage.
        """
        with LOCK:
            if self._backend is not backend:
                value = self.host()
                with Deferred():
                    self._place(value, backend)
                    if self._handle is not value:
                        self._stale()
            return self._handle

    def set(self, value: Array, borrow: bool = False) -> None:
        """Store a value of the same dtype, in place where the shape is the same."""
        with LOCK:
            if borrow and value is not self._host and self._may_borrow(value):
                self.adopt(value)
            elif self._host is not None and value.shape == self.shape:
                self._host[...] = value
            else:
                self.replace(value)

    def replace(self, value: Array) -> None:
        """Store a copy of a value of any shape in new memory; handles become stale."""
        with LOCK:
            self.adopt(aligned_copy(value))

    def adopt(self, value: Array) -> None:
        """Make a plain array that nobody else writes to the storage; handles become stale."""
        if value.dtype.name != self.dtype:
            raise TypeError(f"a storage of {self.dtype} cannot hold {value.dtype.name}")
        with LOCK, Deferred():
            if self._backend is not None:
                self._place(value, self._backend)
            else:
                self._host = value
            self.shape = value.shape
            self._stale()

    def _place(self, value: Array, backend: Backend) -> None:
        self._handle = backend.upload(value)
        self._backend = backend
        self._host = self._handle if isinstance(self._handle, np.ndarray) else None

    @property
    def value(self) -> Array:
        """The value as an array, as `host` returns it."""
        return self.host()

    @value.setter
    def value(self, value: Array) -> None:
        self.set(np.asarray(value, self.dtype))

    @property
    def storage(self) -> list[Array]:
        """The value in a list, where Theano has it."""
        return [self.host()]

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickles and deep copies hold the array, never the device it was on.
        with LOCK:
            return (Storage, (np.array(self.host()),))

    def __repr__(self) -> str:
        place = self._backend.name if self._backend is not None else "host"
        return f"<Storage of {self.dtype}{list(self.shape)} on {place}>"
