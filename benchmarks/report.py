"""Results as Markdown for people and JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from benchmarks.cases import CASES, Case
from benchmarks.measure import Measurement, Settings, Startup
from benchmarks.peers import CONTENDERS
from symnet.backend import Machine

_SUBJECT = "symnet"
_TITLES = {case.name: case.title for case in CASES}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run found out."""

    settings: Settings
    roofline: Machine
    versions: Mapping[str, str]
    steps: Mapping[str, Mapping[str, Measurement]]
    startup: Mapping[str, Mapping[str, Startup]]

    def save(self, folder: Path) -> Path:
        """Write ``<date>-<cpu>.md`` and ``.json`` in `folder`; return the former."""
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / f"{date.today().isoformat()}-{llvm.get_host_cpu_name()}"
        stem.with_suffix(".json").write_text(json.dumps(self.as_data(), indent=1) + "\n")
        stem.with_suffix(".md").write_text(self.as_markdown())
        return stem.with_suffix(".md")

    def as_data(self) -> dict[str, Any]:
        """Return plain dictionaries; of the samples, their quartiles."""
        return {
            "date": date.today().isoformat(),
            "machine": _machine(),
            "settings": dataclasses.asdict(self.settings),
            "roofline": dataclasses.asdict(self.roofline),
            "versions": dict(self.versions),
            "steps": {
                case: {name: _quartiles(m) for name, m in row.items()}
                for case, row in self.steps.items()
            },
            "startup": {
                case: {name: dataclasses.asdict(s) for name, s in row.items()}
                for case, row in self.startup.items()
            },
        }

    def as_markdown(self) -> str:
        """Return the tables and what they were measured with."""
        paragraphs = [
            f"# Benchmarks, {date.today().isoformat()}",
            f"{_machine()}. {self.settings.threads} threads for everybody; medians of "
            f"{self.settings.rounds} interleaved rounds. Roofline: "
            f"{self.roofline.flops_per_s / 1e9:.0f} GFLOP/s, "
            f"{self.roofline.bytes_per_s / 1e9:.0f} GB/s from memory.",
            "Versions: " + ", ".join(f"{name} {v}" for name, v in self.versions.items()) + ".",
            "## A call",
            self._step_table(),
        ]
        if self.startup:
            paragraphs += [
                "## Compile and first step, peak memory",
                "Fresh processes, import not counted; cold without a cache, cached with the one of "
                "the cold run. Their ratios are to the best peer that compiles. Peak memory is the "
                "process's, data included.",
                self._startup_table(),
            ]
        return "\n\n".join([*paragraphs, *self._failures()]) + "\n"

    def _step_table(self) -> str:
        names = _columns(self.steps)
        rows = []
        for case in CASES:
            if case.name in self.steps:
                measured = {n: m.median for n, m in self.steps[case.name].items()}
                ratio = _ratio(measured)
                cells = [_time(measured.get(name)) for name in names]
                rows.append([case.title, *cells, self._floor(case), ratio])
        return _table(["", *names, "floor", f"{_SUBJECT} / best peer"], rows)

    def _floor(self, case: Case) -> str:
        return _time(case.floor(self.roofline))

    def _startup_table(self) -> str:
        names = _columns(self.startup)
        quantities = [
            ("cold", "cold_s", _time),
            ("cached", "cached_s", _time),
            ("peak memory", "peak_mb", lambda mb: "" if mb is None else f"{mb:.0f} MB"),
        ]
        rows = []
        for case, row in self.startup.items():
            for what, field, show in quantities:
                values = {name: getattr(s, field) for name, s in row.items()}
                cells = [show(values.get(name)) for name in names]
                compared = values if field == "peak_mb" else _compilers(values)
                rows.append([f"{_TITLES[case]}: {what}", *cells, _ratio(compared)])
        return _table(["", *names, f"{_SUBJECT} / best peer"], rows)

    def _failures(self) -> list[str]:
        failures = [
            f"- {name}, {_TITLES[case]}: {entry.error}"
            for table in (self.steps, self.startup)
            for case, row in table.items()
            for name, entry in row.items()
            if entry.error
        ]
        return ["## Did not run", "\n".join(failures)] if failures else []


def _compilers(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Leave out whoever compiles nothing: their start costs nothing, and every step pays for it."""
    return {name: value for name, value in values.items() if CONTENDERS[name].compiles}


def _ratio(values: Mapping[str, float | None]) -> str:
    """Return the subject's value over the best of the others, where both exist."""
    own = values.get(_SUBJECT)
    peers = [v for name, v in values.items() if name != _SUBJECT and v is not None]
    return f"{own / min(peers):.2f}" if own is not None and peers else ""


def _columns(tables: Mapping[str, Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for row in tables.values() for name in row))


def _quartiles(measurement: Measurement) -> dict[str, Any]:
    if not measurement.samples:
        return {"error": measurement.error}
    low, median, high = np.percentile(measurement.samples, [25, 50, 75]).tolist()
    return {"low_s": low, "median_s": median, "high_s": high, "n": len(measurement.samples)}


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _machine() -> str:
    cpu = llvm.get_host_cpu_name()
    return (
        f"{platform.system()} {platform.machine()}, CPU {cpu}, Python {platform.python_version()}"
    )
