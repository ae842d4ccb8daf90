"""The service that tests start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from leak_check import API_KEY

from ibm_service.accounts import Account
from ibm_service.admin import Admin
from ibm_service.devices import DEFAULT_DEVICES, Devices
from ibm_service.faults import Faults
from ibm_service.instances import Instance
from ibm_service.messages import Answer, RefusalError, Request
from ibm_service.programs import read_work
from ibm_service.routes import Routes
from ibm_service.server import PREFIX, Server
from ibm_service.session_clock import SessionClock
from ibm_service.store import Job, Store, new_id, now, until
from ibm_service.worker import Pace, Worker

if TYPE_CHECKING:
    from ibm_service.devices import Device


class IBMService:
    """A loopback IBM Quantum service; a context manager, or `start` and `stop`.

    Args:
        devices: Names of the devices, or {name: snapshot} for other names.
        plan: "open" refuses sessions; "premium", "flex", "payg".
        instances: Names of the instances, or {name: plan} for different plans. Each has its own
            jobs, sessions, allowance and limits; requests that name none go to the first.
        api_key: The only accepted API key; see `leak_check` for where it must not appear.
        allowance: QPU seconds that each instance may use.
        pending_limit: Number of jobs that may be pending; beyond it: 400, code 3458.
        creations_per_minute: Number of new jobs per minute; beyond it: 429, code 1202, with
            Retry-After.
        token_lifetime: Validity of a token in seconds.
        port: The port; 0 for a free one.

    Attributes:
        faults: The armed faults, see `ibm_service.faults`.
        pace: The speed of jobs, see `ibm_service.worker.Pace`.
        account: The account: `account.instances["loopback"].consumed` is the charge of an instance,
            `account.consumed` the charge of the first, `account.expire_tokens()` ends all tokens.
        clock: The charges of sessions, see `ibm_service.session_clock`.
        devices: `devices["ibm_torino"].operational = False` takes one down.
    """

    def __init__(
        self,
        devices: Iterable[str] | Mapping[str, str] = DEFAULT_DEVICES,
        *,
        plan: str = "open",
        instances: Iterable[str] | Mapping[str, str] = ("loopback",),
        api_key: str = API_KEY,
        allowance: float = 600.0,
        pending_limit: int | None = None,
        creations_per_minute: int | None = None,
        token_lifetime: float = 3600.0,
        port: int = 0,
    ) -> None:
        names = devices if isinstance(devices, Mapping) else {name: name for name in devices}
        plans = instances if isinstance(instances, Mapping) else dict.fromkeys(instances, plan)
        self.devices = Devices(dict(names))
        self.faults = Faults()
        self.pace = Pace()
        self.store = Store()
        self.pending_limit = pending_limit
        self.creations_per_minute = creations_per_minute
        self.worker = Worker(self.store, self.pace, self.devices, self.is_up, self._charge)
        self.clock = SessionClock(self.store, self.worker.cancel)
        self.account = Account(
            api_key,
            [
                Instance(name, plan=plan, allowance=allowance, reserved=self.clock.reserved)
                for name, plan in plans.items()
            ],
            token_lifetime=token_lifetime,
        )
        self._routes = Routes(self)
        self._admin = Admin(self)
        self._server = Server(port, self._respond, self.faults)

    def start(self) -> Self:
        """Serve."""
        self.worker.start()
        self._server.start()
        return self

    def stop(self) -> None:
        """End, with every connection."""
        self._server.stop()
        self.worker.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of the service, without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def environment(self, instance: str | None = None) -> dict[str, str]:
        """The environment variables that point the client to this service.

        Args:
            instance: The default instance, by name; None for the first. Without the variable
                QISKIT_IBM_INSTANCE, the client looks at all of them.
        """
        chosen = self.account.first if instance is None else self.account.instances[instance]
        return {
            "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
            "QISKIT_IBM_TOKEN": self.account.api_key,
            "QISKIT_IBM_URL": f"{self.url}{PREFIX}",
            "QISKIT_IBM_INSTANCE": chosen.crn,
            "IAM_URL": self.url,
            "GLOBAL_SEARCH_URL": self.url,
            "GLOBAL_CATALOG_URL": f"{self.url}/gc",
        }

    @property
    def jobs(self) -> list[Job]:
        """Every job ever created, oldest first."""
        return self.store.jobs()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Every request so far, without tokens and bodies."""
        return list(self._server.log)

    def is_up(self, name: str) -> bool:
        """Whether a device runs jobs."""
        return self.devices[name].operational and not self.faults.holds("device_down", name)

    def check_quota(self, instance: Instance) -> None:
        """Refuse a job if the allowance is used up."""
        if self.faults.holds("over_quota") or instance.consumed >= instance.allowance:
            raise RefusalError(
                403, 4317, "The usage limit of the instance is reached: no jobs are accepted."
            )

    def check_limits(self, jobs: list[Job]) -> None:
        """Refuse a further job if the plan's limits do not allow it besides the instance's jobs."""
        pending = sum(not job.is_final for job in jobs)
        if self.pending_limit is not None and pending >= self.pending_limit:
            raise RefusalError(
                400,
                3458,
                f"The limit of {self.pending_limit} pending jobs is reached: wait for one to "
                "complete, or cancel one.",
            )
        if self.creations_per_minute is not None:
            ago = now() - timedelta(minutes=1)
            recent = [job.created for job in jobs if job.created > ago]
            if len(recent) >= self.creations_per_minute:
                wait = (recent[-self.creations_per_minute] - ago).total_seconds()
                raise RefusalError(
                    429,
                    1202,
                    f"Too many requests: the limit is {self.creations_per_minute} jobs a minute.",
                    {"Retry-After": str(int(wait) + 1)},
                )

    def new_job(self, asked: dict[str, Any], device: Device, crn: str, *, size: int) -> Job:
        """Build the requested job in an instance."""
        program_id, params = str(asked.get("program_id")), dict(asked.get("params") or {})
        work = read_work(program_id, params, device)
        return Job(
            id=new_id(),
            crn=crn,
            backend=device.name,
            program_id=program_id,
            params=params,
            tags=list(asked.get("tags") or []),
            session_id=asked.get("session_id"),
            cost=asked.get("cost"),
            size=size,
            created=now(),
            work=work,
            executions=work.executions,
            circuits=work.circuits,
            estimate=work.seconds or None,
        )

    def admit(self, job: Job) -> None:
        """Accept a job within the plan's limits, and apply armed faults to it."""

        def check(jobs: list[Job]) -> None:
            self.check_limits([other for other in jobs if other.crn == job.crn])
            self._spoil(job)

        self.store.add(job, check)

    def _spoil(self, job: Job) -> None:
        if fault := self.faults.of_job("fail_job"):
            job.fail_with = fault.reason
        if fault := self.faults.of_job("cancel_job"):
            job.cancel_with = fault.reason
        if fault := self.faults.of_job("slow_job"):
            job.seconds = fault.seconds
        if fault := self.faults.of_job("late_usage"):
            job.pending_usage = fault.seconds
        if fault := self.faults.of_job("lose_list"):
            job.listed_from, job.list_status = until(fault.seconds), fault.status

    def _charge(self, job: Job) -> None:
        for instance in self.account.instances.values():
            if instance.crn == job.crn:
                instance.charge(job.charge)

    def _respond(self, request: Request) -> Answer:
        self.clock.expire()
        respond = self._admin if request.path.startswith("/_admin/") else self._routes
        return respond(request)
