"""Sentences and pieces of music: real files, damaged files, no files and no network."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from symnet import datasets
from symnet.datasets import files

LOADERS = {
    "atis": (datasets.atis, datasets.requests),
    "movie_reviews": (datasets.movie_reviews, datasets.opinions),
    "jsb_chorales": (datasets.chorales, datasets.cadences),
}

QUESTION = "BOS fly to new york EOS\tO O O B-to I-to atis_flight\n"
PIECES = {"train": [[[60, 64], []], [[62]]], "valid": [[[21]]], "test": [[[108]]]}


def write_atis(folder: Path) -> None:
    folder.mkdir()
    (folder / "atis.train.w-intent.iob").write_text(QUESTION * 510)
    (folder / "atis.test.w-intent.iob.gz").write_bytes(gzip.compress(QUESTION.encode() * 3))


def write_reviews(folder: Path, encoding: str = "utf-8") -> None:
    folder.mkdir()
    for part in ("pos", "neg"):
        lines = "".join(f"{part} café {k} . \n" for k in range(20))
        (folder / f"rt-polarity.{part}").write_bytes(lines.encode(encoding))


def write_chorales(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    data = gzip.compress(json.dumps(PIECES).encode())
    (folder / "jsb-chorales-quarter.json.gz").write_bytes(data)


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYMNET_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SYMNET_DATA", raising=False)
    monkeypatch.setattr(files.platformdirs, "user_cache_path", lambda app: tmp_path / app)
    return tmp_path / "symnet" / "data"


def test_atis_is_read_plain_and_packed(named: Path) -> None:
    write_atis(named / "atis")
    data = datasets.atis()
    assert (data.name, data.source) == ("ATIS", str(named / "atis"))
    assert [len(part) for part in (data.train, data.valid, data.test)] == [10, 500, 3]
    assert data.test[0] == (("fly", "to", "new", "york"), ("O", "O", "B-to", "I-to"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("BOS fly EOS\tO O", "line 2: 3 words and 2 tags"),
        ("fly away now\tO O O", "line 2: 3 words and 3 tags; .* from BOS to EOS"),
        ("BOS fly EOS", "line 2: 3 words and 0 tags"),
    ],
)
def test_a_line_of_atis_that_is_none_is_named(named: Path, line: str, message: str) -> None:
    write_atis(named / "atis")
    (named / "atis" / "atis.train.w-intent.iob").write_text(f"{QUESTION}{line}\n")
    with pytest.raises(ValueError, match=rf"atis\.train\.w-intent\.iob, {message}"):
        datasets.atis()


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_reviews_are_mixed_and_their_labels_stay_with_them(named: Path, encoding: str) -> None:
    write_reviews(named / "movie_reviews", encoding)
    data = datasets.movie_reviews()
    assert [len(part) for part in (data.train, data.valid, data.test)] == [32, 4, 4]
    every = [*data.train, *data.valid, *data.test]
    assert len({review.words for review in every}) == 40
    assert {(review.words[0], review.label) for review in every} == {("pos", 1), ("neg", 0)}
    assert {review.words[1] for review in every} == {"café"}
    assert 0 < sum(review.label for review in data.train) < 20 < len(data.train)


def test_chorales_are_read(named: Path) -> None:
    write_chorales(named)
    data = datasets.chorales()
    assert data.train == [((60, 64), ()), ((62,),)]
    assert (data.valid, data.test) == ([((21,),)], [((108,),)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "are expected there"),
        ('{"train": []}', "are expected there .KeyError: 'valid'"),
        ('{"train": [[60]], "valid": [], "test": []}', "are expected there"),
        ('{"train": [[[60, 109]]], "valid": [], "test": []}', r"no piano has keys for \[109\]"),
    ],
)
def test_damaged_chorales_are_named(named: Path, text: str, message: str) -> None:
    (named / "jsb-chorales-quarter.json").write_text(text)
    with pytest.raises(ValueError, match=rf"jsb-chorales-quarter\.json: .*{message}"):
        datasets.chorales()


@pytest.mark.parametrize("folder", LOADERS)
def test_a_named_folder_without_the_files_is_an_error(named: Path, folder: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf"SYMNET_DATA=.*sub-folder {folder} holds all"):
        LOADERS[folder][0]()


@pytest.mark.parametrize("folder", LOADERS)
def test_no_network_falls_back_loudly(
    empty_cache: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("pooch.retrieve", unreachable)
    load, made_up = LOADERS[folder]
    with pytest.warns(datasets.FallbackWarning, match=r"ConnectionError from .*SYMNET_DATA"):
        data = load()
    assert (data.name, data.train) == (made_up().name, made_up().train)
    assert data.source.startswith("made up")
    assert "ConnectionError" in data.source


@pytest.mark.parametrize(
    ("folder", "write"),
    [("atis", write_atis), ("movie_reviews", write_reviews), ("jsb_chorales", write_chorales)],
)
def test_downloads_are_checked_and_kept(
    empty_cache: Path,
    folder: str,
    write: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetched = []

    def retrieve(url: str, known_hash: str, fname: str, path: Path, **_: object) -> None:
        assert url.endswith(f"/{fname}")
        assert known_hash.startswith("md5:")
        if not path.exists():
            path.parent.mkdir(parents=True)
            write(path)
        fetched.append(fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert LOADERS[folder][0]().source == str(empty_cache / folder)
    count = len(fetched)
    assert LOADERS[folder][0]().source == str(empty_cache / folder)
    assert len(fetched) == count > 0


def test_limit() -> None:
    small = datasets.requests().limit(3)
    assert [len(part) for part in (small.train, small.valid, small.test)] == [3, 3, 3]
    with pytest.raises(ValueError, match="at least one"):
        small.limit(0)


def test_what_is_made_up_is_always_the_same_and_well_formed() -> None:
    for words, tags in datasets.requests().train:
        assert len(words) == len(tags)
        assert {"B-fromloc", "B-toloc"} < set(tags)
    labels = [review.label for review in datasets.opinions().train]
    assert 0.4 < sum(labels) / len(labels) < 0.6
    for piece in datasets.cadences().train:
        assert all(36 <= pitch <= 84 for beat in piece for pitch in beat)
        assert {pitch % 12 for pitch in piece[-1]} == {0, 4, 7}
    assert datasets.opinions().train == datasets.opinions().train
