"""The machine that code is generated for: its name, its features, and how wide its vectors are.

Everything that depends on the machine is asked of a `Target`; no other module looks at the host.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, replace
from functools import cache

import llvmlite.binding as llvm

from symnet import dtypes


@dataclass(frozen=True, slots=True)
class Target:
    """A processor as the code generators see it.

    Attributes
    ----------
    cpu, features, triple
        LLVM's names for it.
    vector_bytes
        Bytes of a vector register: 64 with AVX-512, 32 with AVX2, 16 with SSE and NEON.
    registers
        Number of vector registers.
    """

    cpu: str
    features: str
    triple: str
    vector_bytes: int
    registers: int

    def lanes(self, dtype: str) -> int:
        """Elements of `dtype` in a vector register.

        Examples
        --------
        >>> host().lanes("float32") == host().vector_bytes // 4
        True
        """
        return self.vector_bytes // dtypes.itemsize(dtype)

    @property
    def fused(self) -> bool:
        """Whether it multiplies and adds in one instruction."""
        return not self.triple.startswith(("x86_64", "i686")) or "+fma" in self.features.split(",")

    def narrowed(self, vector_bytes: int) -> Target:
        """This processor without vectors wider than `vector_bytes`.

        The instructions go too, so that what is generated runs on a processor that lacks them.
        """
        if vector_bytes >= self.vector_bytes:
            return self
        absent = ("avx512",) if vector_bytes >= 32 else ("avx", "fma", "f16c", "vaes", "vpclmul")
        kept = [
            "-" + f[1:] if f.startswith("+") and f[1:].startswith(absent) else f
            for f in self.features.split(",")
        ]
        return replace(self, features=",".join(kept), vector_bytes=vector_bytes, registers=16)


@cache
def host() -> Target:
    """The processor this runs on; ``SYMNET_VECTOR_BYTES`` (16, 32 or 64) narrows its vectors."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    found = llvm.get_host_cpu_features()
    if found.get("avx512vl") and found.get("avx512dq") and found.get("avx512bw"):
        vector_bytes, registers = 64, 32
    elif found.get("avx2"):
        vector_bytes, registers = 32, 16
    else:
        vector_bytes, registers = 16, 16 if platform.machine() in ("x86_64", "AMD64") else 32
    target = Target(
        llvm.get_host_cpu_name(),
        found.flatten(),
        llvm.get_process_triple(),
        vector_bytes,
        registers,
    )
    wanted = os.environ.get("SYMNET_VECTOR_BYTES")
    return target.narrowed(int(wanted)) if wanted else target
