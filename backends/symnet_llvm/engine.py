"""LLVM itself: textual IR to object files, object files to addresses in this process.

Only the always-inliner runs before code generation: the emitters write vectors and unrolled loops
themselves, and LLVM's own loop passes would cost several times what the rest of compiling costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm

from symnet_llvm.target import Target


@dataclass(frozen=True, slots=True)
class Module:
    """What LLVM compiles at a time.

    Attributes
    ----------
    text
        Its IR.
    optimised
        Whether it is worth the time to make its code good.
    """

    text: str
    optimised: bool = True


def machine(target: Target, optimised: bool = True) -> llvm.TargetMachine:
    """LLVM's code generator for a target.

    Position-independent code of the small model: constants are addressed relative to the
    instruction, where the JIT's default model would spend a register on each.
    """
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu,
        features=target.features,
        opt=2 if optimised else 0,
        reloc="pic",
        codemodel="small",
        jit=True,
    )


def _inlined(written: Module, target: Target) -> tuple[llvm.ModuleRef, llvm.TargetMachine]:
    module = llvm.parse_assembly(written.text)
    module.verify()
    code_generator = machine(target, written.optimised)
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    passes.run(module, llvm.create_pass_builder(code_generator, options))
    return module, code_generator


def compile_object(written: Module, target: Target) -> bytes:
    """Compile a module to an object file."""
    module, code_generator = _inlined(written, target)
    return code_generator.emit_object(module)


def assembly(written: Module, target: Target) -> str:
    """The assembly language of a module."""
    module, code_generator = _inlined(written, target)
    return code_generator.emit_assembly(module)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Machine code in this process; it is there as long as this object is.

    Attributes
    ----------
    addresses
        Addresses of the symbols that were asked for, by name.
    """

    addresses: dict[str, int]
    _engine: Any

    def keep(self) -> Loaded:
        """Never unload it: threads of our own may be inside it until the process ends."""
        self._engine.detach()
        return self


def load(codes: Sequence[bytes], symbols: tuple[str, ...], target: Target) -> Loaded:
    """Load object files that may refer to each other.

    Parameters
    ----------
    codes
        What `compile_object` returned, perhaps in another process.
    symbols
        Names of the functions whose addresses are wanted.
    target
        The target they were compiled for.
    """
    # LLVM's own memory manager on every system: llvmlite's cannot load objects without data.
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine(target), use_lmm=False)
    for code in codes:
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Loaded({name: engine.get_function_address(name) for name in symbols}, engine)


def define(name: str, address: int) -> None:
    """Let code that is loaded from now on refer to an address by a name."""
    llvm.add_symbol(name, address)
