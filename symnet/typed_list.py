"""Theano's symbolic lists of tensors, which symnet does not have: every name says what to use."""

from __future__ import annotations

from typing import Any

from symnet.names import missing

_INSTEAD = {
    "TypedListType": "a Python list of variables, or T.stack of tensors of one shape",
    "append": "a Python list, or T.concatenate",
    "count": "T.eq and T.sum of a tensor",
    "extend": "a Python list, or T.concatenate",
    "getitem": "an index on a tensor that T.stack has made",
    "index_": "T.argmax of T.eq",
    "insert": "a Python list, or T.concatenate",
    "length": "x.shape[0] of a tensor, or len of a Python list",
    "make_list": "T.stack of tensors of one shape",
    "remove": "a Python list, or T.compress",
    "reverse": "x[::-1] of a tensor",
}

__all__ = sorted(_INSTEAD)


def __getattr__(name: str) -> Any:
    if name not in _INSTEAD:
        raise missing(__name__, name, _INSTEAD)

    def instead(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"typed_list.{name}: lists of tensors are not supported; use {_INSTEAD[name]}"
        )

    instead.__name__ = instead.__qualname__ = name
    return instead
