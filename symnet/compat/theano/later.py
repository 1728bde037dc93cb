"""Names of Theano that symnet does not have yet: they import, and using them says so."""

from __future__ import annotations

from typing import Any, NoReturn


def _unavailable(name: str, what: str) -> Any:
    def raising(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"{name}: {what} are not in this version of symnet yet")

    raising.__name__ = raising.__qualname__ = name
    raising.__doc__ = "Raises NotImplementedError: not in this version of symnet yet."
    return raising


scan, map, reduce, foldl, foldr, scan_checkpoints, until = (
    _unavailable(name, "loops")
    for name in ("scan", "map", "reduce", "foldl", "foldr", "scan_checkpoints", "until")
)
ifelse = _unavailable("ifelse", "lazy conditions (T.switch chooses elementwise)")


class MRG_RandomStreams:
    """Random streams of the MRG31k3p generator, which can be made and do not draw yet."""

    def __init__(self, seed: Any = None, **settings: Any) -> None:
        self.default_instance_seed = seed

    binomial, choice, multinomial, multinomial_wo_replacement, normal, truncated_normal, uniform = (
        _unavailable(f"MRG_RandomStreams.{name}", "the numbers of this generator")
        for name in (
            "binomial", "choice", "multinomial", "multinomial_wo_replacement", "normal",
            "truncated_normal", "uniform",
        )
    )  # fmt: skip
