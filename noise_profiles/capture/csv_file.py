"""The table of a device's calibration that IBM Quantum Platform exports, one row per qubit."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import ProfileError, quoted
from qmoe_qiskit.noise_profiles.capture.properties import Named, properties_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qiskit_ibm_runtime.models import BackendProperties

# IBM names the file so: ibm_torino_calibrations_2025-02-26T20_26_08Z.csv
_FILE_NAME = re.compile(r"(?P<device>.+)_calibrations_(?P<at>\d{4}-\d\d-\d\dT\d\d_\d\d_\d\d)Z")
_UNIT = re.compile(r"\s*\((µs|μs|us|ns|ms|s|ghz|mhz|hz)\)$")  # both letters that look like a mu
_UNITS = {"µs": "us", "μs": "us", "ghz": "GHz", "mhz": "MHz", "hz": "Hz"}
# A column's heading, in small letters and without its unit, and the property of the qubit.
_OF_QUBITS = {
    "t1": "T1",
    "t2": "T2",
    "frequency": "frequency",
    "readout assignment error": "readout_error",
    "prob meas0 prep1": "prob_meas0_prep1",
    "prob meas1 prep0": "prob_meas1_prep0",
    "readout length": "readout_length",
}
# The same for the errors of gates. IBM writes sx with the sign of a root, some tables in words.
_ONE_QUBIT_ERRORS = {
    "id error": "id",
    "z-axis rotation (rz) error": "rz",
    "√x (sx) error": "sx",
    "sqrt-x (sx) error": "sx",
    "pauli-x error": "x",
    "single-qubit pauli-x error": "x",
    "rx error": "rx",
}
_TWO_QUBIT_ERRORS = {
    "cnot error": "cx",
    "cx error": "cx",
    "ecr error": "ecr",
    "cz error": "cz",
    "rzz error": "rzz",
}
_ONE_QUBIT_LENGTH = "single-qubit gate length"
_TWO_QUBIT_LENGTHS = ("gate time", "gate length", "two-qubit gate length")
_UNKNOWN = frozenset({"", "-", "nan", "null", "none", "n/a", "undefined"})
_YES_OR_NO = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}

# Name, qubits and properties of a gate.
_Gate = tuple[str, tuple[int, ...], list[Named]]


def device_and_time(stem: str) -> tuple[str, datetime | None]:
    """Return the device and the time that IBM's name of a file states, if it is one."""
    named = _FILE_NAME.fullmatch(stem)
    if named is None:
        return stem, None
    try:
        at = datetime.strptime(named["at"], "%Y-%m-%dT%H_%M_%S").replace(tzinfo=UTC)
    except ValueError:  # a month 13
        return stem, None
    return named["device"], at


def properties_of_csv(text: bytes, name: str, *, device: str, at: datetime) -> BackendProperties:
    """Read properties from a table; messages call it `name`.

    Without a column for it, rz has no error: it takes no time in any case.

    Raises:
        ProfileError: If it is no such table, or a number cannot be read.
    """
    rows = sorted(_rows(text, name), key=lambda row: row.qubit)
    if [row.qubit for row in rows] != list(range(len(rows))):
        raise ProfileError(
            f"{name}: column Qubit must hold each number from 0 to {len(rows) - 1} once"
        )
    return properties_of(
        device=device,
        version="unknown",
        at=at,
        qubits=[row.of_qubit() for row in rows],
        gates=[gate for row in rows for gate in row.gates()],
        name=name,
    )


class _Row:
    """A row of the table.

    Args:
        cells: The cells, by heading without unit.
        units: The unit of each heading that has one.
        place: What messages call the row.
    """

    def __init__(self, cells: dict[str, str], units: dict[str, str], place: str) -> None:
        self._cells, self._units, self._place = cells, units, place
        qubit = cells["qubit"]
        if not (qubit.isascii() and qubit.isdigit() and len(qubit) < 7):
            raise ProfileError(f"{place}: {quoted(qubit)} in column Qubit is no number of a qubit")
        self.qubit = int(qubit)

    def of_qubit(self) -> list[Named]:
        """Return the properties of the qubit."""
        values = [self._named(what, heading) for heading, what in _OF_QUBITS.items()]
        works = _YES_OR_NO.get(self._cells.get("operational", "").lower())
        return [*values, ("operational", "", works)]

    def gates(self) -> Iterator[_Gate]:
        """Return the gates that the row reports."""
        length = self._named("gate_length", _ONE_QUBIT_LENGTH)
        found = {
            gate: self._number(self._cells[heading], heading)
            for heading, gate in _ONE_QUBIT_ERRORS.items()
            if heading in self._cells
        }
        for gate, error in {"rz": 0.0, **found}.items():
            if error is not None:
                no_time: Named = ("gate_length", "ns", 0.0)
                values = [("gate_error", "", error), no_time if gate == "rz" else length]
                yield gate, (self.qubit,), values
        heading = next((h for h in _TWO_QUBIT_LENGTHS if h in self._cells), "")
        lengths = self._pairs(heading)
        for column, gate in _TWO_QUBIT_ERRORS.items():
            for (a, b), error in self._pairs(column).items():
                took = lengths.get((a, b), lengths.get((b, a)))
                unit = self._units.get(heading, "ns")
                yield gate, (a, b), [("gate_error", "", error), ("gate_length", unit, took)]

    def _named(self, what: str, heading: str) -> Named:
        value = self._number(self._cells.get(heading, ""), heading)
        return what, self._units.get(heading, ""), value

    def _pairs(self, heading: str) -> dict[tuple[int, int], float | None]:
        """Return the values of a cell such as "0_1:0.0075;0_14:0.012", or "1:0.0075;14:0.012"."""
        pairs = {}
        for entry in self._cells.get(heading, "").split(";"):
            if entry.strip().lower() in _UNKNOWN:
                continue
            pair, colon, value = entry.partition(":")
            numbers = [part.strip() for part in pair.split("_")]
            are_numbers = all(n.isascii() and n.isdigit() and len(n) < 7 for n in numbers)
            if not (colon and are_numbers and len(numbers) <= 2):
                raise ProfileError(
                    f"{self._place}: {quoted(entry)} in column {quoted(heading)} is not of the "
                    "form 0_1:0.0075"
                )
            first = int(numbers[0]) if len(numbers) == 2 else self.qubit
            pairs[first, int(numbers[-1])] = self._number(value, heading)
        return pairs

    def _number(self, cell: str, heading: str) -> float | None:
        cell = cell.strip()
        if cell.lower() in _UNKNOWN:
            return None
        try:
            return float(cell)
        except ValueError:
            raise ProfileError(
                f"{self._place}: {quoted(cell)} in column {quoted(heading)} is no number"
            ) from None


def _rows(text: bytes, name: str) -> Iterator[_Row]:
    try:
        lines = csv.reader(text.decode("utf-8-sig").splitlines(), strict=True)
        headings = [" ".join(heading.lower().split()) for heading in next(lines, [])]
        units = {_UNIT.sub("", h): found[1] for h in headings if (found := _UNIT.search(h))}
        columns = [_UNIT.sub("", heading) for heading in headings]
        if not {"qubit", "t1", "t2"} <= set(columns):
            raise ProfileError(
                f"{name} is not a table of calibrations as IBM Quantum Platform exports it: its "
                "first row must have Qubit, T1 (us) and T2 (us)"
            )
        units = {heading: _UNITS.get(unit, unit) for heading, unit in units.items()}
        for number, cells in enumerate(lines, start=2):
            if not any(cells):
                continue
            if len(cells) != len(columns):
                raise ProfileError(
                    f"{name}, row {number} has {len(cells)} cells, and the first {len(columns)}"
                )
            stripped = [cell.strip() for cell in cells]
            yield _Row(dict(zip(columns, stripped, strict=True)), units, f"{name}, row {number}")
    except (UnicodeDecodeError, csv.Error) as error:
        raise ProfileError(f"{name} is no table in UTF-8 with commas: {error}") from error
