"""Small things of Theano that are not about tensors."""

from __future__ import annotations

import logging
import pickle
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, NoReturn

import numpy as np

from symnet import dtypes
from symnet.compat.theano.flags import config
from symnet.custom import PyOp
from symnet.freeze import In
from symnet.graph import Constant, Variable
from symnet.op import Op as AnyOp
from symnet.ops.shape import DimShuffle as OwnDimShuffle
from symnet.shared import SharedVariable
from symnet.tensor import TensorVariable as AnyTensor
from symnet.tensor import addbroadcast, unbroadcast

version = short_version = full_version = "1.0.5"

PY3 = True

cPickle = pickle

string_types, integer_types = (str,), (int,)


class _AnyOp(type):
    """Makes every operation of symnet's an instance of Theano's base class."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, AnyOp) if cls is Op else super().__instancecheck__(instance)


class Op(PyOp, metaclass=_AnyOp):
    """Theano's base of operations: subclass it to write one in Python (see `symnet.PyOp`)."""


class _Plain(type):
    """Takes no shared variable and no constant for an instance, as in Theano none is."""

    def __instancecheck__(cls, instance: object) -> bool:
        named = isinstance(instance, (SharedVariable, Constant))
        return isinstance(instance, AnyTensor) and not named


class TensorVariable(metaclass=_Plain):
    """The class of tensors that are inputs or computed; libraries ask for it."""

    def __new__(cls, *args: Any, **settings: Any) -> AnyTensor:  # type: ignore[misc]
        """Return symnet's variable."""
        return AnyTensor(*args, **settings)


class _AnyDimShuffle(type):
    """Makes symnet's operation an instance of Theano's class."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, OwnDimShuffle)


class DimShuffle(metaclass=_AnyDimShuffle):
    """Reorders dimensions: ``DimShuffle((False, False), ["x", 1, 0])(matrix)``.

    Parameters
    ----------
    input_broadcastable
        Theano's; the operand's type says it.
    new_order
        For each dimension of the result the one of the operand it is, ``"x"`` for a new one.
    inplace
        Theano's; without effect.
    """

    def __new__(  # type: ignore[misc]  # an operation is symnet's
        cls, input_broadcastable: Any, new_order: Any, inplace: bool = True
    ) -> OwnDimShuffle:
        """Return symnet's operation."""
        return OwnDimShuffle(tuple(None if a == "x" else int(a) for a in new_order))


def Param(
    variable: Variable,
    default: Any = None,
    name: str | None = None,
    mutable: bool = False,
    update: Any = None,
    allow_downcast: bool | None = None,
    **settings: Any,
) -> In:
    """Return an input of a function, as `In` under its oldest name."""
    return In(variable, name, default, update, allow_downcast=allow_downcast)


def sparse_grad(var: Variable) -> Variable:
    """Return the variable: gradients of parts of a tensor are dense here."""
    return var


class Rebroadcast:
    """Says of dimensions whether they are 1: ``Rebroadcast((0, True), (1, False))(x)``.

    Parameters
    ----------
    axis
        Pairs of a dimension and whether it is 1.
    """

    def __init__(self, *axis: tuple[int, bool]) -> None:
        self.axis = dict(axis)

    def __call__(self, x: Any) -> Any:
        """Return `x` with these dimensions declared so."""
        x = unbroadcast(x, *(a for a, one in self.axis.items() if not one))
        return addbroadcast(x, *(a for a, one in self.axis.items() if one))


def _asarray(a: Any, dtype: Any, order: Any = None) -> np.ndarray[Any, Any]:
    """Return an array of exactly this dtype."""
    return np.asarray(a, dtypes.canonical(dtype), order)


class OrderedUpdates(OrderedDict[SharedVariable, Any]):
    """Updates of shared variables in order; sums of two hold both."""

    def __setitem__(self, variable: SharedVariable, value: Any) -> None:
        if not isinstance(variable, SharedVariable):
            raise TypeError(f"only shared variables can be updated, {variable!r} is none")
        super().__setitem__(variable, value)

    def update(self, *others: Any, **more: Any) -> None:
        """Take updates over; a variable updated already needs the same new value."""
        for variable, value in OrderedDict(*others).items():
            if self.get(variable, value) is not value:
                raise KeyError(f"two updates of the shared variable {variable!r}")
            self[variable] = value

    def __add__(self, other: Any) -> OrderedUpdates:
        both = OrderedUpdates(self)
        both.update(other)
        return both

    __radd__ = __add__


def upcast(dtype: str, *more: str) -> str:
    """Return the dtype that holds values of all these.

    Examples
    --------
    >>> upcast("int8", "float32"), upcast("int32", "float32")
    ('float32', 'float64')
    """
    return dtypes.promote(*(dtypes.canonical(name) for name in (dtype, *more)))


def no_gpu(*args: Any, **settings: Any) -> NoReturn:
    """Raise: device code of Theano's is not here."""
    raise RuntimeError(
        "Theano's GPU code is not part of symnet: functions run on a GPU with "
        "THEANO_FLAGS=device=cuda or symnet.config.device = 'cuda', with no other change"
    )


def use(device: str, *args: Any, **settings: Any) -> None:
    """Run functions on a device from now on, if it can be used; warn otherwise."""
    config.device = device


def absent(*args: Any, **settings: Any) -> bool:
    """Return False: there is no such library."""
    return False


all_dtypes = dtypes.ALL
discrete_dtypes = integer_dtypes = dtypes.DISCRETE
int_dtypes, uint_dtypes = dtypes.SIGNED, dtypes.UNSIGNED
continuous_dtypes = float_dtypes = dtypes.FLOAT
complex_dtypes: tuple[str, ...] = ()

theano_logger = logging.getLogger("theano")

cuda_available = cuda_enabled = pygpu_activated = False


def iteritems(mapping: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """Return an iterator over the items of a mapping."""
    return iter(mapping.items())


def iterkeys(mapping: Mapping[Any, Any]) -> Iterator[Any]:
    """Return an iterator over the keys of a mapping."""
    return iter(mapping.keys())


def itervalues(mapping: Mapping[Any, Any]) -> Iterator[Any]:
    """Return an iterator over the values of a mapping."""
    return iter(mapping.values())


def seed_rng(seed: int | None = None) -> int:
    """Seed NumPy's global generator, by default with Theano's number for its tests."""
    seed = 666 if seed is None else seed
    np.random.seed(seed)  # noqa: NPY002  # what old tests draw from
    return seed


def fetch_seed(pseed: int | None = None) -> int:
    """Return a seed for tests."""
    return 666 if pseed is None else pseed


def assert_allclose(expected: Any, value: Any, rtol: float = 1e-5, atol: float = 1e-8) -> None:
    """Raise unless two arrays are close."""
    np.testing.assert_allclose(value, expected, rtol=rtol, atol=atol)


def hash_from_ndarray(data: np.ndarray[Any, Any]) -> str:
    """Return a hash of an array's dtype, shape and elements."""
    head = f"{data.dtype} {data.shape}".encode()
    return sha256(head + np.ascontiguousarray(data).tobytes()).hexdigest()


def may_share_memory(a: Any, b: Any, raise_other_type: bool = True) -> bool:
    """Whether two arrays may lie in the same memory."""
    return np.may_share_memory(a, b)
