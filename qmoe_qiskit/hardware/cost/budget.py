"""The budget of QPU time: its notation, and the limits of jobs that keep within it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import BudgetError, InputError
from qmoe_qiskit.hardware.cost.plan_limits import PlanLimits

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.cost.estimate import CostEstimate, JobEstimate

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_AMOUNT = re.compile(r"(?P<number>\d+\.?\d*|\.\d+)\s*(?P<unit>s|min|m|h|)", re.IGNORECASE)


def parse_seconds(text: str) -> float:
    """Return a length of time in seconds: "60s", "60", "1.5min", "2 m" or "0.1h".

    Raises:
        InputError: If the text has another form, or the time is not above zero.

    >>> parse_seconds("1.5min")
    90.0
    """
    match = _AMOUNT.fullmatch(text.strip())
    seconds = float(match["number"]) * _SECONDS[match["unit"].lower()] if match else math.nan
    if not 0 < seconds < math.inf:
        raise InputError(
            f"budget {text!r} is not a length of time above zero: write seconds, minutes or "
            "hours, such as 60s, 60, 1.5min, 2m or 0.1h"
        )
    return seconds


def parse_price(text: str) -> float:
    """Return a price in dollars per QPU second, such as "1.60".

    Raises:
        InputError: If the text is not a number above zero.
    """
    match = _AMOUNT.fullmatch(text.strip().removeprefix("$"))
    price = float(match["number"]) if match and not match["unit"] else math.nan
    if not 0 < price < math.inf:
        raise InputError(
            f"price {text!r} is not an amount above zero: write dollars per second of QPU time, "
            "such as 1.60"
        )
    return price


def refuse_over_budget(estimate: CostEstimate, budget_s: float, used_s: float = 0.0) -> None:
    """Refuse work that would exceed the budget.

    The service takes a job's limit in whole seconds. So every job counts with its estimate rounded
    up: then each job can get a limit that lets it end, and the budget covers the sum of the limits.

    Args:
        estimate: The estimate of everything that remains to be sent.
        budget_s: QPU time that the work may use, in seconds.
        used_s: QPU time that was charged before, or that running jobs may still be charged.

    Raises:
        BudgetError: If the work would exceed the budget.
    """
    max_execution_time(estimate.jobs, budget_s - used_s, budget_s=budget_s)


def max_execution_time(
    jobs: Sequence[JobEstimate], left_s: float, *, budget_s: float | None = None
) -> int:
    """Return the limit of QPU time, in whole seconds, for the next job to send.

    Each job gets its estimate, rounded up, and an equal share of the rest of the budget. The limit
    of every job that was sent counts as used: so no wrong estimate can exceed the budget.

    Args:
        jobs: The jobs that remain to be sent, the next one first.
        left_s: The rest of the budget in seconds, without ended jobs and limits of running ones.
        budget_s: The whole budget in seconds, for the message.

    Raises:
        BudgetError: If the rest of the budget does not cover the jobs.
    """
    needed = [max(1, math.ceil(job.seconds)) for job in jobs]
    spare = math.floor(left_s) - sum(needed)
    if spare < 0:
        estimated_s = sum(job.seconds for job in jobs)
        whole = "" if budget_s is None else f" of a budget of {budget_s:g} s"
        raise BudgetError(
            f"an estimated {estimated_s:.1f} s of QPU time in {len(jobs)} "
            f"job{'s' * (len(jobs) > 1)}, limited to {sum(needed)} whole seconds, is more than "
            f"the {max(left_s, 0.0):.1f} s left{whole}: nothing more was sent; take fewer samples "
            f"or shots, or a --budget that is larger by {math.ceil(sum(needed) - left_s)} s"
        )
    return min(needed[0] + spare // len(jobs), int(PlanLimits.seconds_per_job))
