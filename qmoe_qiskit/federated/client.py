"""A client: rows of its own, a model, and the state that it keeps from round to round."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from qmoe_qiskit.errors import InputError, QMoEError, RunError
from qmoe_qiskit.federated.messages import Measures, Reply, Request
from qmoe_qiskit.federated.shared import from_vector, proximal, shared_parameters, to_vector
from qmoe_qiskit.train.classifier import QMoEClassifier
from qmoe_qiskit.train.loop.optimization import Optimization
from qmoe_qiskit.train.loop.training import Training
from qmoe_qiskit.train.rows import TargetRows
from qmoe_qiskit.train.stored.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)

_STATE, _MODEL = "round-*.safetensors", "model.safetensors"
# A coordinator that was killed may ask for its last round again.
_KEPT_STATES = 2


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """What a client is told before the first round.

    Attributes:
        name: Name of the client.
        seed: Seed of its batches, and of the rows that it holds out.
        share: What is shared, see `SHARES`.
        proximal: Factor of the proximal term, 0 for none.
        epochs: Number of passes over its rows per round.
        test_fraction: Share of its rows that it holds out; 0 to measure on its training rows.
    """

    name: str
    seed: int
    share: str
    proximal: float
    epochs: int
    test_fraction: float


class Client:
    """One client. Its weights that are not shared, and its optimizer, stay with it.

    Args:
        settings: What was agreed.
        model: The agreed model, a copy of its own.
        rows: Its rows.
        common: Common test rows, or None.
        folder: Folder of its state, or None to keep that in memory.
    """

    def __init__(
        self,
        settings: ClientSettings,
        model: QMoEClassifier,
        rows: TargetRows,
        common: TargetRows | None = None,
        folder: Path | None = None,
    ) -> None:
        self.settings, self.model = settings, model
        train, own = held_out(len(rows.targets_N), settings)
        self._train = rows.at(train).tensors(model)
        self._own = rows.at(own).tensors(model)
        self._common = None if common is None else common.tensors(model)
        self._folder = folder
        self._parameters = shared_parameters(model.module_, settings.share)
        self._initial = {k: v.clone() for k, v in model.module_.state_dict().items()}
        self._history: list[dict[str, float]] = []
        self._optimizer: dict[str, torch.Tensor] = {}
        self._done: int | None = None  # the last round that this client has trained in

    @property
    def n_rows(self) -> int:
        """Number of training rows."""
        return len(self._train[1])

    def handle(self, message: bytes) -> bytes:
        """Answer a message; an expected error becomes a part of the answer."""
        request = Request.decode(message)
        error = ""
        try:
            own, common, loss = self._answer(request)
        except QMoEError as refusal:
            own = common = loss = math.nan
            error = str(refusal)
        measures = Measures(
            number=request.number, n_rows=self.n_rows, loss=loss, own=own, common=common
        )
        trained = request.task == "train" and not error
        shared_V = to_vector(self._parameters) if trained else np.empty(0)
        return Reply(measures=measures, shared_V=shared_V, error=error).encode()

    def _answer(self, request: Request) -> tuple[float, float, float]:
        """Return the accuracies before training, and the loss of the training."""
        if self._done is None or self._done >= request.number:
            self._go_back(request.number)
        from_vector(request.shared_V, self._parameters)
        own = self._accuracy(self._own)
        common = math.nan if self._common is None else self._accuracy(self._common)
        loss = math.nan
        if request.task == "train":
            loss = self._fit()
            self._done = request.number
            self._store()
        else:
            self.model.history_ = self._history
            if self._folder is not None:
                self.model.save(self._folder / _MODEL, overwrite=True)
        return own, common, loss

    def _fit(self) -> float:
        model, settings = self.model, self.settings
        training = Training(
            model.module_,
            learning_rate=model.learning_rate,
            batch_size=model.batch_size,
            seed=settings.seed,
            history=self._history,
            balance=model.balance,
            balance_weight=model.balance_weight,
            bias_rate=model.bias_rate,
            optimization=Optimization.of(model.get_params(deep=False)),
        )
        if self._optimizer:
            restore_optimizer(training.optimizer, self._optimizer)
        with proximal(self._parameters, settings.proximal):
            training.run(
                *self._train,
                max_epochs=len(self._history) + settings.epochs,
                after_epoch=lambda _: None,
            )
        self._history = training.history
        self._optimizer = optimizer_tensors(training.optimizer)
        return self._history[-1]["train_loss"]

    def _accuracy(self, rows: tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]) -> float:
        features_NF, targets_N, _ = rows
        with torch.no_grad():
            logits_NC = self.model.module_.eval()(features_NF)
        return float((logits_NC.argmax(dim=-1) == targets_N).double().mean())

    def _states(self) -> list[tuple[int, Path]]:
        """Return the stored states, the oldest first, by the number of their round."""
        if self._folder is None:
            return []
        found = [(path.stem.partition("-")[2], path) for path in self._folder.glob(_STATE)]
        return sorted((int(number), path) for number, path in found if number.isdigit())

    def _store(self) -> None:
        if self._folder is None:
            return
        state = Checkpoint(
            module=self.model.module_.state_dict(),
            optimizer=self._optimizer,
            best={},
            history=self._history,
            identity={"client": self.settings.name, "round": self._done},
        )
        save_checkpoint(self._folder / f"round-{self._done:06d}.safetensors", state)
        for _, path in self._states()[:-_KEPT_STATES]:
            path.unlink(missing_ok=True)

    def _go_back(self, number: int) -> None:
        """Restore the last state before a round: the stored one, or that of the beginning."""
        before = [(done, path) for done, path in self._states() if done < number]
        if not before:
            self._restore(0, self._initial, {}, [])
            return
        done, path = before[-1]
        saved = load_checkpoint(path)
        if saved.identity.get("client") != self.settings.name:
            raise RunError(f"{str(path)!r} is not the state of {self.settings.name}: begin anew")
        try:
            self._restore(done, saved.module, saved.optimizer, saved.history)
        except RuntimeError as error:
            raise RunError(f"{str(path)!r} does not fit the model ({error})") from error

    def _restore(
        self,
        done: int,
        module: dict[str, torch.Tensor],
        optimizer: dict[str, torch.Tensor],
        history: list[dict[str, float]],
    ) -> None:
        self.model.module_.load_state_dict(module)
        self._done, self._optimizer, self._history = done, optimizer, list(history)


def held_out(n_rows: int, settings: ClientSettings) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers of a client's training rows, and of those that it holds out.

    They are drawn from its seed.

    Raises:
        InputError: If there are too few rows.
    """
    everything = np.arange(n_rows)
    if settings.test_fraction == 0:
        return everything, everything
    n_test = max(1, round(settings.test_fraction * n_rows))
    if n_test >= n_rows:
        raise InputError(
            f"{settings.name} has {n_rows} row(s), too few to hold out a share of "
            f"{settings.test_fraction:g}: use fewer clients, more rows, or test_fraction=0"
        )
    order = np.random.default_rng([settings.seed, n_rows]).permutation(n_rows)
    return np.sort(order[n_test:]), np.sort(order[:n_test])
