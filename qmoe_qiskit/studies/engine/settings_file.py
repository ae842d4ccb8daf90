"""Settings of a study from outside: a TOML file, or the record in a study's folder."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from qmoe_qiskit.errors import InputError, unknown_name

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.study import Study


def read_settings(study: Study, path: Path | None = None, *, quick: bool = False) -> Any:  # noqa: ANN401
    """Return the settings of a study: its defaults, or its quick ones, changed by a TOML file.

    Raises:
        InputError: If the file cannot be read, or holds what is not accepted.
    """
    base = study.quick if quick else study.settings()
    if path is None:
        return base
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or no TOML
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"settings {str(path)!r} cannot be read: {reason}") from error
    return changed_settings(study, base, document)


def changed_settings(study: Study, base: Any, changes: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return settings with some of them replaced.

    Args:
        study: The study.
        base: Its settings.
        changes: New values by name, of JSON or TOML types.

    Raises:
        InputError: If a name is unknown, a value has the wrong type, or the study refuses it.
    """
    hints = get_type_hints(study.settings)
    known = [field.name for field in dataclasses.fields(study.settings)]
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in known:
            raise unknown_name(f"setting of study {study.name!r}", name, known)
        values[name] = _converted(study, name, value, hints[name])
    return dataclasses.replace(base, **values)


def settings_document(settings: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return settings as JSON types."""
    document: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(settings)))
    return document


def _converted(study: Study, name: str, value: object, hint: Any) -> object:  # noqa: ANN401
    """Return a value as the type of its field: arrays may become tuples, whole numbers reals."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):  # a date, or a number that is not finite
        raise InputError(
            f"setting {name} of study {study.name!r} cannot be {value}: it is no JSON value"
        ) from None
    try:
        converted: object = TypeAdapter(hint).validate_json(text, strict=True)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        where = "".join(f"[{part!r}]" for part in problem["loc"])
        raise InputError(
            f"setting {name}{where} of study {study.name!r} cannot be {problem['input']!r}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
        ) from error
    return converted
