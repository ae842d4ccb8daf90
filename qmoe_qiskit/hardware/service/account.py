"""Which service the default account is for, as qiskit-ibm-runtime finds it; nothing is asked."""

from __future__ import annotations

from urllib.parse import urlsplit

IBM = "ibm"
_DOMAIN = "cloud.ibm.com"


def service_name() -> str:
    """Return "ibm", or the address of another service, such as the one of a rehearsal.

    It is part of what makes work equal: what a stand-in computed is never taken for a device's.
    Without an account it is IBM's.
    """
    from qiskit_ibm_runtime.accounts import AccountManager
    from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError

    try:
        account = AccountManager.get()
    except (AccountNotFoundError, ValueError, OSError):  # connecting says what is wrong
        return IBM
    address = urlsplit(account.url if account is not None else "")
    host = address.hostname or _DOMAIN
    return IBM if host == _DOMAIN or host.endswith(f".{_DOMAIN}") else address.netloc
