"""The options that say what is trained: declared once, for every command that trains."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

import typer

from qmoe_qiskit.backends import MITIGATIONS
from qmoe_qiskit.cli.options.common import BACKEND, DEVICE_QUBITS, SHOTS, qubits_from
from qmoe_qiskit.cli.options.declared import Command, give_options, option
from qmoe_qiskit.data import list_datasets
from qmoe_qiskit.errors import require_positive
from qmoe_qiskit.moe.routers.registry import ROUTERS
from qmoe_qiskit.runs.command_line import option_of
from qmoe_qiskit.runs.request import TrainingRequest

DATA, MODEL, TRAINING, NOISE = "Data", "Model", "Training", "Noise"

# The values of the declared options, by the fields of `TrainingRequest`.
TrainingOptions = dict[str, Any]


@dataclass(frozen=True)
class _Help:
    """What the help says about a field's option, whose type and default are those of the field."""

    panel: str | None
    text: str
    metavar: str | None = None


_HELP = {
    "data": _Help(DATA, f"{', '.join(list_datasets())}, or a .csv or .npz file.", "NAME|FILE"),
    "target": _Help(DATA, "Column of the file that holds the labels."),
    "n_samples": _Help(DATA, "Number of rows; by default 500 generated rows, or all of the data."),
    "test_fraction": _Help(DATA, "Share of the rows that are held out."),
    "router": _Help(MODEL, ", ".join(f"{kind.name} ({kind.help})" for kind in ROUTERS) + "."),
    "control": _Help(
        MODEL,
        "Router of a second model to compare with, or none; by default linear beside a quantum "
        "router.",
    ),
    "n_experts": _Help(MODEL, "Number of experts."),
    "n_layers": _Help(MODEL, "Number of entangling layers of the circuit."),
    "n_qubits": _Help(
        MODEL,
        "Number of coordinates that the router sees, one per qubit; by default one per feature, at "
        "most 6. With more features the coordinates are principal components.",
    ),
    "rotation": _Help(MODEL, "Axis of the embedding: x, y or z."),
    "reuploads": _Help(MODEL, "Number of times that the circuit takes the data."),
    "entanglement": _Help(MODEL, "strong, ring, linear or none."),
    "readout": _Help(MODEL, "expectations or probabilities."),
    "backend": _Help(MODEL, BACKEND),
    "shots": _Help(MODEL, SHOTS),
    "mitigation": _Help(MODEL, f"{MITIGATIONS.help}."),
    "device_qubits": _Help(MODEL, DEVICE_QUBITS, "Q,Q,..."),
    "max_epochs": _Help(TRAINING, "Number of passes over the training rows."),
    "batch_size": _Help(TRAINING, "Number of rows per step."),
    "learning_rate": _Help(TRAINING, "Step size of Adam."),
    "balance_weight": _Help(
        TRAINING, "Weight of a loss that gives every expert its share of the rows, such as 0.01."
    ),
    "early_stopping": _Help(
        TRAINING,
        "Hold out a tenth of the training rows, stop when their loss has not improved for a number "
        "of epochs, and keep the best epoch's model.",
    ),
    "patience": _Help(
        TRAINING, "Number of epochs without improvement after which early stopping stops."
    ),
    "seed": _Help(None, "Seed of split, initial weights and shuffling."),
}
_COUNTS = (
    "n_samples", "n_experts", "n_layers", "n_qubits", "reuploads", "shots", "max_epochs",
    "batch_size", "patience",
)  # fmt: skip


def training_options(*, without: Collection[str] = ()) -> Callable[[Command], Command]:
    """Return a decorator that gives a command the options, in place of its parameter `training`.

    Args:
        without: Fields of `TrainingRequest` whose options the command does not have.
    """
    types = {**get_type_hints(TrainingRequest), "device_qubits": str | None}
    options = []
    for field in fields(TrainingRequest):
        if field.name not in without:
            said = _HELP[field.name]
            declared = typer.Option(
                field.default,
                option_of(field.name),
                metavar=said.metavar,
                help=said.text,
                rich_help_panel=said.panel,
            )
            options.append(option(field.name, types[field.name], declared))
    return give_options("training", options)


def training_request(training: TrainingOptions) -> TrainingRequest:
    """Return the request that options describe.

    Raises:
        InputError: If a count is below 1; the message names the option.
    """
    for name in _COUNTS:
        if training.get(name) is not None:
            require_positive(option_of(name), training[name])
    qubits = qubits_from(training.get("device_qubits"))
    return TrainingRequest(**{**training, "device_qubits": qubits})
