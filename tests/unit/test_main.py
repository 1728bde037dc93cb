"""`python -m symnet` answers, whatever is missing."""

import pytest

from symnet import __main__ as report
from symnet import backend


def test_it_prints_what_users_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    report.main()
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    for what in ("symnet", "python", "numpy", "backends", "threads", "cache", "data"):
        assert lines[what].strip()


def test_a_broken_backend_is_reported_and_does_not_stop_the_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(name: str) -> backend.Backend:
        raise backend.BackendError(f"{name} needs pip install something")

    monkeypatch.setattr(backend, "get", broken)
    monkeypatch.setattr(backend, "available", lambda: ["cuda"])
    assert dict(report.facts())["cuda"] == "not usable: cuda needs pip install something"


def test_no_backend_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "available", list)
    assert "pip install" in dict(report.facts())["backends"]


def test_wrong_symnet_data_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(backend, "available", list)
    monkeypatch.setenv("SYMNET_DATA", str(tmp_path_factory.mktemp("nothing")))
    assert "SYMNET_DATA" in dict(report.facts())["data"]
