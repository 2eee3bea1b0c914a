"""BG/NBD is fitted as `lifetimes` fits it, which is no longer kept, and is a tool of the tests only."""

import warnings
from functools import partial

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize

from streams.evaluation.detectors import bgnbd
from streams.evaluation.detectors.bgnbd import Bought
from streams.lab.generate.purchases import Floats

TRUE = (0.8, 9.0, 0.7, 3.0)


def drawn(customers: int) -> Bought:
    """Return what customers bought who live and drop out as the model says."""
    rng = np.random.default_rng(8)
    r, alpha, a, b = TRUE
    rows = []
    for age in rng.uniform(20, 300, customers):
        rate, drop = rng.gamma(r, 1 / alpha), rng.beta(a, b)
        repeats, last = 0, 0.0
        while (moment := last + rng.exponential(1 / rate)) < age:
            repeats, last = repeats + 1, moment
            if rng.random() < drop:
                break
        rows.append((repeats, last, age))
    return Bought(*np.array(rows).T)


@pytest.fixture(name="bought", scope="module")
def _bought() -> Bought:
    return drawn(2_000)


def by_lifetimes(bought: Bought) -> list[float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter  # type: ignore[import-untyped]  # noqa: PLC0415

        model = BetaGeoFitter()
        model.fit(bought.repeats, bought.recency, bought.age)
    return [float(model.params_[name]) for name in ("r", "alpha", "a", "b")]


def test_parameters_are_those_of_lifetimes(bought: Bought) -> None:
    assert bgnbd.fit(bought) == pytest.approx(by_lifetimes(bought), rel=1e-6)


def test_what_was_drawn_is_found(bought: Bought) -> None:
    found = bgnbd.fit(bought)
    assert found is not None
    assert found[:2] == pytest.approx(TRUE[:2], rel=0.1)
    assert found[2] / found[2:].sum() == pytest.approx(TRUE[2] / sum(TRUE[2:]), rel=0.1)


@pytest.mark.parametrize("parameters", [TRUE, (0.05, 0.3, 4.0, 0.2), (3.0, 50.0, 1e-6, 1e4)], ids=str)
def test_the_gradient_is_that_of_the_likelihood(bought: Bought, parameters: tuple[float, ...]) -> None:
    def value(logs: Floats) -> float:
        return bgnbd._loss(logs, bought)[0]

    def gradient(logs: Floats) -> Floats:
        return bgnbd._loss(logs, bought)[1]

    size = np.abs(gradient(np.log(parameters))).max()
    assert check_grad(value, gradient, np.log(parameters), epsilon=1e-6) < 1e-3 * max(1, size)


def test_who_never_came_back_leaves_nothing_to_say_of_dropping_out() -> None:
    """The mean log-likelihood does not depend on a and b: their gradient is 0, and nothing is infinite."""
    once = Bought(np.zeros(3), np.zeros(3), np.array([1.0, 10.0, 100.0]))
    value, gradient = bgnbd.log_likelihood(np.array(TRUE), once)
    assert np.isfinite(value)
    assert gradient[2:] == pytest.approx([0, 0])


def test_a_search_that_ends_on_a_slope_is_no_fit(bought: Bought, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bgnbd, "minimize", partial(minimize, options={"maxiter": 1}))
    assert bgnbd.fit(bought) is None
