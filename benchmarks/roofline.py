"""What this machine can do at best: fused multiply-adds per second, and bytes from main memory.

Measured with two small vector loops, compiled by LLVM for the machine's own vector width, on as
many threads as the contenders have.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import llvmlite.binding as llvm
import numpy as np

from benchmarks.cases import Case

#: Independent sums: enough to keep two FMA units with a latency of 4 to 5 cycles busy.
_SUMS = 16
_MULTIPLY_ADDS = 20_000_000
_STREAM_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Roofline:
    """Peak rates over all threads; `|` takes the better of two measurements."""

    flops_per_s: float
    bytes_per_s: float

    def __or__(self, other: Roofline) -> Roofline:
        return Roofline(
            max(self.flops_per_s, other.flops_per_s), max(self.bytes_per_s, other.bytes_per_s)
        )

    def floor(self, case: Case) -> float | None:
        """Return the least seconds for one call, or None for a case that is all overhead."""
        seconds = max(case.flops / self.flops_per_s, case.traffic / self.bytes_per_s)
        return seconds or None


def measure(threads: int) -> Roofline:
    """Measure both rates, the best of several tries."""
    engine = _compile(_vector_lanes())
    fma = ctypes.CFUNCTYPE(None, ctypes.c_int64)(engine.get_function_address("fma_loop"))
    read = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(
        engine.get_function_address("read_loop")
    )
    lanes = _vector_lanes()
    block = 64 * 1024  # floats; a multiple of any vector's lanes times the sums
    per_thread = _STREAM_BYTES // 4 // threads // block * block
    arrays = [np.ones(per_thread, np.float32) for _ in range(threads)]

    compute_s = _best(lambda i: fma(_MULTIPLY_ADDS // _SUMS), threads)
    stream_s = _best(lambda i: read(arrays[i].ctypes.data, per_thread), threads)
    return Roofline(
        2 * lanes * threads * (_MULTIPLY_ADDS // _SUMS) * _SUMS / compute_s,
        4 * threads * per_thread / stream_s,
    )


def _best(work: Callable[[int], None], threads: int, tries: int = 7) -> float:
    """Return the seconds of the quickest try of `work` on all threads at once."""
    seconds = []
    for _ in range(tries):
        barrier = threading.Barrier(threads + 1)

        def run(i: int, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            work(i)  # ctypes releases the interpreter's lock

        pool = [threading.Thread(target=run, args=(i,)) for i in range(threads)]
        for thread in pool:
            thread.start()
        barrier.wait()
        started = time.perf_counter()
        for thread in pool:
            thread.join()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _vector_lanes() -> int:
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16
    return 8 if features.get("avx") else 4


def _compile(lanes: int) -> llvm.ExecutionEngine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(_source(lanes))
    machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2
    )
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine


def _source(lanes: int) -> str:
    """Return the two loops: `_SUMS` running sums, of products or of loaded vectors.

    The sums end in an opaque use, or the compiler would drop the loops.
    """
    vector = f"<{lanes} x float>"
    fma = f"@llvm.fma.v{lanes}f32"

    def loop(name: str, parameters: str, step: int, body: Callable[[int], str]) -> str:
        sums = range(_SUMS)
        phis = "\n".join(
            f"  %s{k} = phi {vector} [ zeroinitializer, %entry ], [ %t{k}, %loop ]" for k in sums
        )
        uses = "\n".join(f'  call void asm sideeffect "", "x"({vector} %t{k})' for k in sums)
        return f"""
define void @{name}({parameters}i64 %n) "prefer-vector-width"="{32 * lanes}" {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
{phis}
{chr(10).join(body(k) for k in sums)}
  %next = add i64 %i, {step}
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %done
done:
{uses}
  ret void
}}
"""

    def product(k: int) -> str:
        return f"  %t{k} = call {vector} {fma}({vector} %s{k}, {vector} %s{k}, {vector} %s{k})"

    def load(k: int) -> str:
        return (
            f"  %o{k} = add i64 %i, {k * lanes}\n"
            f"  %a{k} = getelementptr float, ptr %data, i64 %o{k}\n"
            f"  %v{k} = load {vector}, ptr %a{k}, align 4\n"
            f"  %t{k} = fadd {vector} %s{k}, %v{k}"
        )

    return (
        f"declare {vector} {fma}({vector}, {vector}, {vector})\n"
        + loop("fma_loop", "", 1, product)
        + loop("read_loop", "ptr %data, ", _SUMS * lanes, load)
    )
