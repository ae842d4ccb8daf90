"""Settings of users as TOML files: small and shallow, with short numbers."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, quoted
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.regular_files import read_regular


def read_toml(path: str | Path, kind: str) -> dict[str, Any]:
    """Read a TOML file of settings.

    Args:
        path: The path of the file.
        kind: What the file holds, for messages, such as "options".

    Raises:
        InputError: If the file cannot be read, is not TOML, or holds what `check_values` refuses.
    """
    name = f"{kind} {str(path)!r}"
    try:
        text = read_regular(path, limits.SETTINGS_BYTES).decode("utf-8")
        _check_keys(text, name)
        document = tomllib.loads(text.replace("\r\n", "\n"))
    except InputError:
        raise
    except RecursionError:
        raise InputError(f"{name} cannot be read: {_TOO_DEEP}") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name} are not TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name} cannot be read: {error}") from error
    except (OSError, ValueError) as error:
        is_digits = isinstance(error, ValueError) and "digits" in str(error)
        reason = _TOO_LONG if is_digits else reason_of(error)
        raise InputError(f"{name} cannot be read: {reason}") from error
    check_values(document, name)
    return document


_TOO_DEEP = f"at most {limits.NESTING} tables and arrays may stand within each other"
_TOO_MANY = f"more than the accepted {limits.ITEMS} values"
_TOO_LONG = f"a whole number may have at most {limits.DIGITS} digits"


def _check_keys(text: str, name: str) -> None:
    """Refuse keys of so many parts that reading them would take minutes."""
    if any(line.count(".") > limits.ITEMS for line in text.splitlines()):
        raise InputError(f"{name}: {_TOO_MANY}")


def check_values(values: Mapping[str, Any], name: str) -> None:
    """Refuse settings that are nested too deeply, too many or too long.

    Args:
        values: The settings, of any types.
        name: What to call them in messages.

    Raises:
        InputError: The message names the setting.
    """
    waiting: list[tuple[str, Any, int]] = [("", values, 0)]
    n_values = 0
    while waiting:
        place, value, depth = waiting.pop()
        n_values += 1
        if depth > limits.NESTING:
            raise InputError(f"{name}: {_TOO_DEEP}")
        if n_values > limits.ITEMS:
            raise InputError(f"{name}: {_TOO_MANY}")
        if isinstance(value, int) and abs(value) >= 10**limits.DIGITS:
            raise InputError(f"{name}: {place} is {quoted(value)}: {_TOO_LONG}")
        if isinstance(value, Mapping):
            inner = [(f"{place}.{key}".lstrip("."), one) for key, one in value.items()]
        elif isinstance(value, list | tuple):
            if len(value) > limits.ITEMS:
                raise InputError(
                    f"{name}: {place} has {len(value)} values: at most {limits.ITEMS} are accepted"
                )
            inner = [(place, one) for one in value]
        else:
            continue
        waiting += [(where, one, depth + 1) for where, one in inner]
