"""The LLVM backend: turns programs into machine code for the processor at hand."""
