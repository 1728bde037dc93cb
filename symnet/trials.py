"""Bisection of scripts: each trial is a process of its own.

``python -m symnet bisect SCRIPT`` is `main`. The processes are the same command with two options
more: what to run with, and where to write what became of it.
"""

from __future__ import annotations

import argparse
import json
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from symnet.bisection import (
    Outcome,
    Settings,
    Told,
    as_said,
    message_of,
    outcome_of,
    search,
)


@dataclass(frozen=True, slots=True)
class Script:
    """A script run in a process of its own: wrong is one that raises, crashes or takes too long.

    Attributes
    ----------
    path, arguments
        The script and what stands behind it on the command line.
    slower_than
        Seconds from which on it is too slow, compilation included; None to let it take its time.
    """

    path: str
    arguments: tuple[str, ...] = ()
    slower_than: float | None = None

    def __call__(self, settings: Settings) -> Outcome:
        """Run it in a new process."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "outcome"
            command = [sys.executable, "-m", "symnet", "bisect", "--report", str(report)]
            command += ["--settings", json.dumps(asdict(settings))]
            if self.slower_than is not None:
                command += ["--slower-than", str(self.slower_than)]
            run = [*command, self.path, *self.arguments]
            done = subprocess.run(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if not report.exists():
                return Outcome(False, message=f"it ended with {done.returncode}\n{done.stderr}")
            told = json.loads(report.read_text())
        refused = told.pop("refused")
        return Outcome(refused=refused and Told(**refused), **told)

    def run(self, settings: Settings) -> Outcome:
        """Run it here."""
        sys.argv = [self.path, *self.arguments]
        sys.path.insert(0, str(Path(self.path).resolve().parent))
        message = ""
        start = time.perf_counter()
        with as_said(settings) as ledger:
            try:
                runpy.run_path(self.path, run_name="__main__")
            except SystemExit as end:
                message = f"it ended with {end.code}" if end.code else ""
            except Exception as error:
                message = message_of(error)
        seconds = time.perf_counter() - start
        if not message and self.slower_than is not None and seconds > self.slower_than:
            message = f"it took {seconds:.3g} s"
        return outcome_of(not message, ledger, message)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 0 if something has been found."""
    parser = argparse.ArgumentParser(
        prog="python -m symnet bisect",
        description="Find the one rewrite, fusion or update in place that makes a script fail.",
    )
    parser.add_argument("--slower-than", type=float, metavar="SECONDS", help="fail if it is")
    parser.add_argument("--settings", help=argparse.SUPPRESS)
    parser.add_argument("--report", help=argparse.SUPPRESS)
    parser.add_argument("script", help="a script that raises where something is wrong")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what it is given")
    given = parser.parse_args(arguments)
    if not Path(given.script).is_file():
        parser.error(f"there is no script {given.script}")
    script = Script(given.script, tuple(given.arguments), given.slower_than)
    if given.report:
        outcome = script.run(Settings(**json.loads(given.settings)))
        Path(given.report).write_text(json.dumps(asdict(outcome)))
        return 0
    found = search(script, lambda text: print(text, file=sys.stderr, flush=True))
    print(found)
    return 0 if found.culprit else 1
