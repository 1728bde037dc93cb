"""The LLVM backend: turns programs into machine code for the processor at hand."""

from symnet_llvm.backend import backend

__all__ = ["backend"]
