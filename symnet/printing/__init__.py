"""Seeing: expressions as text and as pictures, and what the compiler made of them.

`pp` and `debugprint` write expressions; `explain` says what became of them in a compiled function,
and `source` shows its code; `graph` draws both, as a picture or as a page to be explored. `Print`
prints values while a function runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symnet.names import missing
from symnet.ops.printing import Print
from symnet.text import debugprint, min_informative_str, pp

if TYPE_CHECKING:
    from symnet.drawing import Drawing, graph
    from symnet.printing.explanation import Explanation, explain
    from symnet.printing.graphviz import dot_text, pydotprint
    from symnet.printing.sources import source

__all__ = [
    "Drawing",
    "Explanation",
    "Print",
    "debugprint",
    "dot_text",
    "explain",
    "graph",
    "min_informative_str",
    "pp",
    "pydotprint",
    "source",
]

# Rarely asked for, and long to import.
_LATER = {
    "Drawing": "symnet.drawing",
    "Explanation": "symnet.printing.explanation",
    "dot_text": "symnet.printing.graphviz",
    "explain": "symnet.printing.explanation",
    "graph": "symnet.drawing",
    "pydotprint": "symnet.printing.graphviz",
    "source": "symnet.printing.sources",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise missing(__name__, name, __all__)
    found = getattr(import_module(_LATER[name]), name)
    globals()[name] = found
    return found
