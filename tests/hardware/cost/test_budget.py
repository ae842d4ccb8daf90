"""Budgets: their notation, and the limits that keep all jobs within them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmoe_qiskit.errors import BudgetError, HardwareError, InputError
from qmoe_qiskit.hardware.cost.budget import (
    max_execution_time,
    parse_price,
    parse_seconds,
    refuse_over_budget,
)
from qmoe_qiskit.hardware.cost.estimate import CostEstimate, JobEstimate


def jobs_of(seconds: list[float]) -> tuple[JobEstimate, ...]:
    return tuple(
        JobEstimate(start=i, stop=i + 1, circuits=1, shots=1, executions=1, seconds=s)
        for i, s in enumerate(seconds)
    )


def estimate_of(*seconds: float) -> CostEstimate:
    return CostEstimate(jobs=jobs_of(list(seconds)), formula="", assumptions=())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60), ("60", 60), ("1.5min", 90), ("2 m", 120), ("0.1h", 360), (" 7 S ", 7),
        (".5s", 0.5), ("3.", 3), ("10MIN", 600),
    ],
)  # fmt: skip
def test_a_length_of_time_is_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "", "s", "0", "0s", "0.0min", "-5s", "nan", "inf", "infs", "1e3", "sixty", "60 seconds",
        "1h30m", "60s60s", "1,5min", "²s", "9" * 400 + "h",
    ],
)  # fmt: skip
def test_what_is_no_length_of_time_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(InputError, match=r"1\.5min") as caught:
        parse_seconds(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(("text", "price"), [("1.60", 1.6), ("$1.60", 1.6), ("2", 2)])
def test_a_price_is_dollars_per_second(text: str, price: float) -> None:
    assert parse_price(text) == pytest.approx(price)


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "free", "1.60s", "1.60 EUR"])
def test_what_is_no_price_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(InputError, match=r"1\.60") as caught:
        parse_price(text)
    assert repr(text) in str(caught.value)


def test_work_within_the_budget_passes() -> None:
    refuse_over_budget(estimate_of(59.5), 60)
    refuse_over_budget(estimate_of(20.0, 20.0), 60, used_s=20)


@pytest.mark.parametrize(
    ("seconds", "budget", "used"),
    [([60.5], 60, 0), ([30, 31], 60, 0), ([10], 60, 51), ([5], 60, 70), ([0.5], 0.9, 0)],
)
def test_work_over_the_budget_is_refused_and_told_what_to_do(
    seconds: list[float], budget: float, used: float
) -> None:
    with pytest.raises(BudgetError, match=f"budget of {budget:g} s") as caught:
        refuse_over_budget(estimate_of(*seconds), budget, used)
    assert isinstance(caught.value, HardwareError)
    message = str(caught.value)
    assert f"{sum(seconds):.1f} s" in message
    assert "fewer" in message
    larger = int(message.rsplit("larger by ", 1)[1].split(maxsplit=1)[0])
    refuse_over_budget(estimate_of(*seconds), budget + larger, used)


@given(
    seconds=st.lists(st.floats(0.01, 10_800), min_size=1, max_size=8),
    spare=st.floats(0, 20_000),
    early=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_limits_cover_every_job_and_never_add_up_to_more_than_the_budget(
    seconds: list[float], spare: float, early: list[bool]
) -> None:
    jobs = jobs_of(seconds)
    budget = sum(math.ceil(s) for s in seconds) + spare
    refuse_over_budget(estimate_of(*seconds), budget)
    taken = 0.0
    for i, job in enumerate(jobs):
        limit = max_execution_time(jobs[i:], budget - taken)
        assert limit == int(limit) >= max(1, job.seconds)
        assert limit <= 10_800
        # At worst a job uses its whole limit; a job that ends early leaves the rest to others.
        taken += job.seconds if early[i] else limit
    assert taken <= budget


def test_less_than_a_second_is_no_limit() -> None:
    with pytest.raises(BudgetError, match=r"more than the 0\.9 s left"):
        max_execution_time(jobs_of([0.2]), 0.9)
