import numpy as np
import pytest

import symnet.tensor as T
from symnet.gradient import verify_grad

rng = np.random.default_rng(1)
sparse_block_dot = T.nnet.blocksparse.sparse_block_dot


def test_sparse_block_dot(run):
    W, h, b = rng.normal(size=(5, 4, 3, 2)), rng.normal(size=(6, 2, 3)), rng.normal(size=(4, 2))
    into, out_of = rng.integers(0, 4, (6, 3)), rng.integers(0, 5, (6, 2))
    expected = np.empty((6, 3, 2))
    for row, place in np.ndindex(6, 3):
        o = into[row, place]
        parts = [h[row, k] @ W[out_of[row, k], o] for k in range(2)]
        expected[row, place] = b[o] + sum(parts)
    variables = T.dtensor4("W"), T.dtensor3("h"), T.lmatrix("i"), T.dmatrix("b"), T.lmatrix("o")
    found = run(sparse_block_dot(*variables), W=W, h=h, i=out_of, b=b, o=into)
    np.testing.assert_allclose(found, expected)
    verify_grad(lambda W, h, b: sparse_block_dot(W, h, out_of, b, into), [W, h, b], n_tests=1)


def test_errors():
    W, h, b, i = T.dtensor4(), T.dtensor3(), T.dmatrix(), T.lmatrix()
    with pytest.raises(TypeError, match="W has 4 dimensions"):
        sparse_block_dot(h, h, i, b, i)
    with pytest.raises(TypeError, match="inputIdx holds integers"):
        sparse_block_dot(W, h, b, b, i)
