"""The LLVM backend: turns programs into machine code for the processor at hand."""

from symnet_llvm.backend import SOURCES, backend

__all__ = ["SOURCES", "backend"]
