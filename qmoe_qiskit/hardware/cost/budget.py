"""The budget of QPU time: its notation, what is committed, and the limits of jobs within it."""

import math
import re
from collections.abc import Sequence

from qmoe_qiskit.errors import BudgetError, InputError
from qmoe_qiskit.hardware.cost.estimate import CostEstimate, JobEstimate
from qmoe_qiskit.hardware.cost.plan_limits import PlanLimits
from qmoe_qiskit.hardware.ledger.records import FINAL, SENDING, SUBMITTED
from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.hardware.service.client import Client

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
    The estimate is of everything that remains to be sent; `used_s` seconds are committed before.

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


def committed_qpu_seconds(
    key: str, client: Client, ledger: Ledger, *, besides: str = "", within: str | None = None
) -> float:
    """Return the QPU time that a work was charged, or may still be charged, in seconds.

    The service charges a session by the clock, and every other job by its execution. A job without
    a known charge counts with the limit that it was sent with, or else with its estimate. The job
    with tag `besides` is left out. Session `within` is in use: it counts by its jobs.

    Raises:
        HardwareError: If the service does not answer.
    """
    jobs = [job for job in ledger.jobs(key) if job.state in {SENDING, SUBMITTED, *FINAL}]
    clocks_s = {
        session: seconds
        for session in {job.session_id for job in jobs} - {None, within}
        if (seconds := client.sessions.seconds(str(session))) is not None
    }
    return sum(clocks_s.values()) + sum(
        job.charged_seconds
        if job.charged_seconds is not None
        else job.max_seconds or job.estimated_seconds
        for job in jobs
        if job.tag != besides and job.session_id not in clocks_s
    )
