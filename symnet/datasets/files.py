"""Where the files of a data set are: in the folder that ``SYMNET_DATA`` names, or in the cache.

In: a `Source`, which says what files there are and where they can be had. Out: a folder with all
of them, or, when they cannot be had, whatever stands in for them.
"""

from __future__ import annotations

import gzip
import os
import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import platformdirs

_DOWNLOAD_TIMEOUT_S = 15


class FallbackWarning(UserWarning):
    """The data asked for could not be had, and other data stands in for it."""


class _Sourced(Protocol):
    """Data that says where it comes from; always a dataclass."""

    @property
    def source(self) -> str: ...


Data = TypeVar("Data", bound=_Sourced)


@dataclass(frozen=True, slots=True)
class Source:
    """The files of a data set.

    Attributes
    ----------
    title
        What the data is, for people to read.
    folder
        The name of the folder they have in ``SYMNET_DATA`` and in the cache.
    md5
        The files as they are served, and their checksums.
    mirrors
        The addresses that they are served at: of folders, each with a slash at its end.
    """

    title: str
    folder: str
    md5: Mapping[str, str]
    mirrors: tuple[str, ...]

    def find(self) -> Path | None:
        """Return the folder that holds the files, or None if they must be downloaded.

        Raises
        ------
        FileNotFoundError
            ``SYMNET_DATA`` is set, and the files are not in it.
        """
        named = os.environ.get("SYMNET_DATA")
        candidates = [Path(named) / self.folder, Path(named)] if named else [self.cache()]
        for folder in candidates:
            if all(stored(folder / file) for file in self.md5):
                return folder
        if not named:
            return None
        if not Path(named).is_dir():
            raise FileNotFoundError(
                f"SYMNET_DATA={named}: there is no such folder; correct SYMNET_DATA, or unset it "
                f"to download {self.title}"
            )
        raise FileNotFoundError(
            f"SYMNET_DATA={named}: neither this folder nor its sub-folder {self.folder} holds all "
            f"of {', '.join(self.md5)}; correct SYMNET_DATA, or unset it to download them"
        )

    def cache(self) -> Path:
        """The folder that downloads go to."""
        return platformdirs.user_cache_path("symnet") / "data" / self.folder

    def download(self) -> Path:
        """Fetch the files into the cache; OSError when no mirror gives them intact."""
        import pooch

        for file, md5 in self.md5.items():
            failures = []
            for mirror in self.mirrors:
                try:
                    pooch.retrieve(
                        mirror + file,
                        known_hash=f"md5:{md5}",
                        fname=file,
                        path=self.cache(),
                        downloader=pooch.HTTPDownloader(timeout=_DOWNLOAD_TIMEOUT_S),
                    )
                    break
                except (OSError, ValueError) as error:  # no connection; a wrong checksum
                    failures.append(f"{type(error).__name__} from {urlsplit(mirror).hostname}")
            else:
                raise OSError(", ".join(failures))
        return self.cache()

    def load(
        self, read: Callable[[Path], Data], stand_in: Callable[[], Data], described: str
    ) -> Data:
        """Read the data from the folder that holds it, or from the cache, downloaded if need be.

        Parameters
        ----------
        read
            Makes data of a folder.
        stand_in, described
            Makes other data when the download fails, and what that is, for people to read.
        """
        folder = self.find()
        if folder is not None:
            return read(folder)
        try:
            folder = self.download()
        except (ImportError, OSError) as error:
            reason = f"{self.title} could not be downloaded ({error})"
            warnings.warn(
                f"{reason}: falling back on {described}. For {self.title}, set SYMNET_DATA to a "
                f"folder with {', '.join(self.md5)}.",
                FallbackWarning,
                stacklevel=3,
            )
            other = stand_in()
            source = f"{other.source}, because {reason}"
            return replace(other, source=source)  # type: ignore[type-var]
        return read(folder)


def stored(path: Path) -> Path | None:
    """Return where a file lies, as it is or gzipped; None if it does not."""
    zipped = path.with_name(path.name + ".gz")
    return next((file for file in (path, zipped) if file.is_file()), None)


def contents(path: Path) -> bytes:
    """Return a file's bytes, unpacked if its name, or that of the file there is, ends in ``.gz``.

    Raises
    ------
    ValueError
        The packed data is damaged.
    """
    file = stored(path) or path
    data = file.read_bytes()
    if file.suffix != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{file}: damaged gzip data ({error})") from error
