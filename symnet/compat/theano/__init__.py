"""``import theano`` for old code.

`install` puts modules named ``theano``, ``theano.tensor`` ... in `sys.modules`, whose contents are
symnet's. ``python -m symnet.compat.theano script.py`` runs a script with them installed.

What stands where is data, in `symnet.compat.theano.names`; the few things that Theano has and
symnet has in another form are in the modules beside it.
"""

from __future__ import annotations

import sys
from types import ModuleType

from symnet.compat.theano import flags
from symnet.compat.theano.modules import FINDER, build

__all__ = ["install"]


def install() -> ModuleType:
    """Make ``import theano`` give symnet, and read ``THEANO_FLAGS`` and ``.theanorc``.

    Returns
    -------
    module
        The module ``theano``. Installing again returns the same.

    Raises
    ------
    RuntimeError
        If Theano itself has been imported already: its variables and symnet's do not mix.

    Examples
    --------
    >>> from symnet.config import config
    >>> with config.change(floatX="float32", on_unused_input="raise"):  # and back again
    ...     theano = install()
    >>> import theano.tensor as T
    >>> x = T.dmatrix("x")
    >>> float(theano.function([x], T.tanh(x).sum())([[0.0]]))
    0.0
    """
    present = sys.modules.get("theano")
    if present is not None:
        if getattr(present, "__symnet__", False):
            return present
        where = getattr(present, "__file__", None)
        raise RuntimeError(
            f"Theano itself is imported already ({where}), and its variables and symnet's do not "
            "mix: call symnet.compat.theano.install() before the first import of theano"
        )
    flags.read_environment()
    made = build()
    sys.modules.update(made)
    sys.meta_path.append(FINDER)
    return made["theano"]
