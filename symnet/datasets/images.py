"""Handwritten digits, as NumPy arrays: MNIST, and the small set that stands in for it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symnet.datasets.files import Source, contents

_MNIST = Source(
    "MNIST",
    "mnist",
    {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

#: idx type code -> big-endian NumPy dtype (the format's own table).
_IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

#: The published results at deeplearning.net scale pixels by 1/256, not 1/255. It matters: with it,
#: their logistic regression stops after the published 74 epochs at the published 7.489583 %.
_PIXEL_LEVELS = 256
_DIGITS_LEVELS = 16


class Split(NamedTuple):
    """Examples and their labels.

    Attributes
    ----------
    inputs
        float32, shape (n, features), every entry in [0, 1].
    labels
        int32, shape (n,), every entry in [0, classes).
    """

    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A classification data set in three parts.

    Attributes
    ----------
    name
        What the data is, for people to read.
    source
        Where it came from, for people to read.
    train, valid, test
        The three parts.
    image_shape
        (rows, columns) of the image that one row of ``inputs`` holds.
    classes
        Number of classes.
    """

    name: str
    source: str
    train: Split
    valid: Split
    test: Split
    image_shape: tuple[int, int]
    classes: int

    @property
    def features(self) -> int:
        """Length of one row of inputs."""
        return math.prod(self.image_shape)

    def limit(self, n: int) -> Dataset:
        """Return the same data with at most the first `n` examples in each part.

        Examples
        --------
        >>> digits().limit(100).train.inputs.shape
        (100, 64)
        """
        if n < 1:
            raise ValueError(f"a data set needs at least one example, not {n}")

        def first(part: Split) -> Split:
            return Split(part.inputs[:n], part.labels[:n])

        return replace(
            self, train=first(self.train), valid=first(self.valid), test=first(self.test)
        )


def mnist() -> Dataset:
    """Load MNIST: 50,000 training, 10,000 validation and 10,000 test images of 28x28 pixels.

    The split and the scale of the pixels (1/256) are deeplearning.net's. The files of
    ``SYMNET_DATA`` may hold another set in MNIST's form: the last sixth of the training examples
    always becomes the validation part.

    Returns
    -------
    Dataset
        784 features, 10 classes; or, when there is no network, `digits` with 64 features.

    Raises
    ------
    FileNotFoundError
        ``SYMNET_DATA`` is set, and the four files are not in it.
    ValueError
        A file is corrupted, or the files do not fit together.

    Warns
    -----
    FallbackWarning
        The download failed, and `digits` stands in.
    """
    return _MNIST.load(_load_mnist, digits, "scikit-learn's digits, a much smaller set")


def digits() -> Dataset:
    """Load scikit-learn's bundled digits: 1,797 images of 8x8 pixels, 300 + 300 of them held out.

    Raises
    ------
    ModuleNotFoundError
        scikit-learn is not installed.

    Examples
    --------
    >>> data = digits()
    >>> data.train.inputs.shape, data.image_shape, data.classes
    ((1197, 64), (8, 8), 10)
    """
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        error.add_note("the tutorials' data needs: pip install 'symnet[tutorials]'")
        raise
    bundled = load_digits()
    # The examples are grouped by writer, so an unshuffled test part would be other people's hands.
    order = np.random.default_rng(0).permutation(len(bundled.target))
    images, labels = bundled.images[order], bundled.target[order]
    held_out = 300
    train, valid, test = (
        _split(images[part], labels[part], _DIGITS_LEVELS)
        for part in np.split(np.arange(len(labels)), [-2 * held_out, -held_out])
    )
    return Dataset("digits", "scikit-learn", train, valid, test, image_shape=(8, 8), classes=10)


def find_mnist() -> Path | None:
    """Return the folder that holds MNIST's four files, or None if they must be downloaded.

    Raises
    ------
    FileNotFoundError
        ``SYMNET_DATA`` is set, and the four files are not in it.
    """
    return _MNIST.find()


def read_idx(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read an idx file, the format of MNIST, gzipped if its name ends in ``.gz``.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    ndarray
        Its array, in native byte order, read-only.

    Raises
    ------
    ValueError
        The file is corrupted: damaged gzip data, a wrong magic number, a wrong length.
    """
    path = Path(path)
    data = contents(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_DTYPES:
        raise ValueError(f"{path}: not an idx file: it starts with {data[:4].hex(' ')}")
    dtype, rank = np.dtype(_IDX_DTYPES[data[2]]), data[3]
    header = 4 + 4 * rank
    if len(data) < header:
        raise ValueError(f"{path}: ends inside its header of {header} bytes")
    shape = tuple(np.frombuffer(data, ">u4", count=rank, offset=4).tolist())
    expected = header + dtype.itemsize * math.prod(shape)
    if len(data) != expected:
        raise ValueError(
            f"{path}: an array of shape {shape} takes {expected} bytes, the file has {len(data)}"
        )
    array: npt.NDArray[Any] = np.frombuffer(data, dtype, offset=header).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _load_mnist(folder: Path) -> Dataset:
    images, labels = _read_pair(folder, "train")
    test = _read_pair(folder, "t10k")
    if images.shape[1:] != test[0].shape[1:]:
        raise ValueError(
            f"{folder}: training images of {images.shape[1:]} pixels, "
            f"test images of {test[0].shape[1:]}"
        )
    kept = len(images) - len(images) // 6
    rows, columns = images.shape[1:]
    return Dataset(
        "MNIST",
        str(folder),
        _split(images[:kept], labels[:kept], _PIXEL_LEVELS),
        _split(images[kept:], labels[kept:], _PIXEL_LEVELS),
        _split(*test, _PIXEL_LEVELS),
        image_shape=(rows, columns),
        classes=10,
    )


def _read_pair(folder: Path, part: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    images = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")
    for array, what, rank in ((images, "images", 3), (labels, "labels", 1)):
        if array.dtype != np.uint8 or array.ndim != rank:
            raise ValueError(
                f"{folder}: {part} {what} should be uint8 of rank {rank}, "
                f"not {array.dtype} of rank {array.ndim}"
            )
    if len(images) != len(labels):
        raise ValueError(f"{folder}: {len(images)} {part} images but {len(labels)} labels")
    if labels.size and labels.max() > 9:
        raise ValueError(f"{folder}: a {part} label is {labels.max()}; the classes are 0 to 9")
    return images, labels


def _split(images: npt.NDArray[Any], labels: npt.NDArray[Any], levels: int) -> Split:
    """Flatten the images and scale them by the number of grey levels."""
    inputs = images.reshape(len(images), -1).astype(np.float32)
    inputs *= np.float32(1 / levels)
    return Split(inputs, labels.astype(np.int32))
