"""The likelihood of BG/NBD and its maximum.

Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24 (2), section 7 and
their note 004: who buys does so by a Poisson process of rate lambda ~ Gamma(r, alpha), and drops out after a
purchase with probability p ~ Beta(a, b).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, psi

from streams.lab.generate.purchases import Floats

_START = 0.1
_SEARCHED = 1e-7
_FOUND = 1e-5
"""The gradient, in log parameters, that ends the search, and the one that is a maximum: where all is flat the
search ends between the two, for there is no digit left to gain."""


@dataclass(frozen=True, slots=True)
class Bought:
    """Of each customer the repeat purchases, and the time from the first to the last and to now."""

    repeats: Floats
    recency: Floats
    age: Floats


def fit(bought: Bought) -> Floats | None:
    """Return (r, alpha, a, b) of the largest mean log-likelihood; None if the search does not converge."""
    # With time in units of the largest age all four are searched at the same scale.
    unit = bought.age.max()
    scaled = Bought(bought.repeats, bought.recency / unit, bought.age / unit)
    start = np.full(4, _START)
    found = minimize(_loss, start, (scaled,), jac=True, method="BFGS", tol=_SEARCHED)
    parameters = np.exp(found.x) * (1, unit, 1, 1)
    converged = np.abs(found.jac).max() < _FOUND and np.isfinite(parameters).all()
    return parameters if converged else None


def _loss(log_parameters: Floats, bought: Bought) -> tuple[float, Floats]:
    """Return the loss and its gradient, both by the logarithms of the parameters."""
    parameters = np.exp(log_parameters)
    value, gradient = log_likelihood(parameters, bought)
    return -value, -parameters * gradient


def log_likelihood(parameters: Floats, bought: Bought) -> tuple[float, Floats]:
    """Return the mean log-likelihood of a customer, and its gradient by r, alpha, a and b."""
    r, alpha, a, b = parameters
    x, last, now = bought.repeats, alpha + bought.recency, alpha + bought.age
    before = b + np.maximum(x, 1) - 1
    stays = -(r + x) * np.log(now)
    # Only after a repeat purchase can a customer have dropped out.
    drops = np.where(x > 0, np.log(a) - np.log(before) - (r + x) * np.log(last), -np.inf)
    either = np.logaddexp(stays, drops)
    rate = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    share = betaln(a, b + x) - betaln(a, b)
    gone = np.exp(drops - either)
    here = 1 - gone
    both = psi(a + b) - psi(a + b + x)
    gradient = (
        psi(r + x) - psi(r) + np.log(alpha) - here * np.log(now) - gone * np.log(last),
        r / alpha - (r + x) * (here / now + gone / last),
        both + gone / a,
        both + psi(b + x) - psi(b) - gone / before,
    )
    return float((rate + share + either).mean()), np.array([one.mean() for one in gradient])
