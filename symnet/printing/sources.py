"""The code of a compiled function, for people."""

from __future__ import annotations

from collections.abc import Callable

from symnet import backend
from symnet.function import Function
from symnet.program import Program


def source(f: Function, kind: str = "program") -> str:
    """Return what a function was compiled to.

    A function is compiled when it is called, once for each of its stages and again when other
    sizes turn up; what has been compiled so far is shown, one after the other.

    Parameters
    ----------
    f
        A compiled function.
    kind
        ``"program"``: the steps, their loops and buffers. ``"llvm"``: LLVM's intermediate
        representation. ``"assembly"``: machine code of this processor. ``"cuda"``: CUDA C++.
        Whatever device the function runs on, each of them can be asked for; no GPU is needed.

    Raises
    ------
    ValueError
        If there is no such kind, or the function has not been called.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x = T.dvector("x")
    >>> f = sn.function([x], 2 * x, name="double")
    >>> y = f([1.0, 2.0])
    >>> print(source(f))
    program double(x) -> (out0)
      x.0 = x.shape[0]
      g0 = x.0 = 2
      input x: float64[2]
      output out0: float64[2]
      k0: launch(x, out0)  # mul
    k0 = kernel(p0: float64, out p1: float64)
      for i0 < 2:
        s0 = (2.0 * p0[i0])
        p1[i0] = s0
    """
    writers: dict[str, Callable[[Program], str]] = {"program": str, **backend.sources()}
    if kind not in writers:
        raise ValueError(f"source: kind is one of {', '.join(map(repr, writers))}, not {kind!r}")
    if not f.programs:
        raise ValueError(f"source: {f!r} has not been compiled yet; the first call does that")
    return "\n\n".join(writers[kind](program) for program in f.programs)
