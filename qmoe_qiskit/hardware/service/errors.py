"""Errors of the service and its client library as sentences that say what to do."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ibm_cloud_sdk_core import ApiException
from qiskit.providers import JobError
from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError, InvalidAccountError
from qiskit_ibm_runtime.exceptions import IBMError, IBMInputValueError, IBMNotAuthorizedError
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import RequestException, Timeout

from qmoe_qiskit.errors import HardwareError, InputError, QMoEError
from qmoe_qiskit.hardware.service import account
from qmoe_qiskit.hardware.service.credentials import scrub, scrub_chain

# What the client library raises, also for unreadable answers.
LIBRARY_ERRORS = (
    *(IBMError, JobError, ApiException, RequestException),
    *(LookupError, TypeError, ValueError, AttributeError),
)
_NO_ACCOUNT = (
    "no IBM Quantum account was found: save one with QiskitRuntimeService.save_account, or set "
    "QISKIT_IBM_TOKEN and QISKIT_IBM_INSTANCE; without an account, 'runtime:fake_torino' runs on "
    "this machine"
)
_NOT_ACCEPTED = (
    "the service does not accept the token of this account: create a new API key on IBM Quantum "
    "Platform and save it with QiskitRuntimeService.save_account(..., overwrite=True), or set "
    "QISKIT_IBM_TOKEN; what was recorded before stays in the ledger"
)
_UNREACHED = (
    "IBM Cloud gave no access token (is there a connection?); what was recorded stays in the "
    "ledger, give the same command again to go on"
)


class UnreachableError(HardwareError):
    """The service cannot be reached at the moment."""


class NotCreatedError(HardwareError):
    """The service refused to create a job, or was not reached: certainly nothing was created."""


class UncertainError(HardwareError):
    """The connection was lost, or the service failed, while a job was being created."""


class NoSuchJobError(HardwareError):
    """The account has no job with this id."""


@contextmanager
def service_errors(doing: str) -> Iterator[None]:
    """Translate the library's errors into sentences about a request, such as "read job 1".

    Raises:
        UnreachableError: If the service cannot be reached.
        HardwareError: If the service refuses or fails.
        InputError: If the library refuses the request.
    """
    with silence_library() as no_token:
        try:
            yield
        except QMoEError:
            raise
        except AccountNotFoundError as error:
            raise HardwareError(_NO_ACCOUNT) from error
        except IBMInputValueError as error:
            raise InputError(f"cannot {doing}: {error_text(error)}") from error
        except InvalidAccountError as error:
            # The library raises this for any failure to list the instances.
            if not is_transient(error):
                raise _refused(no_token) from error
            if (cause := error.__cause__) is not None:
                raise UnreachableError(
                    f"the service cannot be reached ({type(cause).__name__}): look at the network "
                    "and give the same command again; what was recorded stays in the ledger"
                ) from error
            raise HardwareError(f"cannot {doing}: {error_text(error)}") from error
        except LIBRARY_ERRORS as error:
            status = status_of(error)
            if status == 401:
                raise _refused(no_token) from error
            # The service did not answer, was too busy, or failed.
            is_outage = _no_answer(error) if status is None else status == 429 or status >= 500
            raise (UnreachableError if is_outage else HardwareError)(
                f"cannot {doing}: {error_text(error)}; what was recorded stays in the ledger, give "
                "the same command again to go on"
            ) from error


@contextmanager
def silence_library() -> Iterator[list[bool]]:
    """Hide the library's warnings and logs; our errors say what matters in them.

    Logs stay visible if the user chose their level, in Python or by the environment variable
    QISKIT_IBM_RUNTIME_LOG_LEVEL.

    Yields:
        A list that is not empty if IBM Cloud could not be reached for an access token. The library
        then only warns, and sends requests that the service has to refuse.
    """
    no_token: list[bool] = []

    def note(message: Warning | str, *_: object, **__: object) -> None:
        text = str(message)
        if "IBM Cloud access token" in text and "Status code: 4" not in text:
            no_token.append(True)

    log = logging.getLogger("qiskit_ibm_runtime")
    level = log.level
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = note
        log.setLevel(level or logging.CRITICAL)
        try:
            yield no_token
        finally:
            if level == logging.NOTSET:  # else chosen by the user, or silenced by a caller
                log.setLevel(level)


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that caused an error; None if the service gave none."""
    for link in _chain(error):
        if isinstance(link, IBMNotAuthorizedError):
            return 401
        # The library's own error lacks the status if the service is in maintenance (503).
        for holder in (link, getattr(link, "response", None)):
            status = getattr(holder, "status_code", None)
            if isinstance(status, int) and status > 0:
                return status
    return None


def token_refusal(no_token: list[bool]) -> str:
    """Return the sentence for a refused token, see `silence_library`."""
    return _UNREACHED if no_token else _NOT_ACCEPTED


def _refused(no_token: list[bool]) -> HardwareError:
    return (UnreachableError if no_token else HardwareError)(token_refusal(no_token))


def _no_answer(error: BaseException) -> bool:
    return any(isinstance(link, NoConnection | Timeout) for link in _chain(error))


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may succeed later."""
    status = status_of(error)
    return status is None or status in {408, 429} or status >= 500


def error_text(error: BaseException) -> str:
    """Return the library's message on one line, without credentials, also in its causes."""
    scrub_chain(error, account.secrets())
    if isinstance(error, LookupError | TypeError | AttributeError):
        return f"the answer cannot be read ({type(error).__name__}: {scrub(str(error))})"
    if status_of(error) is None and _no_answer(error):
        return "the service cannot be reached, or the connection was lost"
    text = str(getattr(error, "message", None) or error) or type(error).__name__
    return " ".join(scrub(text, account.secrets()).split())[:300]
