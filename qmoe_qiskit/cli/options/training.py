"""The options that say what is trained: declared once, for every command that trains."""

from collections.abc import Callable, Collection
from dataclasses import fields
from typing import Any, get_type_hints

from qmoe_qiskit.backends import MITIGATIONS
from qmoe_qiskit.circuits.families import CIRCUITS
from qmoe_qiskit.cli.options import completion
from qmoe_qiskit.cli.options.common import (
    BACKEND,
    DEVICE_QUBITS,
    SHOTS,
    Command,
    give_options,
    names_from,
    option,
    qubits_from,
)
from qmoe_qiskit.data import list_datasets
from qmoe_qiskit.errors import require_positive
from qmoe_qiskit.moe.balance.registry import BALANCE_LOSSES
from qmoe_qiskit.moe.experts.registry import EXPERTS
from qmoe_qiskit.moe.routers.initialization import INITIALIZATIONS
from qmoe_qiskit.moe.routers.registry import ROUTERS
from qmoe_qiskit.runs.command_line import option_of
from qmoe_qiskit.runs.request import TrainingRequest

# The values of the declared options, by the fields of `TrainingRequest`.
TrainingOptions = dict[str, Any]


# What the help says about the options, by their headings and by the fields that they set. Types and
# defaults are those of the fields.
_HELP: dict[str | None, dict[str, str]] = {
    "Data": {
        "data": f"{', '.join(list_datasets())}, or a .csv, .tsv, .parquet or .npz file.",
        "task": "classification, or regression, whose target is numbers.",
        "target": "Column of the file that holds the labels, or the numbers of a regression.",
        "features": "Columns of the file that are features; by default all but the target.",
        "drop": "Columns of the file that are no features, such as an identifier.",
        "n_samples": "Number of rows; by default 500 generated rows, or all of the data.",
        "test_fraction": "Share of the rows that are held out.",
    },
    "Model": {
        "router": ", ".join(f"{kind.name} ({kind.help})" for kind in ROUTERS)
        + ", or a .qpy file of RouterCircuit.to_qpy.",
        "control": "Router of a second model to compare with, or none; by default linear beside "
        "a quantum router. Give the option again for further models.",
        "n_experts": "Number of experts.",
        "expert": ", ".join(f"{kind.name} ({kind.help})" for kind in EXPERTS) + ".",
        "circuit": f"{CIRCUITS.help}.",
        "n_layers": "Number of entangling layers of the circuit.",
        "n_qubits": "Number of coordinates that the router sees, one per qubit; by default one "
        "per feature, at most 6. See --projection.",
        "projection": "auto (all features, or principal components if there are more than "
        "qubits), pca, linear (trained) or groups (all features, spread over uploads).",
        "rotation": "Axis of the embedding: x, y or z.",
        "reuploads": "Number of times that the circuit takes the data.",
        "entanglement": "strong, ring, linear or none; device goes with --circuit "
        "hardware-efficient, and need not be said.",
        "input_scaling": "Multiply the circuit's inputs by trained weights.",
        "initialization": f"{INITIALIZATIONS.help}.",
        "readout": "expectations or probabilities.",
        "routing": "weighted, or sampled, where experts are drawn per row and a bit string of "
        "readout probabilities is the choice of one, or straight-through, where training draws "
        "--top-k experts.",
        "top_k": "Number of experts that run per row; by default all.",
        "capacity_factor": "Room of an expert in training, in multiples of an even share; by "
        "default any number of rows. It needs --top-k.",
        "router_noise": "Standard deviation of noise on the router's logits in training. It needs "
        "--top-k.",
        "n_votes": "Number of experts that are drawn per row with --routing sampled.",
        "backend": BACKEND,
        "shots": SHOTS,
        "mitigation": f"{MITIGATIONS.help}.",
        "device_qubits": DEVICE_QUBITS,
    },
    "Training": {
        "max_epochs": "Number of passes over the training rows.",
        "batch_size": "Number of rows per step.",
        "learning_rate": "Step size of Adam.",
        "balance": "Loss that spreads the rows over the experts: "
        + ", ".join(f"{loss.name} ({loss.help})" for loss in BALANCE_LOSSES)
        + ".",
        "balance_weight": "Weight of that loss, such as 0.01.",
        "bias_rate": "Step of a bias that spreads the choices without a loss, such as 0.001. It "
        "needs --top-k.",
        "early_stopping": "Hold out a tenth of the training rows, stop when their loss has not "
        "improved for a number of epochs, and keep the best epoch's model.",
        "patience": "Number of epochs without improvement after which early stopping stops.",
    },
    "Training on a device": {
        "budget": "QPU time that the training may take, such as 600s or 10min; on a fake, by the "
        "estimate.",
        "steps": "Largest number of steps; 200 by default.",
        "method": "parameter-shift (exact derivatives, default), spsa (random directions), or "
        "refit (measure once, train adapter and experts).",
        "slots": "How many points to evaluate at once: a number, or auto (default).",
        "init": "Run to begin with, of the same architecture; by default random weights.",
    },
    None: {"seed": "Seed of split, initial weights and shuffling."},
}
_METAVARS = {
    "data": "NAME|FILE",
    "router": "NAME|FILE",
    "device_qubits": "Q,Q,...",
    "features": "A,B,...",
    "drop": "A,B,...",
    "budget": "TIME",
    "slots": "auto|N",
    "init": "RUN",
}
_COUNTS = (
    "n_samples", "n_experts", "n_layers", "n_qubits", "reuploads", "n_votes", "top_k", "shots",
    "max_epochs", "batch_size", "patience", "steps",
)  # fmt: skip


def training_options(*, without: Collection[str] = ()) -> Callable[[Command], Command]:
    """Return a decorator that gives a command the options, in place of its parameter `training`.

    Args:
        without: Fields of `TrainingRequest` whose options the command does not have.
    """
    types = {
        **get_type_hints(TrainingRequest),
        "control": list[str] | None,
        "features": str | None,
        "drop": str | None,
        "device_qubits": str | None,
    }
    said = {name: (panel, text) for panel, texts in _HELP.items() for name, text in texts.items()}
    options = [
        option(
            field.name,
            types[field.name],
            said[field.name][1],
            _METAVARS.get(field.name),
            default=field.default,
            flag=option_of(field.name),
            panel=said[field.name][0],
            complete=getattr(completion, field.name, None),
        )
        for field in fields(TrainingRequest)
        if field.name not in without
    ]
    return give_options("training", options)


def training_request(training: TrainingOptions) -> TrainingRequest:
    """Return the request that options describe.

    Raises:
        InputError: If a count is below 1; the message names the option.
    """
    for name in _COUNTS:
        if training.get(name) is not None:
            require_positive(option_of(name), training[name])
    read = {name: names_from(f"--{name}", training.get(name)) for name in ("features", "drop")}
    qubits = qubits_from(training.get("device_qubits"))
    return TrainingRequest(**{**training, **read, "device_qubits": qubits})
