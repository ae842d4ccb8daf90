"""Retries where repeating is safe, with backoff and jitter; none where it could pay twice."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from requests import PreparedRequest, Response, Session
    from urllib3 import BaseHTTPResponse

CONNECT_TIMEOUT_S = 10.0
# A service that needs longer than this to answer is taken for gone, and asked what became of it.
READ_TIMEOUT_S = 120.0

# The longest pause between two tries, whatever the service asks for: others wait for the ledger.
_LONGEST_PAUSE_S = 60.0

_BUSY = 429
_SERVER_ERRORS = (500, 502, 503, 504, 520, 521, 522, 524)


class _SafeRetry(Retry):
    """Repeats what does no harm when it is done twice.

    The client's own policy repeats a POST after a server error. A gateway that times out behind
    a created job answers with one, and the repetition would create, and charge, a second job.
    """

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if method.upper() == "POST":
            # The service was too busy to look at it: nothing was created.
            return bool(self.total) and status_code == _BUSY
        return super().is_retry(method, status_code, has_retry_after)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return how long the service asks to wait, in seconds; None if it does not say."""
        try:
            asked = super().get_retry_after(response)
        except InvalidHeader:
            return None
        return None if asked is None else min(asked, _LONGEST_PAUSE_S)


class PatientAdapter(HTTPAdapter):
    """Sends requests to the service.

    Attributes:
        jobs_posted: How many requests to create a job have begun to be sent.
    """

    def __init__(self, *, retries: int = 6, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self.jobs_posted = 0
        self._retries, self._read_timeout_s = retries, read_timeout_s
        super().__init__(
            max_retries=_SafeRetry(
                total=retries,
                connect=retries,
                # Of the methods that may be repeated: a POST whose answer was lost is not.
                read=retries,
                allowed_methods={"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"},
                status_forcelist=(_BUSY, *_SERVER_ERRORS),
                backoff_factor=0.25,
                backoff_jitter=0.25,
                backoff_max=30,
                respect_retry_after_header=True,
                raise_on_status=False,
            )
        )

    def send(
        self,
        request: PreparedRequest,
        *args: Any,  # noqa: ANN401
        **settings: Any,  # noqa: ANN401
    ) -> Response:
        """Send a request; the client's own timeouts are 15 minutes or none."""
        if request.method == "POST" and (request.url or "").partition("?")[0].endswith("/jobs"):
            self.jobs_posted += 1
        settings["timeout"] = (CONNECT_TIMEOUT_S, self._read_timeout_s)
        for attempt in itertools.count():
            response = super().send(request, *args, **settings)
            try:
                # Read here: a connection that breaks half way through the answer is not repeated
                # by those below.
                response.content  # noqa: B018
            except RequestException:
                if request.method != "GET" or attempt >= self._retries:
                    raise
                time.sleep((0.25 + 0.25 * random.random()) * 2**attempt)  # noqa: S311
            else:
                return response
        raise AssertionError("the last attempt returns or raises")


def make_patient(sessions: Iterable[Session], adapter: PatientAdapter) -> None:
    """Send everything through an adapter."""
    for session in sessions:
        session.mount("https://", adapter)
        session.mount("http://", adapter)
