"""HTTP requests: repeated with backoff and jitter if that is safe, never if it could pay twice."""

import itertools
import logging
import random
import time
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from qmoe_qiskit.hardware.service.credentials import HIDDEN, scrub

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
# After this time without an answer, the request counts as lost.
READ_TIMEOUT_S = 120.0
# The pause before a request is repeated; each further one is twice as long.
BACKOFF_S = 0.25

# Longest pause between two tries, whatever the service asks: other processes wait for the ledger.
_LONGEST_PAUSE_S = 60.0

_ERRORS = 400
_BUSY = 429
_SERVER_ERRORS = (500, 502, 503, 504, 520, 521, 522, 524)


class _SafeRetry(Retry):
    """Repeats only requests that are safe to repeat.

    The client's own policy repeats a POST after a server error. A gateway that times out after the
    job was created answers so: the repetition would create and charge a second job.
    """

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if method.upper() == "POST":
            # The service was too busy to read the request: nothing was created.
            return bool(self.total) and status_code == _BUSY
        return super().is_retry(method, status_code, has_retry_after)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the pause that the service asks for, in seconds; None if it asks for none."""
        try:
            asked = super().get_retry_after(response)
        except InvalidHeader:
            return None
        return None if asked is None else min(asked, _LONGEST_PAUSE_S)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        """Wait before the next try."""
        if self.history:
            last = self.history[-1]
            answer = f"answered {last.status}" if last.status else "did not answer"
            _log.info("the service %s to a %s request: trying again", answer, last.method)
        super().sleep(response)


def _hide_credentials(request: PreparedRequest, response: Response) -> None:
    """Take a request's credentials out of its answer, which the library quotes in its errors."""
    sent = [str(request.headers.get("Authorization") or "").rpartition(" ")[2]]
    if response.status_code >= _ERRORS:
        # An instance's name is the account's own affair, too.
        sent.append(str(request.headers.get("Service-CRN") or ""))
        text = scrub(response.content.decode("utf-8", "replace"), sent)
        response._content = text.encode()  # noqa: SLF001 - there is no public way
        response.encoding = "utf-8"
    elif sent[0] and sent[0].encode() in response.content:
        response._content = response.content.replace(sent[0].encode(), HIDDEN.encode())  # noqa: SLF001


class RetryAdapter(HTTPAdapter):
    """Sends requests to the service, and repeats those that are safe to repeat.

    Attributes:
        jobs_posted: Number of requests to create a job whose sending has begun.
    """

    def __init__(
        self,
        *,
        retries: int = 6,
        read_timeout_s: float = READ_TIMEOUT_S,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        self.jobs_posted = 0
        self._retries, self._read_timeout_s, self._backoff_s = retries, read_timeout_s, backoff_s
        super().__init__(
            max_retries=_SafeRetry(
                total=retries,
                connect=retries,
                read=retries,  # for the methods below: a POST without an answer is not repeated
                allowed_methods={"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"},
                status_forcelist=(_BUSY, *_SERVER_ERRORS),
                backoff_factor=backoff_s,
                backoff_jitter=backoff_s,
                backoff_max=30,
                respect_retry_after_header=True,
                raise_on_status=False,
            )
        )

    def send(self, request: PreparedRequest, *args: Any, **settings: Any) -> Response:  # noqa: ANN401
        """Send a request with our timeouts; the client's own are 15 minutes or none."""
        if request.method == "POST" and (request.url or "").partition("?")[0].endswith("/jobs"):
            self.jobs_posted += 1
        settings["timeout"] = (CONNECT_TIMEOUT_S, self._read_timeout_s)
        for attempt in itertools.count():
            response = super().send(request, *args, **settings)
            try:
                # Read the whole answer here: urllib3 does not retry after half an answer.
                response.content  # noqa: B018
            except RequestException:
                if request.method != "GET" or attempt >= self._retries:
                    raise
                time.sleep(self._backoff_s * (1 + random.random()) * 2**attempt)  # noqa: S311
            else:
                _hide_credentials(request, response)
                return response
        raise AssertionError("the last attempt returns or raises")
