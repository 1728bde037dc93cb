"""The operations that graphs are made of.

Each class states in one place its types, shapes, derivative, NumPy meaning and lowering.
"""

from symnet.ops.advanced import AdvancedIncSubtensor, AdvancedSubtensor
from symnet.ops.choice import IfElse
from symnet.ops.constructors import ARange
from symnet.ops.contraction import BatchedDot, Dot
from symnet.ops.convolution import Convolve, convolve
from symnet.ops.cumulative import CumOp, Recurrence
from symnet.ops.diagonal import Diagonal, PlaceDiagonal
from symnet.ops.elementwise import Elemwise, apply_row
from symnet.ops.identity import ClipGradient, ScaleGradient, StopGradient
from symnet.ops.indexing import IncSubtensor, Subtensor, inc_subtensor, subtensor
from symnet.ops.integers import integer_value
from symnet.ops.joining import Join, Split
from symnet.ops.random import Drawn, Philox
from symnet.ops.reduce import Argmax, Reduce
from symnet.ops.rows import PickRows, PlaceRows
from symnet.ops.shape import (
    Broadcast,
    DimShuffle,
    MakeVector,
    Reshape,
    ShapeOf,
    SpecifyShape,
)
from symnet.ops.slices import Point, Points, Range, index_operands
from symnet.ops.windows import Overlay, Windows

__all__ = [
    "ARange",
    "AdvancedIncSubtensor",
    "AdvancedSubtensor",
    "Argmax",
    "BatchedDot",
    "Broadcast",
    "ClipGradient",
    "Convolve",
    "CumOp",
    "Diagonal",
    "DimShuffle",
    "Dot",
    "Drawn",
    "Elemwise",
    "IfElse",
    "IncSubtensor",
    "Join",
    "MakeVector",
    "Overlay",
    "Philox",
    "PickRows",
    "PlaceDiagonal",
    "PlaceRows",
    "Point",
    "Points",
    "Range",
    "Recurrence",
    "Reduce",
    "Reshape",
    "ScaleGradient",
    "ShapeOf",
    "SpecifyShape",
    "Split",
    "StopGradient",
    "Subtensor",
    "Windows",
    "apply_row",
    "convolve",
    "inc_subtensor",
    "index_operands",
    "integer_value",
    "subtensor",
]
