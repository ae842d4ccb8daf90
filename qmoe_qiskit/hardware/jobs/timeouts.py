"""How long submission and collection wait, and what they report meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

from qmoe_qiskit.hardware.service.http import BACKOFF_S, READ_TIMEOUT_S

# A function that is told what is being waited for.
ReportStatus = Callable[[str], None]

# Another process may hold the ledger while it creates a job: as long as an answer may take.
LOCK_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long to wait for the service, in seconds.

    Attributes:
        settle_s: Time for which a job whose submission response was lost is looked for by its tag
            before it is sent again. By default the time limit of an answer and another minute, in
            which the service's list may lack a new job.
        poll_s: Longest time between two looks at a job.
        outage_s: Time for which the service may be unreachable while results are awaited.
        read_timeout_s: Time limit of an answer; give it to `IBMDevice`.
        backoff_s: The first pause before a request without an answer is repeated; each further one
            is twice as long. Give it to `IBMDevice`.
    """

    settle_s: float = READ_TIMEOUT_S + 60.0
    poll_s: float = 10.0
    outage_s: float = 3600.0  # a laptop sleeps, a train goes through a tunnel
    read_timeout_s: float = READ_TIMEOUT_S
    backoff_s: float = BACKOFF_S
