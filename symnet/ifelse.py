"""`ifelse`: lazy choice, as Theano has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symnet.graph import Variable
from symnet.ops.choice import IfElse
from symnet.tensor.convert import as_tensor_variable, converted, is_weak
from symnet.tensor.elementwise import table_functions
from symnet.tensor.variable import TensorVariable

_neq = table_functions()["neq"]


def ifelse(condition: Any, then_branch: Any, else_branch: Any, name: str | None = None) -> Any:
    """Choose one of two expressions, or of two lists of them; only the one chosen is computed.

    What nothing but the other branch needs is not computed either, nor are gradients through it:
    they are chosen by the same condition. `T.switch` chooses element by element, from two values
    that are both computed.

    Parameters
    ----------
    condition
        A number, of no dimensions; true unless it is 0.
    then_branch, else_branch
        Variables (or arrays, or numbers), or equally long lists of them. Those in one place have
        the same dtype and number of dimensions; their lengths may differ, but not in the step of
        a loop where the condition changes from step to step.
    name
        What to call the result.

    Returns
    -------
    variable or list or tuple
        What `then_branch` is.

    Raises
    ------
    TypeError
        If the branches are not of one type, or the condition has dimensions.
    ValueError
        If there are more expressions in one branch than in the other.

    Examples
    --------
    >>> import symnet as sn, symnet.tensor as T
    >>> x, y = T.dvectors("x", "y")
    >>> f = sn.function([x, y], ifelse(T.lt(x.sum(), 0), x.sum(), T.exp(y).prod()))
    >>> f([-1, -2], [0, 0]), f([1, 2], [0, 0])
    (array(-3.), array(1.))
    """
    several = isinstance(then_branch, list | tuple)
    then: Sequence[Any] = then_branch if several else [then_branch]
    otherwise: Sequence[Any] = (
        else_branch if isinstance(else_branch, list | tuple) else [else_branch]
    )
    if len(then) != len(otherwise):
        raise ValueError(
            f"ifelse: {len(then)} expressions in one branch, {len(otherwise)} in the other; the "
            "branches must have as many outputs"
        )
    chosen = _truth(condition)
    made = [IfElse()(chosen, *_arms(x, y)) for x, y in zip(then, otherwise, strict=True)]
    for v in made:
        v.name = name
    if not several:
        return made[0]
    return made if isinstance(then_branch, list) else tuple(made)


def _truth(condition: Any) -> Variable:
    """The condition as a bool."""
    c: TensorVariable = as_tensor_variable(condition)
    if c.ndim:
        raise TypeError(
            f"ifelse: the condition {c!r} is {c.type}, it must have no dimensions; T.switch "
            "chooses element by element"
        )
    truth: Variable = c if c.dtype == "bool" else _neq(c, 0)
    return truth


def _arms(x: Any, y: Any) -> tuple[Variable, Variable]:
    """Both arms of a choice; a Python number takes the dtype of the other arm."""
    if is_weak(x) and not is_weak(y):
        y = as_tensor_variable(y)
        return converted(x, y.dtype), y
    x = as_tensor_variable(x)
    return x, converted(y, x.dtype) if is_weak(y) else as_tensor_variable(y)
