"""Command line: ``python -m benchmarks [--cases ...] [--peers ...]``, or ``make bench``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cases import CASES, STARTUP_CASES
from benchmarks.measure import Settings, measure_startup, measure_steps
from benchmarks.peers import CONTENDERS
from benchmarks.report import Report
from symnet_llvm import peak


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, save."""
    args = _parser().parse_args(argv)
    names = [name for name in args.peers if CONTENDERS[name].installed]
    missing = sorted(set(args.peers) - set(names))
    if missing:
        print(f"not installed, left out: {', '.join(missing)}")
    settings = Settings(args.threads, args.rounds, args.burst)
    limits = peak.measure(args.threads)
    chosen = [case for case in CASES if case.name in args.cases]
    steps, versions = measure_steps(names, chosen, settings)
    starting = [name for name in STARTUP_CASES if name in args.cases]
    startup = (
        measure_startup(names, starting, settings, args.startup_rounds)
        if args.startup_rounds
        else {}
    )
    limits |= peak.measure(args.threads)  # once more: a busy machine hides its peak
    report = Report(settings, limits, versions, steps, startup)
    print(report.as_markdown())
    if args.out:
        print(f"saved in {report.save(args.out)}")


def _parser() -> argparse.ArgumentParser:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time symnet's training steps beside those of the peers that are installed.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--cases", nargs="+", choices=names, default=names)
    parser.add_argument("--peers", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--threads", type=int, default=2, help="for everybody")
    parser.add_argument("--rounds", type=int, default=7, help="turns that each contender gets")
    parser.add_argument("--burst", type=float, default=0.3, help="seconds of a turn")
    parser.add_argument(
        "--startup-rounds", type=int, default=3, help="of compile times and memory; 0: none"
    )
    parser.add_argument("--out", type=Path, help="folder to save results in")
    return parser


if __name__ == "__main__":
    main()
