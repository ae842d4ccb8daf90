"""Secrets that tests plant, and the search for them in everything that a run of tests writes.

The loopback service accepts this API key, and gives out access tokens that begin like this one.
Both are searched for when the last test has ended: in the files below pytest's folder for temporary
files, ledgers and logs among them, in what programs said that tests started, and in what pytest
captured. Found once, the run has failed.
"""

from __future__ import annotations

import base64
from pathlib import Path

# Put together here, so that a copy of this file, such as a test of packaging makes, holds none.
_PLANTED = "leak_check"
API_KEY = f"{_PLANTED}-secret-5f2a9c"
WRONG_API_KEY = f"{_PLANTED}-wrong-secret-8d01e7"
# 21 bytes: whatever follows, the base64 of a text that begins with them begins alike.
ACCESS = f"{_PLANTED}-access-token-"
ACCESS_CODED = base64.urlsafe_b64encode(ACCESS.encode()).decode()

# What users themselves write their key to.
ACCOUNT_FILE = "qiskit-ibm.json"
# Below the folder for temporary files: what programs said.
SAID = "said-by-programs"
_LARGEST = 2**26


def forms_of(secret: str) -> set[bytes]:
    """A secret, and what its base64 has in common wherever it stands in a text."""
    found = {secret.encode(), secret.encode().hex().encode()}
    for lead in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            coded = encode(b"\0" * lead + secret.encode()).rstrip(b"=")
            found.add(coded[4 if lead else 0 : -4])
    return found


FORMS = frozenset(
    form for secret in (API_KEY, WRONG_API_KEY, ACCESS, ACCESS_CODED) for form in forms_of(secret)
)


def is_in(content: bytes) -> bool:
    """Whether a secret is in it, in one form or another."""
    return any(form in content for form in FORMS)


def files_with_secrets(folder: Path) -> list[Path]:
    """Return the files below a folder that hold a secret; of large files the first 64 MiB count."""
    return [path for path in sorted(folder.rglob("*")) if _holds_one(path)]


def _holds_one(path: Path) -> bool:
    if path.name == ACCOUNT_FILE or path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return is_in(file.read(_LARGEST))
