"""The data loader: real files, damaged files, no files and no network."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from symnet import datasets
from symnet.datasets import files, images


def idx_bytes(array: np.ndarray, code: int = 0x08) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_mnist(folder: Path, train: int = 12, test: int = 5) -> None:
    """Write a small set in MNIST's form: image i is filled with the number i."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, n in (("train", train), ("t10k", test)):
        images = np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8)
        labels = np.arange(n, dtype=np.uint8) % 10
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            path = folder / f"{part}-{name}-ubyte.gz"
            path.write_bytes(gzip.compress(idx_bytes(array)))


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_mnist(tmp_path / "mnist")
    monkeypatch.setenv("SYMNET_DATA", str(tmp_path))
    return tmp_path / "mnist"


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SYMNET_DATA", raising=False)
    monkeypatch.setattr(files.platformdirs, "user_cache_path", lambda app: tmp_path / app)
    return tmp_path / "symnet" / "data"


def test_mnist_from_the_named_folder(data_folder: Path) -> None:
    data = datasets.mnist()
    assert (data.name, data.source) == ("MNIST", str(data_folder))
    assert (data.image_shape, data.features, data.classes) == ((28, 28), 784, 10)
    assert [len(part.labels) for part in (data.train, data.valid, data.test)] == [10, 2, 5]
    for part in (data.train, data.valid, data.test):
        assert part.inputs.dtype == np.float32
        assert part.inputs.shape == (len(part.labels), 784)
        assert part.labels.dtype == np.int32
        assert part.inputs.flags.c_contiguous
    np.testing.assert_array_equal(data.valid.inputs[:, 0], np.float32([10, 11]) / 256)
    np.testing.assert_array_equal(data.test.labels, range(5))


def test_the_named_folder_may_hold_the_files_itself(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYMNET_DATA", str(data_folder))
    assert datasets.mnist().source == str(data_folder)


def test_a_named_folder_without_the_files_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYMNET_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"SYMNET_DATA=.*train-images-idx3-ubyte\.gz"):
        datasets.mnist()


def test_a_named_folder_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYMNET_DATA", str(tmp_path / "dada"))
    with pytest.raises(FileNotFoundError, match=r"SYMNET_DATA=.*dada: there is no such folder"):
        datasets.mnist()


def test_limit(data_folder: Path) -> None:
    small = datasets.mnist().limit(3)
    assert [len(part.inputs) for part in (small.train, small.valid, small.test)] == [3, 2, 3]
    with pytest.raises(ValueError, match="at least one"):
        small.limit(0)


def test_digits() -> None:
    data = datasets.digits()
    inputs = np.concatenate([data.train.inputs, data.valid.inputs, data.test.inputs])
    assert inputs.shape == (1797, data.features)
    assert inputs.min() == 0
    assert inputs.max() == 1
    for part in (data.train, data.valid, data.test):
        assert set(part.labels) == set(range(data.classes))


def test_no_network_falls_back_loudly(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("pooch.retrieve", unreachable)
    with pytest.warns(datasets.FallbackWarning, match=r"ConnectionError from .*SYMNET_DATA"):
        data = datasets.mnist()
    assert data.name == "digits"
    assert "ConnectionError" in data.source


def test_a_mirror_that_fails_is_replaced_by_the_next(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def second_mirror_only(url: str, known_hash: str, fname: str, path: Path, **_: object) -> None:
        tried.append(url)
        assert known_hash.startswith("md5:")
        if url.startswith(images._MNIST.mirrors[0]):
            raise ValueError("wrong checksum")
        if not (path / fname).exists():
            write_mnist(path)

    monkeypatch.setattr("pooch.retrieve", second_mirror_only)
    assert datasets.mnist().source == str(empty_cache / "mnist")
    assert len(tried) == 8


def test_the_cache_is_used_without_a_network(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mnist(empty_cache / "mnist")
    monkeypatch.setattr("pooch.retrieve", None)
    assert datasets.mnist().source == str(empty_cache / "mnist")


@pytest.mark.parametrize(
    ("dtype", "code"),
    [("u1", 0x08), ("i1", 0x09), ("i2", 0x0B), ("i4", 0x0C), ("f4", 0x0D), ("f8", 0x0E)],
)
def test_read_idx_keeps_dtype_and_values(tmp_path: Path, dtype: str, code: int) -> None:
    array = np.arange(6).astype(dtype).reshape(2, 3)
    (tmp_path / "a.idx").write_bytes(idx_bytes(array, code))
    read = datasets.read_idx(tmp_path / "a.idx")
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array)


GOOD = idx_bytes(np.zeros((2, 3), np.uint8))


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "not an idx file"),
        (b"\x01" + GOOD[1:], "not an idx file"),
        (GOOD[:2] + b"\xff" + GOOD[3:], "not an idx file"),
        (GOOD[:6], "ends inside its header"),
        (GOOD[:-1], r"shape \(2, 3\) takes 18 bytes, the file has 17"),
        (GOOD + b"\0", "18 bytes, the file has 19"),
    ],
)
def test_a_damaged_idx_file_is_named(tmp_path: Path, contents: bytes, message: str) -> None:
    (tmp_path / "bad.idx").write_bytes(contents)
    with pytest.raises(ValueError, match=rf"bad\.idx: .*{message}"):
        datasets.read_idx(tmp_path / "bad.idx")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"no gzip data at all",
        lambda data: data[:20] + bytes([data[20] ^ 0xFF]) + data[21:],
    ],
    ids=["truncated", "not gzip", "flipped bits"],
)
def test_damaged_gzip_data_is_named(tmp_path: Path, damage) -> None:
    path = tmp_path / "bad.idx.gz"
    path.write_bytes(damage(gzip.compress(GOOD * 50)))
    with pytest.raises(ValueError, match=r"bad\.idx\.gz: "):
        datasets.read_idx(path)


@pytest.mark.parametrize(
    ("file", "array", "message"),
    [
        ("train-labels-idx1", np.zeros(7, np.uint8), "12 train images but 7 labels"),
        ("train-labels-idx1", np.full(12, 10, np.uint8), "a train label is 10"),
        ("t10k-images-idx3", np.zeros((5, 8, 8), np.uint8), "training images of .28, 28. pixels"),
        ("t10k-images-idx3", np.zeros((5, 784), np.uint8), "rank 3, not uint8 of rank 2"),
    ],
)
def test_files_that_do_not_fit_together(
    data_folder: Path, file: str, array: np.ndarray, message: str
) -> None:
    (data_folder / f"{file}-ubyte.gz").write_bytes(gzip.compress(idx_bytes(array)))
    with pytest.raises(ValueError, match=message):
        datasets.mnist()
