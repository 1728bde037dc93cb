r"""
Classifying digits with logistic regression
===========================================

The smallest model worth training: one matrix, one vector and a softmax, which tell handwritten
digits apart with 7.5 % errors. On the way this page shows everything that a training program in
symnet is made of: symbolic inputs, shared variables, a cost, its gradient, and a compiled step.

Run it with ``make train``, or ``python tutorials/logistic_regression.py --help`` for the options.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _training import (
    Patience,
    Result,
    checkpoint_of,
    fit,
    load,
    mean_error,
    options,
    report,
)

import symnet as sn
import symnet.tensor as T

# %%
# The model
# ---------
#
# An image is a row of pixels :math:`x`. Each class :math:`k` has a column of weights; its score is
# the product of image and column plus an offset, and softmax turns the ten scores into
# probabilities:
#
# .. math:: P(Y = k \mid x) = \mathrm{softmax}_k(x W + b)
#           = \frac{e^{x W_k + b_k}}{\sum_j e^{x W_j + b_j}}
#
# ``x`` below stands for a whole minibatch, one image a row. Nothing is computed yet: ``T.dot`` and
# ``T.nnet.softmax`` build an expression, in which ``W`` and ``b`` are *shared* variables: they have
# a value that outlives a call, and a compiled function may change it.


def softmax_layer(x: Any, n_in: int, n_out: int) -> tuple[Any, list[Any]]:
    """Return class probabilities (batch, n_out) for inputs (batch, n_in), and the parameters."""
    W = sn.shared(np.zeros((n_in, n_out), sn.config.floatX), name="W")
    b = sn.shared(np.zeros(n_out, sn.config.floatX), name="b")
    return T.nnet.softmax(T.dot(x, W) + b), [W, b]


# %%
# What to minimise, and what to report
# ------------------------------------
#
# The cost is the mean negative log-likelihood: how surprised the model is by the right labels.
# ``log_likelihood[T.arange(n), y]`` picks from row :math:`i` the entry of its label :math:`y_i`.
# Written like this it looks wasteful and, for a probability that rounds to zero, dangerous. It is
# neither: the compiler recognises the logarithm of a softmax, and computes both in one stable pass.
#
# The error rate counts wrong answers. It has no useful gradient, so it only reports.


def negative_log_likelihood(probabilities: Any, y: Any) -> Any:
    """Return the mean of -log P(right class)."""
    log_likelihood = T.log(probabilities)
    return -T.mean(log_likelihood[T.arange(y.shape[0]), y])


def error_rate(probabilities: Any, y: Any) -> Any:
    """Return the fraction of examples whose most probable class is not `y`."""
    return T.mean(T.neq(T.argmax(probabilities, axis=1), y))


# %%
# The training step
# -----------------
#
# The whole data set goes into shared variables once, so that a step needs to be told only *which*
# minibatch to use. ``givens`` puts that minibatch, a slice at a symbolic index, in the place of the
# inputs ``x`` and ``y``.
#
# ``T.grad`` writes down the derivatives as further expressions, and ``updates`` says what each
# parameter becomes. All of it, the slice, the model, its derivative and the update, becomes one
# native function.


def descent(cost: Any, parameters: Sequence[Any], learning_rate: float) -> list[tuple[Any, Any]]:
    """Return what each parameter becomes: a step down the slope of the cost."""
    gradients = T.grad(cost, list(parameters))
    return [(p, p - learning_rate * g) for p, g in zip(parameters, gradients, strict=True)]


def compile_functions(
    x: Any, y: Any, cost: Any, errors: Any, updates: Any, data: Any, args: Any
) -> tuple[Any, Any, Any]:
    """Return the training step, and the error rates of the validation and the test part.

    The step is a function of a minibatch's index; the error rates take nothing.
    """
    index = T.lscalar("index")
    here = slice(index * args.batch_size, (index + 1) * args.batch_size)

    def on(part: Any, **function: Any) -> Any:
        inputs, labels = (sn.shared(array, borrow=True) for array in part)
        return sn.function([index], givens={x: inputs[here], y: labels[here]}, **function)

    train = on(data.train, outputs=cost, updates=updates, mode=args.mode)
    validate, test = (
        mean_error(on(part, outputs=errors, mode=args.mode), len(part.labels), args.batch_size)
        for part in (data.valid, data.test)
    )
    return train, validate, test


# %%
# Training
# --------
#
# Stochastic gradient descent walks through the minibatches until the validation error has not
# improved for long enough: that loop is ``fit`` in ``_training.py``. With the settings below, the
# test error on MNIST comes to about 7.5 %.
#
# The picture at the end shows the ten columns of ``W`` as images. They look like what they are:
# templates of the digits, with red where ink speaks for a class and blue where it speaks against.


def main(argv: Sequence[str] | None = None) -> Result:
    """Train, report, draw; return what was reached."""
    parser = options(
        "Logistic regression on handwritten digits.",
        epochs=1000,
        batch_size=600,
        learning_rate=0.13,
        patience=5000,
    )
    args = parser.parse_args(argv)
    data = load(args)

    x, y = T.matrix("x"), T.ivector("y")
    probabilities, parameters = softmax_layer(x, data.features, data.classes)
    cost = negative_log_likelihood(probabilities, y)
    errors = error_rate(probabilities, y)
    updates = descent(cost, parameters, args.learning_rate)
    train, validate, test = compile_functions(x, y, cost, errors, updates, data, args)

    batches = len(data.train.labels) // args.batch_size
    patience = Patience(args.patience)
    checkpoint = checkpoint_of(args, "logistic_regression", parameters)
    result = fit(
        train,
        validate,
        test,
        batches,
        args.batch_size,
        args.epochs,
        patience,
        checkpoint,
        args.resume,
    )
    W, _ = parameters
    picture = args.picture or Path("logistic_regression.png")
    return report(result, W.get_value(borrow=True), data.image_shape, picture)


if __name__ == "__main__":
    main()
