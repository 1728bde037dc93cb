"""Seeing: expressions as text and as pictures, and what the compiler made of them.

`pp` and `debugprint` write expressions; `explain` says what became of them in a compiled function,
and `source` shows its code; `graph` draws both, as a picture or as a page to be explored. `Print`
prints values while a function runs.
"""

from symnet.drawing import Drawing, graph
from symnet.ops.printing import Print
from symnet.printing.explanation import Explanation, explain
from symnet.printing.graphviz import dot_text, pydotprint
from symnet.printing.source import source
from symnet.text import debugprint, min_informative_str, pp

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
