"""``python -m symnet.compat.theano script.py ...``: run a script that imports theano."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from symnet.compat.theano import install

USAGE = "usage: python -m symnet.compat.theano SCRIPT [ARGUMENT ...] | -m MODULE [ARGUMENT ...]"


def main() -> None:
    """Run the script, or with ``-m`` the module, that the command line names."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.exit(USAGE)
    if arguments[0] == "-m":
        if len(arguments) < 2:
            sys.exit(USAGE)
        install()
        sys.argv = arguments[1:]
        # Python itself puts the folder it is called in on the path; it has done so already.
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    script = Path(arguments[0])
    if not script.exists():
        sys.exit(f"no script {script}\n{USAGE}")
    install()
    sys.argv = arguments
    # Modules beside the script are found before others, as when Python runs it.
    sys.path[0] = str(script.resolve().parent)
    runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main()
