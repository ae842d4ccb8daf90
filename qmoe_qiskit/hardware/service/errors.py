"""What the client library and the service say when something goes wrong, as sentences."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from qmoe_qiskit.errors import HardwareError, InputError, QMoEError

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
    """The service, or the way to it, is away for the moment."""


@contextmanager
def service_errors(doing: str) -> Iterator[None]:
    """Turn the client library's errors into sentences.

    Raises:
        UnreachableError: If the service could not be asked.
        HardwareError: For what the service refused or could not do.
        InputError: For what the library refused.
    """
    from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError, InvalidAccountError
    from qiskit_ibm_runtime.exceptions import IBMInputValueError

    with quiet() as no_token:
        try:
            yield
        except QMoEError:
            raise
        except AccountNotFoundError as error:
            raise HardwareError(_NO_ACCOUNT) from error
        except IBMInputValueError as error:
            raise InputError(f"cannot {doing}: {error.message}") from error
        except InvalidAccountError as error:
            # The library blames the token for whatever keeps it from listing the instances.
            if not is_transient(error):
                raise _refused(no_token) from error
            if (cause := error.__cause__) is not None:
                raise UnreachableError(
                    f"the service cannot be reached ({type(cause).__name__}): look at the network "
                    "and give the same command again; what was recorded stays in the ledger"
                ) from error
            raise HardwareError(f"cannot {doing}: {reason(error)}") from error
        except unforeseen() as error:
            if status_of(error) == 401:
                raise _refused(no_token) from error
            kind = UnreachableError if _is_outage(error) else HardwareError
            raise kind(
                f"cannot {doing}: {reason(error)}; what was recorded stays in the ledger, give "
                "the same command again to go on"
            ) from error


@contextmanager
def quiet() -> Iterator[list[bool]]:
    """Keep the library's warnings from the user: what matters of them our errors say.

    What it logs as well, unless the level of its log was chosen, in Python or by the environment
    variable QISKIT_IBM_RUNTIME_LOG_LEVEL.

    Yields:
        A list that is not empty if IBM Cloud was not reached for an access token. The library then
        only warns, and sends what the service has to refuse.
    """
    no_token: list[bool] = []

    def note(message: Warning | str, *_: object, **__: object) -> None:
        text = str(message)
        if "IBM Cloud access token" in text and "Status code: 4" not in text:
            no_token.append(True)

    with _silent_log(), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = note
        yield no_token


@contextmanager
def _silent_log() -> Iterator[None]:
    log = logging.getLogger("qiskit_ibm_runtime")
    if log.level != logging.NOTSET:  # chosen by the user, or silent already
        yield
        return
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(logging.NOTSET)


def unforeseen() -> tuple[type[Exception], ...]:
    """Return what the client library raises; answers that it cannot read are not caught there."""
    from ibm_cloud_sdk_core import ApiException
    from qiskit.providers import JobError
    from qiskit_ibm_runtime.exceptions import IBMError
    from requests.exceptions import RequestException

    answers = (KeyError, TypeError, ValueError, AttributeError)
    return (IBMError, JobError, ApiException, RequestException, *answers)


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind an error, if the service gave one."""
    from qiskit_ibm_runtime.exceptions import IBMNotAuthorizedError

    for link in _chain(error):
        if isinstance(link, IBMNotAuthorizedError):
            return 401
        # The library leaves it out of its own error when the service is in maintenance (503).
        for holder in (link, getattr(link, "response", None)):
            status = getattr(holder, "status_code", None)
            if isinstance(status, int) and status > 0:
                return status
    return None


def refused_token(no_token: list[bool]) -> str:
    """Return what a refusal for want of rights means, see `quiet`."""
    return _UNREACHED if no_token else _NOT_ACCEPTED


def _refused(no_token: list[bool]) -> HardwareError:
    return (UnreachableError if no_token else HardwareError)(refused_token(no_token))


def _is_outage(error: BaseException) -> bool:
    """Return whether there was no answer, or one of a service that is too busy or broken."""
    status = status_of(error)
    return _no_answer(error) if status is None else status == 429 or status >= 500


def _no_answer(error: BaseException) -> bool:
    from requests.exceptions import ConnectionError as NoConnection
    from requests.exceptions import Timeout

    return any(isinstance(link, NoConnection | Timeout) for link in _chain(error))


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may be answered another time."""
    status = status_of(error)
    return status is None or status in {408, 429} or status >= 500


def reason(error: BaseException) -> str:
    """Return what the library says, on one line."""
    if isinstance(error, KeyError | TypeError | AttributeError):
        return f"the answer cannot be read ({type(error).__name__}: {error})"
    if status_of(error) is None and _no_answer(error):
        return "the service cannot be reached, or the connection was lost"
    text = str(getattr(error, "message", None) or error) or type(error).__name__
    return " ".join(text.split())[:300]
