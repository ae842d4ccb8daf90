"""Profiles as files: canonical JSON with a content hash, written atomically."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qmoe_qiskit import limits
from qmoe_qiskit.errors import ProfileError, quoted
from qmoe_qiskit.io.atomic import write_atomically
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.regular_files import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import ValidationError

    from qmoe_qiskit.noise_profiles.calibration import GateCalibration, QubitCalibration, Repair
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile

_compact = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def content_hash(profile: NoiseProfile) -> str:
    """Return the SHA-256, in hex, of the profile's content."""
    return hashlib.sha256(_compact(_document(profile)).encode()).hexdigest()


def dumps(profile: NoiseProfile) -> str:
    """Return the canonical JSON: keys sorted, one qubit, gate or repair per line."""
    document = _document(profile) | {"content_hash": profile.content_hash}
    entries = (f'"{name}":{_lines(value)}' for name, value in sorted(document.items()))
    return "{\n" + ",\n".join(entries) + "\n}\n"


def save(profile: NoiseProfile, path: str | Path) -> None:
    """Write a profile, see `NoiseProfile.save`."""
    try:
        write_atomically(Path(path), dumps(profile).encode())
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        name = f"noise profile {str(path)!r}"
        raise ProfileError(f"{name} cannot be written: {reason_of(error)}") from error


def read_file(path: str | Path) -> tuple[bytes, str]:
    """Return a file's contents, and what to call it in messages; ProfileError if unreadable."""
    name = f"noise profile {str(path)!r}"
    try:
        return read_regular(path, limits.DOCUMENT_BYTES), name
    except (OSError, ValueError) as error:
        raise ProfileError(f"{name} cannot be read: {reason_of(error)}") from error


def loads(text: str | bytes, name: str, make: Callable[..., NoiseProfile]) -> NoiseProfile:
    """Read a profile of the class `make` from JSON, see `NoiseProfile.loads`."""
    from pydantic import ValidationError

    from qmoe_qiskit.noise_profiles.files.schema import VERSIONS, Header

    try:
        version = Header.model_validate_json(text).schema_version
        if version > max(VERSIONS):
            raise ProfileError(
                f"{name} has schema version {quoted(version)}, and this program reads up to "
                f"{max(VERSIONS)}: update qmoe-qiskit"
            )
        if version not in VERSIONS:
            raise ProfileError(f"{name}: schema_version is {quoted(version)}: it must be 1 or more")
        file = VERSIONS[version].model_validate_json(text)
    except ValidationError as error:
        raise ProfileError(name + _first_problem(error)) from error
    try:
        profile = make(**file.profile_fields())
    except ProfileError as error:
        raise ProfileError(f"{name}: {error}") from error
    if file.content_hash not in (None, profile.content_hash):
        raise ProfileError(
            f"{name} was changed after it was written: content_hash is "
            f"{quoted(file.content_hash)}, and its content has {profile.content_hash!r}; if the "
            "change is meant, remove the line with content_hash"
        )
    return profile


def _document(profile: NoiseProfile) -> dict[str, Any]:
    captured_at = profile.captured_at.astimezone(UTC).replace(tzinfo=None)
    return _row(profile) | {
        "schema_version": profile.schema_version,
        "captured_at": f"{captured_at.isoformat()}Z",
        "qubits": list(map(_row, profile.qubits)),
        "gates": list(map(_row, profile.gates)),
        "repairs": list(map(_row, profile.repairs)),
    }


def _row(record: NoiseProfile | QubitCalibration | GateCalibration | Repair) -> dict[str, Any]:
    """Return the fields, floats as such: 1 and 1.0 are one number with one hash.

    A flag is left out where it has its usual value.
    """
    row = {f: getattr(record, f.name) for f in fields(record)}
    return {  # a type is text in a module that does not evaluate annotations
        f.name: float(value) if str(f.type) == "float | None" and value is not None else value
        for f, value in row.items()
        if f.type not in (bool, "bool") or value != f.default
    }


def _lines(value: object) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(map(_compact, value)) + "\n]"
    return _compact(value)


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    kind, message = first["type"], str(first["msg"])
    if kind == "json_invalid":
        return f" is truncated or not JSON: {message.removeprefix('Invalid JSON: ')}"
    field = ""
    for part in first["loc"]:
        field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else part
    if not field or field == "schema_version":
        return " is not a noise profile of qmoe-qiskit: it has no whole number as schema_version"
    if kind == "missing":
        return f" has no {field}"
    return f": {field} is {quoted(first['input'])}: {message[0].lower()}{message[1:]}"
