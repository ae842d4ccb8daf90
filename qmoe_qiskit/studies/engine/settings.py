"""Settings of a study: a frozen pydantic model, whose errors are one sentence each."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.io.toml_file import read_toml

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.study import Study


class StudySettings(BaseModel):
    """Base of the settings of a study.

    A subclass gives the name of its study as the model's `title`, and a default to every field:
    numbers, text, booleans or tuples of them. Its validators raise a ValueError that says what is
    accepted; an InputError is reported as it stands.

    Raises:
        InputError: If a name is unknown, a value has the wrong type, or a validator refuses it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - checked by pydantic
        known, study = type(self).model_fields, self.model_config.get("title")
        for name in values:
            if name not in known:
                raise unknown_name(f"setting of study {study!r}", name, known)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _refusal(error) from error

    @field_validator("*", mode="before")
    @classmethod
    def _arrays_are_tuples(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    def changed(self, **changes: Any) -> Self:  # noqa: ANN401 - checked by pydantic
        """Return the settings with some of them replaced.

        Raises:
            InputError: If the result is not accepted.
        """
        return type(self)(**{**dict(self), **changes})

    def part(self, *names: str) -> dict[str, Any]:
        """Return some of the settings by their names."""
        return {name: getattr(self, name) for name in names}

    def document(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return self.model_dump(mode="json")


def read_settings(study: Study, path: Path | None = None, *, quick: bool = False) -> StudySettings:
    """Return the default or quick settings of a study, changed by a TOML file.

    Raises:
        InputError: If the file cannot be read, or holds what is not accepted.
    """
    base = study.quick if quick else study.settings()
    if path is None:
        return base
    return base.changed(**read_toml(path, "settings"))


def _refusal(error: ValidationError) -> InputError:
    """Return the first problem that pydantic found, as one sentence."""
    problem = error.errors(include_url=False)[0]
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        return cause
    name, *where = problem["loc"]
    value = problem["input"]
    shown = str(value) if isinstance(value, dt.date | dt.time) else repr(value)
    return InputError(
        f"setting {name}{''.join(f'[{part!r}]' for part in where)} of study {error.title!r} cannot "
        f"be {shown}: {cause or problem['msg']}"
    )
