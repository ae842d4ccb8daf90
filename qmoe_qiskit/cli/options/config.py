"""Options from a file: `qmoe train --config FILE.toml`, or the settings of an earlier run."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import typer

from qmoe_qiskit.errors import InputError, quoted, unknown_name
from qmoe_qiskit.runs.command_line import joined, option_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qmoe_qiskit.runs.request import TrainingRequest

# Options that say how the program behaves, not what it trains.
_APART = {"--config", "--print-settings", "--resume", "--force", "--json", "--help"}
# Files of runs, in place of which their folder is read.
_OF_RUNS = {"manifest.json", "request.json"}


def settings_of(request: TrainingRequest) -> dict[str, Any]:
    """Return a request as a file for --config has it: values by the names of options."""
    values = {field.name: getattr(request, field.name) for field in fields(request)}
    values["control"] = request.controls or ("none",)
    return {
        option_of(name).removeprefix("--"): list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


def _apply(ctx: typer.Context, path: Path | None) -> Path | None:
    """Let options that are not given have the values of a file."""
    if path is not None:
        options = {
            parameter.opts[0].removeprefix("--"): parameter
            for parameter in ctx.command.params
            if parameter.opts[0] not in _APART
        }
        ctx.default_map = {
            options[name].name: _checked(value, name, str(path))
            for name, value in _read(path, options).items()
        }
    return path


def _read(path: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a file, or of a run, by the names of options."""
    if path.is_dir() or path.name in _OF_RUNS:
        from qmoe_qiskit.runs.request_of_run import request_of_run

        folder = path if path.is_dir() else path.parent
        settings = settings_of(request_of_run(folder))
        return {name: value for name, value in settings.items() if value is not None}
    from qmoe_qiskit.io.toml_file import read_toml

    found = {}
    for key, value in read_toml(path, "options").items():
        name = key.replace("_", "-")
        if name not in known:
            raise InputError(f"options {str(path)!r}: {unknown_name('option', key, known)}")
        if name in found:
            raise InputError(f"options {str(path)!r}: {key!r} is given twice")
        found[name] = value
    return found


def _checked(value: Any, name: str, file: str) -> Any:  # noqa: ANN401 - of TOML and of typer
    """Return a value as the command line would give it; InputError if its type is another one.

    The program would read 1.5 as the whole number 1.
    """
    kinds = _kinds()[name]
    if name == "control" and isinstance(value, str):
        return [value]
    if tuple in kinds and isinstance(value, list) and value:
        if name == "control":
            return list(map(str, value))
        return joined(value)
    is_number = isinstance(value, int) and not isinstance(value, bool) and float in kinds
    if type(value) in kinds or is_number:
        return value
    what = next((text for kind, text in _WORDS.items() if kind in kinds), "text")
    raise InputError(f"options {file!r}: {name} must be {what}, got {quoted(value)}")


_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "text or a list",
}


def _kinds() -> dict[str, set[type]]:
    """Return the accepted types of each option's value; a list stands for a tuple."""
    from qmoe_qiskit.runs.request import TrainingRequest

    kinds: dict[str, set[type]] = {"out": {str}}
    for name, hint in get_type_hints(TrainingRequest).items():
        found = {get_origin(one) or one for one in get_args(hint) or (hint,)}
        found = {kind for kind in found if kind is not type(None)}
        kinds[option_of(name).removeprefix("--")] = found | ({str} if tuple in found else set())
    return kinds


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.toml|RUN",
        callback=_apply,
        is_eager=True,
        help="File of options, or a run whose settings are taken; options given here override it.",
    ),
]
PrintSettings = Annotated[
    bool, typer.Option("--print-settings", help="Print the settings as a --config file, and end.")
]
