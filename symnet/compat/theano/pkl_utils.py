"""``theano.misc.pkl_utils``: pickles whose arrays lie beside them in a zip file.

A file that `dump` writes holds a member ``pkl``, the pickle, and one member in NumPy's format for
every array, under the name of its shared variable where there is one, so that `numpy.load` reads
the values without symnet.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from symnet.shared import SharedVariable
from symnet.storage import Storage

_PICKLE = "pkl"


class StripPickler(pickle.Pickler):
    """A pickler that leaves test values and other tags of variables out.

    Parameters
    ----------
    file, protocol
        As of `pickle.Pickler`.
    extra_tag_to_remove
        Names of more tags to leave out.
    """

    def __init__(
        self,
        file: IO[bytes],
        protocol: int | None = None,
        extra_tag_to_remove: list[str] | None = None,
    ) -> None:
        super().__init__(file, protocol)
        self.tag_to_remove = ["trace", "test_value", *(extra_tag_to_remove or ())]

    def reducer_override(self, obj: Any) -> Any:
        """How tags are pickled; everything else is as usual."""
        if type(obj) is not SimpleNamespace:
            return NotImplemented
        kept = {n: v for n, v in vars(obj).items() if n not in self.tag_to_remove}
        return SimpleNamespace, (), kept


class PersistentNdarrayID:
    """Writes arrays to a zip file, and says by which name the pickle finds them there.

    Parameters
    ----------
    zip_file
        Where to.
    """

    def __init__(self, zip_file: ZipFile) -> None:
        self.zip_file = zip_file
        self._seen: dict[int, tuple[str, Any]] = {}
        self._count = 0

    def __call__(self, obj: Any) -> str | None:
        """The name of an array or of a shared variable's storage; None for anything else."""
        if type(obj) is not np.ndarray and type(obj) is not Storage:
            return None
        found = self._seen.get(id(obj))
        if found is None:
            kind, value = ("storage", obj.host()) if type(obj) is Storage else ("ndarray", obj)
            name = self._name_of(obj)
            with self.zip_file.open(name, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(value))
            # What was seen is kept, so that no id is used twice.
            found = self._seen[id(obj)] = f"{kind}.{name}", obj
        return found[0]

    def _name_of(self, obj: Any) -> str:
        self._count += 1
        return f"array_{self._count - 1}"


class PersistentSharedVariableID(PersistentNdarrayID):
    """As `PersistentNdarrayID`, with the names of shared variables for their arrays.

    Parameters
    ----------
    zip_file
        Where to.
    allow_unnamed
        Whether shared variables may be without a name.
    allow_duplicates
        Whether several may have the same name; they are numbered then.
    """

    def __init__(
        self, zip_file: ZipFile, allow_unnamed: bool = True, allow_duplicates: bool = True
    ) -> None:
        super().__init__(zip_file)
        self.allow_unnamed = allow_unnamed
        self.allow_duplicates = allow_duplicates
        self._names: dict[int, str] = {}
        self._uses: dict[str, int] = {}

    def __call__(self, obj: Any) -> str | None:
        """The name of an array or of a shared variable's storage; None for anything else.

        Raises
        ------
        ValueError
            If a shared variable has a name that is not allowed.
        """
        if isinstance(obj, SharedVariable):
            if obj.name == _PICKLE:
                raise ValueError(
                    f"a shared variable named {_PICKLE!r} cannot be dumped: the pickle itself has "
                    "that name in the file"
                )
            if obj.name:
                self._names[id(obj.container)] = obj.name
            elif not self.allow_unnamed:
                raise ValueError(f"{obj!r} has no name, and allow_unnamed is False")
        return super().__call__(obj)

    def _name_of(self, obj: Any) -> str:
        name = self._names.get(id(obj))
        if name is None:
            return super()._name_of(obj)
        uses = self._uses[name] = self._uses.get(name, 0) + 1
        if uses > 1 and not self.allow_duplicates:
            raise ValueError(f"several shared variables are named {name!r}")
        return f"{name}_{uses}" if uses > 1 else name


class PersistentNdarrayLoad:
    """Reads the arrays that a pickle names from a zip file.

    Parameters
    ----------
    zip_file
        Where from.
    """

    def __init__(self, zip_file: ZipFile) -> None:
        self.zip_file = zip_file
        self._cache: dict[str, Any] = {}

    def __call__(self, persid: str) -> Any:
        """The array, or the storage, of a name that `PersistentNdarrayID` gave."""
        if persid not in self._cache:
            kind, _, name = persid.partition(".")
            if kind not in ("ndarray", "storage"):
                raise pickle.UnpicklingError(f"{kind} arrays of Theano's cannot be loaded")
            with self.zip_file.open(name) as member:
                value = np.lib.format.read_array(member)
            self._cache[persid] = Storage(value) if kind == "storage" else value
        return self._cache[persid]


class _Pickler(pickle.Pickler):
    def __init__(
        self, file: IO[bytes], protocol: int | None, find: Callable[[Any], str | None]
    ) -> None:
        super().__init__(file, protocol)
        self._find = find

    def persistent_id(self, obj: Any) -> str | None:
        return self._find(obj)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], find: Callable[[str], Any]) -> None:
        super().__init__(file)
        self._find = find

    def persistent_load(self, pid: str) -> Any:
        return self._find(pid)


def dump(
    obj: Any,
    file_handler: IO[bytes],
    protocol: int | None = None,
    persistent_id: Callable[[ZipFile], Callable[[Any], str | None]] = PersistentSharedVariableID,
) -> None:
    """Pickle an object to a zip file with its arrays beside the pickle.

    Parameters
    ----------
    obj
        Anything: expressions, shared variables, functions, arrays.
    file_handler
        A file open for writing bytes.
    protocol
        Of the pickle.
    persistent_id
        What, given the zip file, names the objects to write beside the pickle.

    Examples
    --------
    >>> from symnet import shared
    >>> file = BytesIO()
    >>> dump([shared(0, "foo"), shared(1, "foo"), np.array(2)], file)
    >>> _ = file.seek(0)
    >>> np.load(file).files
    ['foo', 'foo_2', 'array_0', 'pkl']
    >>> _, foo, array = load(file)
    >>> foo.get_value(), array
    (array(1), array(2))
    """
    with ZipFile(file_handler, "w", ZIP_DEFLATED, allowZip64=True) as zip_file:
        text = BytesIO()
        _Pickler(text, protocol, persistent_id(zip_file)).dump(obj)
        zip_file.writestr(_PICKLE, text.getvalue())


def load(
    f: IO[bytes],
    persistent_load: Callable[[ZipFile], Callable[[str], Any]] = PersistentNdarrayLoad,
) -> Any:
    """Load what `dump` wrote.

    Parameters
    ----------
    f
        A file open for reading bytes.
    persistent_load
        What, given the zip file, finds an object by its name.
    """
    with ZipFile(f) as zip_file, zip_file.open(_PICKLE) as member:
        return _Unpickler(member, persistent_load(zip_file)).load()
