"""`grad`, `Lop` and `Rop`: products of a Jacobian with vectors."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from symnet import dtypes
from symnet.composite import Composite
from symnet.config import config
from symnet.forward import push_forward
from symnet.graph import Variable
from symnet.ops import build
from symnet.reverse import differentiate

OnDisconnected = Literal["raise", "warn", "ignore"]


class DisconnectedInputError(ValueError):
    """A gradient was asked for with respect to a variable that the cost does not depend on."""


def grad(
    cost: Variable | None,
    wrt: Any,
    consider_constant: Iterable[Variable] | None = None,
    disconnected_inputs: OnDisconnected = "raise",
    add_names: bool = True,
    known_grads: Mapping[Variable, Variable] | None = None,
    return_disconnected: str = "zero",
) -> Any:
    """Return the gradient of a scalar cost with respect to one or more variables.

    Parameters
    ----------
    cost
        A floating point variable of no dimensions; None if `known_grads` says where to start.
    wrt
        A variable, or a list or tuple of them. The gradient with respect to an integer is zero.
    consider_constant
        Variables through which no gradient flows.
    disconnected_inputs
        What to do about a variable that `cost` does not depend on, or only on whose shape:
        ``"raise"``, ``"warn"`` or ``"ignore"``.
    add_names
        Whether gradients are named ``(dcost/dwrt)`` where both have names.
    known_grads
        Gradients of variables that are known already, from which this one is continued.
    return_disconnected
        What stands for the gradient with respect to a disconnected variable: ``"zero"`` or
        ``"None"``.

    Returns
    -------
    Variable, list or tuple
        One gradient of the shape and dtype of each variable (zeros in ``config.floatX`` for
        integers), in what `wrt` was.

    Raises
    ------
    TypeError
        If the cost is not a floating point scalar, or `wrt` is not made of variables.
    DisconnectedInputError
        If the cost does not depend on a variable of `wrt` and `disconnected_inputs` is "raise".
    NullTypeGradError
        If an operation on the way has no derivative.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> x = T.scalar("x")
    >>> grad(x**2, x).eval({x: 3.0})
    array(6., dtype=float32)
    """
    known = dict(known_grads or {})
    if cost is None and not known:
        raise ValueError("grad needs a cost, or gradients to continue from (known_grads)")
    seeds: list[tuple[Variable, Variable]] = []
    if cost is not None:
        _check_cost(cost)
        seeds.append((cost, build.ones_like(cost)))
    wanted = variables_of(wrt, "wrt")
    if return_disconnected not in ("zero", "None"):
        raise ValueError(f'return_disconnected is "zero" or "None", not {return_disconnected!r}')
    found = differentiate(seeds, known, wanted, _tangents(consider_constant))
    results: list[Variable | None] = []
    for v in wanted:
        connected, g = found[v]
        if not connected and return_disconnected == "None":
            _report_disconnected(v, disconnected_inputs)
            results.append(None)
            continue
        g = or_zeros(v, connected, g, disconnected_inputs)
        if add_names and cost is not None and cost.name and v.name and not g.name:
            g.name = f"(d{cost.name}/d{v.name})"
        results.append(g)
    return as_given(wrt, results)


def Lop(
    f: Any,
    wrt: Any,
    eval_points: Any,
    consider_constant: Iterable[Variable] | None = None,
    disconnected_inputs: OnDisconnected = "raise",
) -> Any:
    """Return the product of a row vector with the Jacobian of `f` with respect to `wrt`.

    Parameters
    ----------
    f
        A variable, or a list or tuple of them.
    wrt
        As in `grad`.
    eval_points
        The vector: for each variable of `f` one of its shape.
    consider_constant, disconnected_inputs
        As in `grad`.

    Returns
    -------
    Variable, list or tuple
        For each variable of `wrt` one of its shape, in what `wrt` was.
    """
    outputs, points = variables_of(f, "f"), variables_of(eval_points, "eval_points")
    if len(outputs) != len(points):
        raise ValueError(f"Lop: {len(outputs)} variables but {len(points)} evaluation points")
    wanted = variables_of(wrt, "wrt")
    seeds = list(zip(outputs, points, strict=True))
    found = differentiate(seeds, {}, wanted, _tangents(consider_constant))
    return as_given(wrt, [or_zeros(v, *found[v], disconnected_inputs) for v in wanted])


def Rop(
    f: Any,
    wrt: Any,
    eval_points: Any,
    disconnected_outputs: OnDisconnected = "raise",
    return_disconnected: str = "zero",
) -> Any:
    """Return the product of the Jacobian of `f` with respect to `wrt` with a column vector.

    Each operation pushes tangents forward by the vjp of its vjp, or by a rule of its own.

    Parameters
    ----------
    f
        A variable, or a list or tuple of them.
    wrt
        A variable, or a list or tuple of them.
    eval_points
        The vector: for each variable of `wrt` one of its shape, or None for zero.
    disconnected_outputs, return_disconnected
        As `disconnected_inputs` and `return_disconnected` of `grad`, for variables of `f` that do
        not depend on `wrt`.

    Returns
    -------
    Variable, list or tuple
        For each variable of `f` one of its shape, in what `f` was.
    """
    outputs, inputs = variables_of(f, "f"), variables_of(wrt, "wrt")
    points = list(eval_points) if isinstance(eval_points, (list, tuple)) else [eval_points]
    if len(inputs) != len(points):
        raise ValueError(f"Rop: {len(inputs)} variables but {len(points)} evaluation points")
    tangents = {v: p for v, p in zip(inputs, points, strict=True) if p is not None}
    results: list[Variable | None] = []
    for v, (connected, t) in zip(outputs, push_forward(outputs, tangents), strict=True):
        if not connected and return_disconnected == "None":
            _report_disconnected(v, disconnected_outputs)
            results.append(None)
        else:
            results.append(or_zeros(v, connected, t, disconnected_outputs))
    return as_given(f, results)


def subgraph_grad(
    wrt: Any,
    end: Any,
    start: Mapping[Variable, Variable] | None = None,
    cost: Variable | None = None,
    details: bool = False,
) -> Any:
    """Return gradients in a part of a graph, for chaining backpropagation by hand.

    Parameters
    ----------
    wrt
        Variables inside the part, parameters say: a list of them.
    end
        Variables where the part ends, a list: gradients reach them and do not pass them.
    start
        Gradients of variables where the part begins.
    cost
        A scalar inside the part that adds to the gradients.
    details
        Whether to return what comes from `start` and from `cost` as well.

    Returns
    -------
    tuple
        Lists of the gradients with respect to `wrt` and to `end`; with `details`, lists of what
        came from `start` and from `cost` (None where not given) for `wrt` followed by `end`.

    Examples
    --------
    >>> import symnet.tensor as T
    >>> x, w1, w2 = T.scalars("x", "w1", "w2")
    >>> hidden = T.tanh(x * w1)
    >>> cost = (hidden * w2) ** 2
    >>> of_w2, of_hidden = subgraph_grad([w2], [hidden], cost=cost)
    >>> of_w1, _ = subgraph_grad([w1], [x], start={hidden: of_hidden[0]})
    """
    if start is None and cost is None:
        raise ValueError("subgraph_grad needs a cost, or gradients to continue from (start)")
    inside, ends = variables_of(list(wrt), "wrt"), variables_of(list(end), "end")
    both = [*inside, *ends]
    from_start: list[Variable] | None = None
    from_cost: list[Variable] | None = None
    if start is not None:
        from_start = grad(None, both, ends, "ignore", known_grads=start)
    if cost is not None:
        from_cost = grad(cost, both, ends, "ignore")
    parts = [p for p in (from_start, from_cost) if p is not None]
    total = [sum(terms[1:], start=terms[0]) for terms in zip(*parts, strict=True)]
    found = total[: len(inside)], total[len(inside) :]
    return (*found, from_start, from_cost) if details else found


def _check_cost(cost: Variable) -> None:
    if not isinstance(cost, Variable):
        raise TypeError(f"grad: the cost is a variable, not {cost!r}")
    if cost.ndim != 0:
        raise TypeError(
            f"grad: the cost must be a scalar, but {cost!r} is {cost.type}; take its sum or mean"
        )
    if not dtypes.is_float(cost.dtype):
        raise TypeError(
            f"grad: {cost!r} is {cost.type}, and only floating point numbers have a gradient; "
            "did you mean a cost made of probabilities rather than of predicted classes?"
        )


def variables_of(given: Any, what: str) -> list[Variable]:
    """Return a variable or several as a list; `what` is their name in messages."""
    several = list(given) if isinstance(given, (list, tuple)) else [given]
    found = [v.tangent if isinstance(v, Composite) else v for v in several]
    for v in found:
        if not isinstance(v, Variable):
            raise TypeError(f"{what} is a variable or a list of variables; {v!r} is none")
    return found


def format_as(use_list: bool, use_tuple: bool, outputs: Any) -> Any:
    """Return a list or tuple of outputs, or the only one.

    Parameters
    ----------
    use_list, use_tuple
        Which it is to be; neither for the only one.
    outputs
        A list or tuple, or an output by itself.
    """
    if use_list and use_tuple:
        raise ValueError("format_as: a list or a tuple, not both")
    many = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    if use_list or use_tuple:
        return many if use_list else tuple(many)
    (one,) = many
    return one


def _tangents(given: Iterable[Any] | None) -> list[Variable]:
    """Return variables, for composites the parts that gradients are of."""
    return [v.tangent if isinstance(v, Composite) else v for v in given or ()]


def as_given(given: Any, results: list[Any]) -> Any:
    """Return results as what was given: one, a list or a tuple, of composites for composites."""
    several = given if isinstance(given, (list, tuple)) else [given]
    results = [
        v.with_tangent(g) if isinstance(v, Composite) and g is not None else g
        for v, g in zip(several, results, strict=True)
    ]
    if isinstance(given, tuple):
        return tuple(results)
    return results if isinstance(given, list) else results[0]


def or_zeros(
    v: Variable, connected: bool, g: Variable | None, disconnected: OnDisconnected
) -> Variable:
    """Return what was found for `v`, zeros where that is none, or report it as disconnected."""
    if not connected:
        _report_disconnected(v, disconnected)
    if g is not None:
        return g
    return build.zeros_like(v, v.dtype if dtypes.is_float(v.dtype) else config.floatX)


def _report_disconnected(v: Variable, how: OnDisconnected) -> None:
    message = (
        f"the result does not depend on {v!r} of type {v.type}, or on its shape only. Take it out "
        'of the list, check that the graph is made of it, or allow this with "ignore" or "warn" '
        "(disconnected_inputs of grad and Lop, disconnected_outputs of Rop)"
    )
    if how == "raise":
        raise DisconnectedInputError(message)
    if how == "warn":
        warnings.warn(message, stacklevel=4)
    elif how != "ignore":
        raise ValueError(f'{how!r} is not one of "raise", "warn" and "ignore"')
