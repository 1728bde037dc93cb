"""Signals: convolution of plain images, and pooling."""

from typing import Any

from symnet.names import missing
from symnet.tensor.signal import conv, downsample, pool

__all__ = ["conv", "downsample", "pool"]


def __getattr__(name: str) -> Any:
    raise missing(__name__, name, __all__)
