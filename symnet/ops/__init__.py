"""The operations that graphs are made of.

Each class states in one place its types, shapes, derivative, NumPy meaning and lowering.
"""

from symnet.ops.constructors import ARange
from symnet.ops.contraction import BatchedDot, Dot
from symnet.ops.convolution import Convolve, convolve
from symnet.ops.elementwise import Elemwise, apply_row
from symnet.ops.identity import ClipGradient, ScaleGradient, StopGradient
from symnet.ops.indexing import (
    AdvancedIncSubtensor,
    AdvancedSubtensor,
    IncSubtensor,
    PickRows,
    PlaceRows,
    Point,
    Range,
    Subtensor,
    inc_subtensor,
    index_operands,
    subtensor,
)
from symnet.ops.integers import integer_value
from symnet.ops.joining import Join, Split
from symnet.ops.reduce import Argmax, Reduce
from symnet.ops.shape import (
    Broadcast,
    DimShuffle,
    MakeVector,
    Reshape,
    ShapeOf,
    SpecifyShape,
)

__all__ = [
    "ARange",
    "AdvancedIncSubtensor",
    "AdvancedSubtensor",
    "Argmax",
    "BatchedDot",
    "Broadcast",
    "ClipGradient",
    "Convolve",
    "DimShuffle",
    "Dot",
    "Elemwise",
    "IncSubtensor",
    "Join",
    "MakeVector",
    "PickRows",
    "PlaceRows",
    "Point",
    "Range",
    "Reduce",
    "Reshape",
    "ScaleGradient",
    "ShapeOf",
    "SpecifyShape",
    "Split",
    "StopGradient",
    "Subtensor",
    "apply_row",
    "convolve",
    "inc_subtensor",
    "index_operands",
    "integer_value",
    "subtensor",
]
