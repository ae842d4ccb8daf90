"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qmoe_qiskit.backends import MITIGATIONS
from qmoe_qiskit.backends.open import backends_help
from qmoe_qiskit.errors import InputError

BACKEND = f"Where the circuit runs: {backends_help('statevector', 'noisy')}."
SHOTS = "Number of shots per row; by default exact values."
DEVICE_QUBITS = (
    "Device qubits to run on, such as 65,66; by default those with the smallest expected error."
)

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, all else on stderr.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing run.")]
ForceFile = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]
Seed = Annotated[int, typer.Option(help="Seed of split, initial weights and shuffling.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
# Options of evaluate and predict that replace the backend of training.
OtherBackend = Annotated[
    str | None,
    typer.Option(
        help="Replaces the backend of training, with its shots, mitigation and qubits. " + BACKEND
    ),
]
OtherShots = Annotated[
    int | None,
    typer.Option(
        help="Number of shots per row; by default as in training, and with --backend exact values."
    ),
]
OtherMitigation = Annotated[
    str | None,
    typer.Option(help=f"{MITIGATIONS.help}. By default as in training, and with --backend none."),
]
OtherDeviceQubits = Annotated[
    str | None,
    typer.Option(
        metavar="Q,Q,...",
        help="Device qubits to run on; by default as in training, and with --backend those with "
        "the smallest expected error.",
    ),
]


def qubits_from(text: str | None) -> tuple[int, ...] | None:
    """Read the numbers of qubits from an option.

    Raises:
        InputError: If the text is not a list of numbers separated by commas.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise InputError(
            f"--device-qubits must be numbers separated by commas, such as 65,66, got {text!r}"
        )
    return tuple(map(int, parts))
