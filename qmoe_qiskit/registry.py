"""A table of what users can add: routers, data sets, noise, mitigations, backends, studies.

An entry is registered in one place; checks, error messages and help texts are made from the table.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from qmoe_qiskit.errors import InputError, unknown_name


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What every entry of a registry has; a registry's own kind of entry adds the rest.

    Attributes:
        name: The name by which a user asks for the entry.
        help: What the entry is, in a few words without a full stop.
    """

    name: str
    help: str


EntryT = TypeVar("EntryT", bound=Entry)


class Registry(Generic[EntryT]):
    """Entries by name, in the order in which they were registered."""

    def __init__(self, kind: str, entries: Iterable[EntryT] = ()) -> None:
        self._kind, self._entries = kind, {entry.name: entry for entry in entries}

    def register(self, entry: EntryT) -> EntryT:
        """Add an entry and return it; InputError if another entry has its name."""
        if self._entries.setdefault(entry.name, entry) is not entry:
            raise InputError(f"{self._kind} {entry.name!r} exists already: choose another name")
        return entry

    def __repr__(self) -> str:
        return f"<Registry of {self._kind}s: {', '.join(self.names)}>"

    def get(self, name: str) -> EntryT:
        """Return the entry of a name; InputError, with all names, if no entry has it."""
        if name not in self.names:
            raise unknown_name(self._kind, name, self._entries)
        return self._entries[name]

    def kind_of(self, name: object) -> EntryT:
        """Return the entry that a name stands for, where "mlp:16" is one of the entry "mlp:H".

        Raises:
            InputError: If no entry has that name.
        """
        stem, colon, _ = str(name).partition(":")
        for entry in self:
            if entry.name.partition(":")[0] == stem and (":" in entry.name or not colon):
                return entry
        raise unknown_name(self._kind, name, self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all entries."""
        return tuple(self._entries)

    @property
    def help(self) -> str:
        """One line that explains every entry: "name: help; name: help"."""
        return "; ".join(f"{entry.name}: {entry.help}" for entry in self)

    def __iter__(self) -> Iterator[EntryT]:
        return iter(self._entries.values())


def size_in(kind: str, name: str, counts: str) -> int:
    """Return the number in a name such as "mlp:16", or 0 if such names have none.

    Args:
        kind: What is named, such as "router".
        name: The name.
        counts: What the number counts, such as "hidden units"; "" if there is none.

    Raises:
        InputError: If the name lacks its number.

    >>> size_in("router", "mlp:16", "hidden units")
    16
    """
    stem, _, size = name.partition(":")
    if not counts:
        return 0
    if not re.fullmatch("[0-9]{1,6}", size):
        raise InputError(
            f"{kind} {name!r} needs its number of {counts}, at most 999999, such as '{stem}:16'"
        )
    return int(size)
