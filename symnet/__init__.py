"""symnet: a symbolic compiler for neural networks.

Write the mathematics of a model with `symnet.tensor`, differentiate it with `grad`, and compile
the whole training step with `function`.
"""

from typing import Any

from symnet import gradient, ifelse, nn, optim, printing, random, sparse, tensor, typed_list
from symnet.bisection import bisect
from symnet.clone import clone
from symnet.config import config
from symnet.custom import PyOp, as_op

# After the modules of the same names: the functions are what the names stand for.
from symnet.function import In, MissingInputError, Out, UnusedInputError, function
from symnet.gradient import Lop, Rop, grad, hessian, jacobian
from symnet.graph import Apply, Constant, Variable
from symnet.modes import Mode, MonitorMode, NanGuardMode
from symnet.names import missing
from symnet.op import Op
from symnet.printing import pp
from symnet.rows import vectorize, vmap
from symnet.scanning import foldl, foldr, map, reduce, scan, scan_checkpoints
from symnet.shared import SharedVariable, shared
from symnet.subgraph import OpFromGraph
from symnet.tensor import dot

__version__ = "0.1.0"

__all__ = [
    "Apply",
    "Constant",
    "In",
    "Lop",
    "MissingInputError",
    "Mode",
    "MonitorMode",
    "NanGuardMode",
    "Op",
    "OpFromGraph",
    "Out",
    "PyOp",
    "Rop",
    "SharedVariable",
    "UnusedInputError",
    "Variable",
    "as_op",
    "bisect",
    "clone",
    "config",
    "dot",
    "foldl",
    "foldr",
    "function",
    "grad",
    "gradient",
    "hessian",
    "ifelse",
    "jacobian",
    "map",
    "nn",
    "optim",
    "pp",
    "printing",
    "random",
    "reduce",
    "scan",
    "scan_checkpoints",
    "shared",
    "sparse",
    "tensor",
    "typed_list",
    "vectorize",
    "vmap",
]


def __getattr__(name: str) -> Any:
    raise missing(__name__, name, __all__)
