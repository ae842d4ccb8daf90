"""Installed versions, and why a file could not be used."""

from __future__ import annotations

import errno
from importlib.metadata import PackageNotFoundError, version

import pytest

from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.versions import library_versions


def test_versions_are_those_installed() -> None:
    assert library_versions(["qiskit", "numpy"]) == {
        "qiskit": version("qiskit"),
        "numpy": version("numpy"),
    }
    assert list(library_versions(["qiskit", "numpy"])) == ["qiskit", "numpy"]
    with pytest.raises(PackageNotFoundError):
        library_versions(["no-such-distribution"])


def test_reasons() -> None:
    assert reason_of(OSError(errno.EACCES, "", "/a/path")) == "Permission denied"
    assert reason_of(OSError("no way")) == "no way"
    assert reason_of(ValueError("embedded null byte")) == "embedded null byte"
