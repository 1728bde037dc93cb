"""What NumPy draws for `Drawn`: numbers sampled by rejection, and orders.

Each function takes a generator, the distribution's parameters and the shape of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

Arrays = Sequence[np.ndarray[Any, Any]]
Shape = tuple[int, ...]


def binomial(generator: Generator, given: Arrays, shape: Shape) -> Any:
    """Draw how many of so many tosses succeed with a probability."""
    return generator.binomial(given[0], given[1], shape)


def multinomial(generator: Generator, given: Arrays, shape: Shape) -> Any:
    """Count how often each outcome comes in so many draws, along the last dimension."""
    p = given[1].astype("float64")
    return generator.multinomial(given[0], p / p.sum(axis=-1, keepdims=True), shape[:-1])


def poisson(generator: Generator, given: Arrays, shape: Shape) -> Any:
    """Draw from the Poisson distribution of a mean."""
    return generator.poisson(given[0], shape)


def gamma(generator: Generator, given: Arrays, shape: Shape) -> Any:
    """Draw from the gamma distribution of a shape and the scale 1."""
    return generator.standard_gamma(given[0], shape)


def beta(generator: Generator, given: Arrays, shape: Shape) -> Any:
    """Draw from the beta distribution of two parameters."""
    return generator.beta(given[0], given[1], shape)


def dirichlet(generator: Generator, given: Arrays, shape: Shape) -> Any:
    """Draw from the Dirichlet distribution, along the last dimension."""
    return generator.dirichlet(given[0], shape[:-1])


def permutation(generator: Generator, given: Arrays, shape: Shape) -> Any:
    """Draw an order of the integers from 0 on, along the last dimension."""
    return generator.permuted(np.broadcast_to(np.arange(shape[-1]), shape), axis=-1)


def choice(generator: Generator, given: Arrays, shape: Shape, replace: bool = True) -> Any:
    """Draw integers below a number, with probabilities if they are given."""
    count, *weights = given
    # Whether they add up to 1 is checked in the precision they have.
    return generator.choice(int(count), shape, replace, weights[0] if weights else None)


def choice_without_replacement(generator: Generator, given: Arrays, shape: Shape) -> Any:
    """Draw integers below a number, none of them twice."""
    return choice(generator, given, shape, replace=False)
