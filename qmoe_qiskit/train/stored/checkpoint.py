"""Checkpoints: all that an interrupted training needs to go on exactly."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.io.checked_tensors import Tensors, read_tensors, write_tensors
from qmoe_qiskit.io.reasons import reason_of

_GROUPS = ("module", "optimizer", "best")


class Resumable(Protocol):
    """A training that can go on from a checkpoint."""

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer."""

    @property
    def history(self) -> list[dict[str, float]]:
        """One entry per finished epoch."""

    def counted(self) -> dict[str, float]:
        """Return what a private training has counted, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state of a training after any number of epochs, or before the first.

    Attributes:
        module: State of the model.
        optimizer: State of the optimizer, see `optimizer_tensors`.
        best: State of the model after its best epoch; empty without early stopping.
        history: One entry per finished epoch.
        identity: Settings, seed and data hash, which a resumed training must share.
        counted: What a private training has counted, see `PrivateTraining.counted`; else empty.
    """

    module: Tensors
    optimizer: Tensors
    best: Tensors
    history: list[dict[str, float]]
    identity: dict[str, Any]
    counted: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, module: nn.Module, training: Resumable, *, best: Tensors, identity: dict[str, Any]
    ) -> Self:
        """Return what a training keeps after each epoch, and before the first."""
        return cls(
            module=module.state_dict(),
            optimizer=optimizer_tensors(training.optimizer),
            best=best,
            history=training.history,
            identity=identity,
            counted=training.counted(),
        )


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, atomically, as one safetensors file.

    Raises:
        RunError: If the file cannot be written.
    """
    tensors = {
        f"{group}/{name}": tensor
        for group in _GROUPS
        for name, tensor in getattr(checkpoint, group).items()
    }
    content = {"history": checkpoint.history, "identity": checkpoint.identity}
    if checkpoint.counted:
        content["counted"] = checkpoint.counted
    try:
        write_tensors(path, content, tensors)
    except OSError as error:
        raise RunError(f"checkpoint {path} cannot be written: {reason_of(error)}") from error


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        RunError: If the file is missing, damaged, or of a newer schema.
    """
    groups: dict[str, Tensors] = {group: {} for group in _GROUPS}
    try:
        state, tensors = read_tensors(path, f"checkpoint {path}", limits.CHECKPOINT_BYTES)
        for name, tensor in tensors.items():
            group, _, member = name.partition("/")
            groups[group][member] = tensor
        history, identity = state["history"], state["identity"]
        counted = {name: float(value) for name, value in state.get("counted", {}).items()}
    except FileNotFoundError as error:
        raise RunError(f"there is no checkpoint {path}: train without --resume to begin") from error
    except RunError:
        raise
    except OSError as error:
        why = reason_of(error)
        raise RunError(f"checkpoint {path} is damaged or no file ({why}): train again") from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise RunError(f"checkpoint {path} is damaged ({error}): train again") from error
    return Checkpoint(**groups, history=history, identity=identity, counted=counted)


def restore_training(
    checkpoint: Checkpoint, module: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Restore the state of a model and of its optimizer.

    Raises:
        RunError: If the checkpoint belongs to another model.
    """
    try:
        module.load_state_dict(checkpoint.module)
        restore_optimizer(optimizer, checkpoint.optimizer)
    except (RuntimeError, ValueError) as error:
        raise RunError(f"the checkpoint does not fit the model ({error}): train again") from error


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> Tensors:
    """Return an optimizer's state as named tensors, "0.exp_avg" and so on.

    Raises:
        InputError: If the state holds more than tensors and numbers.
    """
    try:
        return {
            f"{index}.{name}": torch.as_tensor(value)
            for index, entries in optimizer.state_dict()["state"].items()
            for name, value in entries.items()
        }
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"a checkpoint does not hold the state of optimizer {type(optimizer).__name__} "
            f"({error}): set checkpoint=None, or use another optimizer"
        ) from error


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Restore the state that `optimizer_tensors` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
