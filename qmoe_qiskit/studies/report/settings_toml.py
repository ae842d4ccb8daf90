"""Settings of a study on its page, as a TOML file that makes the same tasks again."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any


def settings_toml(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return settings as a TOML file, with a comment where a value differs from the default.

    Args:
        settings: Settings as JSON values, by name; null becomes a comment.
        defaults: Default settings as JSON values, by name, as far as they are known.
    """
    lines = []
    for name, value in settings.items():
        line = f"{_key(name)} = {_value(value)}"
        if name in defaults and defaults[name] != value:
            line += f"  # by default {_value(defaults[name])}"
        lines.append(f"# {line}" if value is None else line)
    return "\n".join(lines)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:  # noqa: ANN401 - JSON
    match value:
        case Mapping():
            inside = (f"{_key(name)} = {_value(entry)}" for name, entry in value.items())
            return f"{{{', '.join(inside)}}}"
        case str():
            # As in JSON, except for the one character that TOML does not allow unescaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Sequence():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return json.dumps(value, allow_nan=False)
