"""The list of commands and options, made from the program itself when the site is built."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

PAGE = "reference/command-line"
MARK = "<!-- commands -->"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _fill(_: Sphinx, page: str, source: list[str]) -> None:
    if page == PAGE:
        if MARK not in source[0]:
            raise ValueError(f"{PAGE}.md has no line {MARK}")
        source[0] = source[0].replace(MARK, "\n".join(commands()))


def commands() -> Iterator[str]:
    """Yield the lines of Markdown that describe every command."""
    import typer.main

    from qmoe_qiskit.cli import app

    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        if below is None:
            yield from _command(f"qmoe {name}", command)
        else:
            for second, subcommand in below.items():
                yield from _command(f"qmoe {name} {second}", subcommand)


def _command(name: str, command: Any) -> Iterator[str]:
    parameters = [parameter for parameter in command.params if not parameter.hidden]
    arguments = [p for p in parameters if p.param_type_name == "argument"]
    words = [_shown(argument) for argument in arguments]
    yield from ("", f"## {name}", "", *_paragraphs(command.help), "")
    yield from ("```text", " ".join([name, *words, "[OPTIONS]"]), "```", "")
    for parameter in (*arguments, *(p for p in parameters if p not in arguments)):
        yield f"`{_shown(parameter)}`{_default(parameter)}"
        yield f": {_escaped(parameter.help or '')}"
        yield ""


def _shown(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    names = ", ".join((*parameter.opts, *parameter.secondary_opts))
    if parameter.is_flag:
        return names
    return f"{names} {parameter.metavar or _type_name(parameter)}"


def _type_name(parameter: Any) -> str:
    if hasattr(parameter, "type_descriptor"):
        kinds = {int: "INTEGER", float: "NUMBER", Path: "PATH"}
        return kinds.get(parameter.type_descriptor.annotation, "TEXT")
    # Older versions of typer have a type of click's.
    return {"integer": "INTEGER", "float": "NUMBER", "path": "PATH"}.get(
        parameter.type.name, "TEXT"
    )


def _default(parameter: Any) -> str:
    if parameter.required:
        return " (required)"
    default = parameter.default
    if default is None or default is False or default in ("", (), []) or callable(default):
        return ""
    return f" (default: `{default}`)"


def _paragraphs(text: str | None) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", (text or "").strip()):
        yield _escaped(" ".join(paragraph.split()))
        yield ""


def _escaped(text: str) -> str:
    """Return words that Markdown shows as they are; what stands between backticks is code."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_<>\[\]|#$~])", r"\\\1", part) for part in parts[::2]]
    return " ".join("`".join(parts).split())
