"""The service of the default account, as qiskit-ibm-runtime's account store names it."""

from urllib.parse import urlsplit

from qiskit_ibm_runtime.accounts import AccountManager
from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError

IBM = "ibm"
_DOMAIN = "cloud.ibm.com"


def secrets() -> list[str]:
    """Return the API key of the default account, for `scrub`; nothing if there is no account."""
    try:
        account = AccountManager.get()
    except (AccountNotFoundError, ValueError, OSError):
        return []
    return [str(account.token)] if account is not None and account.token else []


def service_name() -> str:
    """Return "ibm", or the address of another service, such as a rehearsal's; nothing is sent.

    The name is part of a work's key: results of a stand-in never count as results of a device.
    Without an account, the service is IBM's.
    """
    try:
        account = AccountManager.get()
    except (AccountNotFoundError, ValueError, OSError):  # `Client.connect` says what is wrong
        return IBM
    address = urlsplit(account.url if account is not None else "")
    host = address.hostname or _DOMAIN
    return IBM if host == _DOMAIN or host.endswith(f".{_DOMAIN}") else address.netloc
