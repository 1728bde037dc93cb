"""The script for machines with a GPU runs, as far as it can without one."""

from __future__ import annotations

from benchmarks import cuda_check


def test_emulated(capsys) -> None:
    problem = "logreg, batch 20"
    arguments = ["--emulate", "--cases", "2", "--steps", "3", "--problems", problem]
    assert cuda_check.main(arguments) == 0
    said = capsys.readouterr().out
    assert f"right {problem}" in said
    assert "all kernels, rows and steps are right" in said
