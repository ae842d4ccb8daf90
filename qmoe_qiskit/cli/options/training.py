"""Options that say what is trained, shared by the commands that train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit.data import list_datasets
from qmoe_qiskit.errors import require_positive

if TYPE_CHECKING:
    from qmoe_qiskit.runs import TrainingRequest

DATA, MODEL, TRAINING, NOISE = "Data", "Model", "Training", "Noise"

Data = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="NAME|FILE",
        help=f"{', '.join(list_datasets())}, or a .csv or .npz file.",
        rich_help_panel=DATA,
    ),
]
Target = Annotated[
    str | None,
    typer.Option("--target", help="Column of the file with the labels.", rich_help_panel=DATA),
]
Samples = Annotated[
    int | None,
    typer.Option(
        "--samples",
        help="Number of rows; by default 500 generated ones, or all there are.",
        rich_help_panel=DATA,
    ),
]
TestFraction = Annotated[
    float, typer.Option("--test-fraction", help="Share of rows held out.", rich_help_panel=DATA)
]
Experts = Annotated[
    int, typer.Option("--experts", help="Number of experts.", rich_help_panel=MODEL)
]
Layers = Annotated[
    int, typer.Option("--layers", help="Entangling layers of the circuit.", rich_help_panel=MODEL)
]
Qubits = Annotated[
    int | None,
    typer.Option(
        "--qubits",
        help="Coordinates that the router sees, a qubit each; by default one a feature, at most 6. "
        "With more features than that they are principal components.",
        rich_help_panel=MODEL,
    ),
]
Rotation = Annotated[
    str,
    typer.Option("--rotation", help="Axis of the embedding: x, y or z.", rich_help_panel=MODEL),
]
Reuploads = Annotated[
    int, typer.Option("--reuploads", help="Times that the data enter.", rich_help_panel=MODEL)
]
Entanglement = Annotated[
    str,
    typer.Option("--entanglement", help="strong, ring, linear or none.", rich_help_panel=MODEL),
]
Readout = Annotated[
    str, typer.Option("--readout", help="expectations or probabilities.", rich_help_panel=MODEL)
]
Epochs = Annotated[
    int, typer.Option("--epochs", help="Passes over the training rows.", rich_help_panel=TRAINING)
]
BatchSize = Annotated[
    int, typer.Option("--batch-size", help="Rows in a step.", rich_help_panel=TRAINING)
]
LearningRate = Annotated[
    float, typer.Option("--learning-rate", help="Step size of Adam.", rich_help_panel=TRAINING)
]
Balance = Annotated[
    float,
    typer.Option(
        "--balance",
        help="Weight of a loss that gives every expert its share of the rows, such as 0.01.",
        rich_help_panel=TRAINING,
    ),
]
EarlyStopping = Annotated[
    bool,
    typer.Option(
        "--early-stopping",
        help="Stop when the loss on a tenth of the training rows, kept apart, has not improved for "
        "a while, and keep the best epoch's model.",
        rich_help_panel=TRAINING,
    ),
]
Patience = Annotated[
    int,
    typer.Option("--patience", help="How many epochs that while is.", rich_help_panel=TRAINING),
]

_COUNTS = (
    "n_samples", "n_experts", "n_layers", "n_qubits", "reuploads", "shots", "max_epochs",
    "batch_size", "patience",
)  # fmt: skip


def training_request(**settings: Any) -> TrainingRequest:  # noqa: ANN401
    """Return the request that options describe.

    Raises:
        InputError: If a number of something is below 1; names the option.
    """
    from qmoe_qiskit.runs import TrainingRequest
    from qmoe_qiskit.runs.request import OPTIONS

    for name in _COUNTS:
        if settings.get(name) is not None:
            require_positive(OPTIONS[name], settings[name])
    return TrainingRequest(**settings)
