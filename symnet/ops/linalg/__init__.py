"""Linear algebra: inverses, solutions, factorisations and functions of matrices.

All work on the last two dimensions and take any dimensions before them, but for what says
otherwise. They run their NumPy or SciPy meaning, which is LAPACK, as host calls; their derivatives
are expressions, so that these have derivatives in turn.
"""

from symnet.ops.linalg.eigen import Eig, Eigh
from symnet.ops.linalg.factors import QR, SVD, Cholesky
from symnet.ops.linalg.inverse import Det, MatrixInverse, SLogDet
from symnet.ops.linalg.least_squares import Lstsq, MatrixPinv
from symnet.ops.linalg.matrices import (
    diagonal_of,
    matrix_product,
    place_diagonal,
    symmetric,
    triangle,
)
from symnet.ops.linalg.solve import Expm, Solve

__all__ = [
    "QR",
    "SVD",
    "Cholesky",
    "Det",
    "Eig",
    "Eigh",
    "Expm",
    "Lstsq",
    "MatrixInverse",
    "MatrixPinv",
    "SLogDet",
    "Solve",
    "diagonal_of",
    "matrix_product",
    "place_diagonal",
    "symmetric",
    "triangle",
]
