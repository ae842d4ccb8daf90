"""JSON documents that state their kind and schema, and show whether they were changed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from qmoe_qiskit.errors import RunError

SCHEMA_VERSION = 1

T = TypeVar("T")


def to_json(document: object) -> bytes:
    """Return a document as indented JSON with a line break at the end.

    Raises:
        ValueError: If a number is not finite: JSON has no such numbers.
    """
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()


def dump_checked(kind: str, content: Mapping[str, Any]) -> bytes:
    """Return a document of the given kind, with schema version and content hash, as JSON."""
    document = {"schema_version": SCHEMA_VERSION, "kind": kind, **content}
    return to_json({**document, "content_hash": _content_hash(document)})


def load_checked(data: bytes, kind: str, record: type[T], file: object) -> T:
    """Read what `dump_checked` wrote.

    Args:
        data: The document.
        kind: The kind that the document must have.
        record: Dataclass whose fields, with their types, the document must have.
        file: Name of the file, for messages.

    Raises:
        RunError: If the document is damaged, has another kind or a newer schema, or was changed.
    """
    document = _parse(data, file)
    if not isinstance(document, dict) or document.get("kind") != kind:
        raise RunError(f"{file} is not a {kind} of qmoe-qiskit")
    version = document.get("schema_version")
    if type(version) is not int or version < 1:
        raise RunError(f"{file} is damaged: its schema version is {version!r}")
    if version > SCHEMA_VERSION:
        raise RunError(
            f"{file} has schema version {version}, and this program reads up to {SCHEMA_VERSION}: "
            "update qmoe-qiskit"
        )
    stated = document.pop("content_hash", None)
    if stated != _content_hash(document):
        raise RunError(f"{file} was changed after it was written: its content hash differs")
    return parse_as(data, record, file)


def has_kind(data: bytes, kind: str) -> bool:
    """Whether a document is of a kind, intact or damaged, of this schema or a newer one."""
    try:
        document = _parse(data, "")
    except RunError:
        return False
    return isinstance(document, dict) and document.get("kind") == kind


def parse_as(data: bytes, record: type[T], file: object) -> T:
    """Read JSON as a type whose fields are checked.

    Raises:
        RunError: If the document does not fit the type.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(record).validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise RunError(f"{file} is damaged: {place}: {first['msg']}") from error


def _parse(data: bytes, file: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{file} is damaged: it is not JSON ({error})") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _content_hash(document: Mapping[str, Any]) -> str | None:
    try:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError:  # 1e999 is read as infinity
        return None
    return hashlib.sha256(text.encode()).hexdigest()
