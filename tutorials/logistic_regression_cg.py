r"""
Logistic regression by conjugate gradients
==========================================

Not every optimiser wants to be written as updates. SciPy has a dozen, which ask for two things: the
cost at a point, and its gradient there. Both come out of one compiled function, and the model of
the first page is trained by the method of conjugate gradients, without a learning rate.

Run it with ``make train TUTORIAL=logistic_regression_cg``, or ``python
tutorials/logistic_regression_cg.py --help`` for the options. Ctrl-C saves the point that was
reached, and ``--resume`` starts from there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from _training import (
    Interruption,
    Progress,
    Result,
    Validation,
    checkpoint_of,
    load,
    mean_error,
    options,
    report,
    row,
)
from logistic_regression import error_rate, negative_log_likelihood
from scipy.optimize import minimize
from tqdm import tqdm

import symnet as sn
import symnet.tensor as T

Vector = npt.NDArray[np.float64]

# %%
# All parameters in one vector
# ----------------------------
#
# SciPy knows vectors, not models. So all parameters are one shared vector, and the weights and the
# offsets are parts of it: a slice and a reshape, which cost nothing, for the compiler reads the
# vector where the parts would be. The gradient by the vector comes out as a vector.


def softmax_of_vector(x: Any, n_in: int, n_out: int) -> tuple[Any, Any]:
    """Return class probabilities (batch, n_out) for inputs (batch, n_in), and the parameters."""
    theta = sn.shared(np.zeros((n_in + 1) * n_out, sn.config.floatX), name="theta")
    W = theta[: n_in * n_out].reshape((n_in, n_out))
    b = theta[n_in * n_out :]
    return T.nnet.softmax(T.dot(x, W) + b), theta


# %%
# What SciPy asks
# ---------------
#
# One compiled function returns the cost and the gradient of a minibatch; the mean over all
# minibatches is that of the training set. Nothing is updated: SciPy says at which point it wants to
# know, and that point is put into the shared vector. SciPy computes in double precision, the model
# in ``floatX``.


def compile_objective(
    x: Any, y: Any, cost: Any, theta: Any, part: Any, args: Any
) -> Callable[[Vector], tuple[float, Vector]]:
    """Return a function from a point to the mean cost and its gradient over a part of the data."""
    index = T.lscalar("index")
    here = slice(index * args.batch_size, (index + 1) * args.batch_size)
    inputs, labels = (sn.shared(array, borrow=True) for array in part)
    on_batch = sn.function(
        [index],
        [cost, T.grad(cost, theta)],
        givens={x: inputs[here], y: labels[here]},
        mode=args.mode,
    )
    batches = range(len(part.labels) // args.batch_size)

    def objective(point: Vector) -> tuple[float, Vector]:
        theta.set_value(point.astype(theta.dtype))
        costs, gradients = zip(*map(on_batch, batches), strict=True)
        return float(np.mean(costs)), np.mean(gradients, axis=0, dtype=float)

    return objective


# %%
# Training
# --------
#
# An iteration looks for the lowest point along a line, and costs a few evaluations over the whole
# training set. After each one the callback measures the validation error. Where it was lowest the
# test error counts, as on the other pages.


def main(argv: Sequence[str] | None = None) -> Result:
    """Train, report, draw; return what was reached. An epoch is an iteration."""
    parser = options("Logistic regression by conjugate gradients.", epochs=50, batch_size=600)
    args = parser.parse_args(argv)
    data = load(args)

    x, y = T.matrix("x"), T.ivector("y")
    probabilities, theta = softmax_of_vector(x, data.features, data.classes)
    cost = negative_log_likelihood(probabilities, y)
    objective = compile_objective(x, y, cost, theta, data.train, args)
    validate, test = (
        _error(x, y, error_rate(probabilities, y), part, args) for part in (data.valid, data.test)
    )
    checkpoint = checkpoint_of(args, "logistic_regression_cg", [theta])
    so_far = checkpoint.load() if args.resume else Progress(limit=args.epochs)
    started = time.perf_counter() - so_far.seconds
    print("epoch   validation error   test error   seconds")
    for line in so_far.history:
        print(row(line))

    with (
        Interruption() as interruption,
        tqdm(total=args.epochs, initial=so_far.step, unit="iteration", leave=False) as bar,
    ):

        def after_iteration(point: Vector) -> None:
            theta.set_value(point.astype(theta.dtype))
            so_far.step += 1
            error, found = validate(), None
            if error < so_far.best:
                so_far.best, so_far.test_error = error, test()
                found = so_far.test_error
            so_far.seconds = time.perf_counter() - started
            so_far.history.append(Validation(so_far.step, error, found, so_far.seconds))
            bar.update()
            bar.write(row(so_far.history[-1]))
            if interruption.pressed:
                raise StopIteration

        found = minimize(
            objective,
            theta.get_value().astype(float),
            jac=True,
            method="CG",
            callback=after_iteration,
            options={"maxiter": args.epochs - so_far.step},
        )
    theta.set_value(found.x.astype(theta.dtype))
    if interruption.pressed:
        checkpoint.save(so_far)
        print(f"Interrupted: saved in {checkpoint.path}, --resume goes on from there")
    seconds = time.perf_counter() - started
    batches = len(data.train.labels) // args.batch_size
    result = Result(
        so_far.best if so_far.history else math.nan,
        so_far.test_error,
        so_far.step,
        found.nfev * batches,
        seconds,
        args.batch_size,
        so_far.history,
        interrupted=interruption.pressed,
    )
    weights = theta.get_value()[: data.features * data.classes].reshape(data.features, -1)
    picture = args.picture or Path("logistic_regression_cg.png")
    return report(result, weights, data.image_shape, picture)


def _error(x: Any, y: Any, errors: Any, part: Any, args: Any) -> Callable[[], float]:
    index = T.lscalar("index")
    here = slice(index * args.batch_size, (index + 1) * args.batch_size)
    inputs, labels = (sn.shared(array, borrow=True) for array in part)
    on_batch = sn.function(
        [index], errors, givens={x: inputs[here], y: labels[here]}, mode=args.mode
    )
    return mean_error(on_batch, len(part.labels), args.batch_size)


if __name__ == "__main__":
    main()
