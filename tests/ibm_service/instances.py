"""Instances of an account; each has its own plan, allowance, jobs and sessions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ibm_service.messages import Answer, as_json

PRICING = {"open": "free", "premium": "subscription", "flex": "subscription", "payg": "paygo"}


def crn_of(name: str) -> str:
    """The CRN of the instance with this name."""
    return f"crn:v1:bluemix:public:quantum-computing:us-east:a/account:{name}::"


class Instance:
    """An instance.

    Args:
        name: The name of the instance.
        plan: "open", "premium", "flex" or "payg".
        allowance: QPU seconds after which the instance accepts no more jobs.
        reserved: A function that returns the QPU seconds charged to the instance's sessions
            besides their jobs.
    """

    def __init__(
        self, name: str, *, plan: str, allowance: float, reserved: Callable[[str], float]
    ) -> None:
        if plan not in PRICING:
            raise ValueError(f"unknown plan {plan!r}: use one of {', '.join(PRICING)}")
        self.name = name
        self.crn = crn_of(name)
        self.plan = plan
        self.allowance = allowance
        self._reserved = reserved
        self._charged = 0.0
        self._lock = threading.Lock()

    @property
    def consumed(self) -> float:
        """QPU seconds charged to jobs, and to sessions by the clock; tests may set it."""
        return self._charged + self._reserved(self.crn)

    @consumed.setter
    def consumed(self, seconds: float) -> None:
        with self._lock:
            self._charged = seconds - self._reserved(self.crn)

    def charge(self, seconds: float) -> None:
        """Add the charge of a job."""
        with self._lock:
            self._charged += seconds

    def found(self) -> dict[str, Any]:
        """The entry of the instance in a search of the account."""
        return {
            "crn": self.crn,
            "name": self.name,
            "doc": {"extensions": [{"name": "allocation"}]},
            "service_plan_unique_id": self.plan,
            "tags": [],
        }

    def usage(self, *, over: bool = False) -> Answer:
        """GET /instances/usage; `over` claims that the limit is reached."""
        consumed = max(self.consumed, self.allowance) if over else self.consumed
        return as_json(
            {
                "instance_id": self.crn,
                "plan_id": self.plan,
                "usage_consumed_seconds": consumed,
                "usage_limit_seconds": self.allowance,
                "usage_allocation_seconds": self.allowance,
                "usage_limit_reached": consumed >= self.allowance,
            }
        )
