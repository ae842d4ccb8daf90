"""The rounds: shared weights go out, come back trained, and are averaged."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qmoe_qiskit import limits
from qmoe_qiskit.errors import FederationError, RunError
from qmoe_qiskit.federated.engine import Engine
from qmoe_qiskit.federated.messages import Measures, Reply, Request
from qmoe_qiskit.federated.privacy import ClientPrivacy
from qmoe_qiskit.federated.results import Round
from qmoe_qiskit.io.checked_tensors import read_tensors, write_tensors
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.typing import FloatArray

FILE = "federation.safetensors"
Report = Callable[[Round], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RoundSettings:
    """How rounds go.

    Attributes:
        names: Names of the clients.
        rounds: Number of rounds.
        drop: Probability that a client misses a round.
        min_clients: Fewest clients with which a round counts.
        seed: Seed of those that miss a round.
        privacy: Differential privacy of clients, or None.
    """

    names: tuple[str, ...]
    rounds: int
    drop: float
    min_clients: int
    seed: int
    privacy: ClientPrivacy | None


class Coordinator:
    """Leads the rounds, and keeps a checkpoint after each.

    Args:
        engine: Reaches the clients.
        settings: How rounds go.
        shared_V: The shared weights that training begins with.
        folder: Folder of the checkpoint, or None.
        identity: What must be the same when training is resumed.
        report: Receives every round when it is over, before its accuracies are known.
    """

    def __init__(
        self,
        engine: Engine,
        settings: RoundSettings,
        shared_V: FloatArray,
        *,
        folder: Path | None = None,
        identity: Mapping[str, Any],
        report: Report = lambda _: None,
    ) -> None:
        self._engine, self._settings, self._report = engine, settings, report
        self._path = None if folder is None else folder / FILE
        self._identity = identity
        self.shared_V = shared_V
        self.rounds: list[Round] = []

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one.

        Raises:
            RunError: If it is damaged, or of another training.
        """
        assert self._path is not None
        what = f"checkpoint {str(self._path)!r}"
        try:
            state, tensors = read_tensors(self._path, what, limits.CHECKPOINT_BYTES)
            rounds = [_round_from(entry) for entry in state["rounds"]]
            shared_V, identity = tensors["shared"].numpy().copy(), state["identity"]
        except FileNotFoundError:
            return  # stopped in the first round
        except OSError as error:
            raise RunError(f"{what} cannot be read: {reason_of(error)}") from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise RunError(f"{what} is damaged ({error}): train anew") from error
        for name, value in self._identity.items():
            if identity.get(name) != value:
                raise RunError(
                    f"{what} was made with other {name}: resume with what training began with, or "
                    "train anew in another folder"
                )
        if len(rounds) > self._settings.rounds:
            raise RunError(
                f"{what} is from after round {len(rounds)}, rounds is {self._settings.rounds}: "
                "raise rounds, or train anew"
            )
        self.rounds, self.shared_V = rounds, shared_V

    def run(self) -> dict[str, int]:
        """Run the rounds that are left, then measure; return the clients' numbers of rows.

        Raises:
            FederationError: If too few clients answer, or one of them fails.
            RunError: If the checkpoint cannot be written.
        """
        for number in range(len(self.rounds) + 1, self._settings.rounds + 1):
            self._run_round(number)
        number = self._settings.rounds + 1
        replies, missing, _ = self._ask("finish", number, self._settings.names)
        self._check(number, missing)
        self._record_accuracies({name: reply.measures for name, reply in replies.items()})
        self._save()
        return {name: reply.measures.n_rows for name, reply in replies.items()}

    def _run_round(self, number: int) -> None:
        settings, privacy = self._settings, self._settings.privacy
        rng = np.random.default_rng([settings.seed, number])
        drawn_K = rng.uniform(size=len(settings.names)) < settings.drop
        away = dict.fromkeys(_at(settings.names, drawn_K), "dropped by chance")
        present = [name for name in settings.names if name not in away]
        if privacy is not None:
            rng = privacy.generator(number)
            sampled_K = rng.uniform(size=len(settings.names)) < privacy.sample_rate
            sampled = set(_at(settings.names, sampled_K))
            present = [name for name in present if name in sampled]
        replies, missing, sizes = self._ask("train", number, present)
        away |= missing
        self._check(number, away)
        measures = {name: reply.measures for name, reply in replies.items()}
        self._record_accuracies(measures)
        rows_K = np.array([one.n_rows for one in measures.values()], dtype=np.float64)
        weights_K = rows_K / rows_K.sum()
        vectors = [reply.shared_V for reply in replies.values()]
        if privacy is not None:
            n_clients = len(settings.names)
            self.shared_V = privacy.average(self.shared_V, vectors, n_clients, rng)
        else:
            self.shared_V = weighted_mean(vectors, weights_K)
        losses = [one.loss for one in measures.values()]
        done = Round(
            number=number,
            clients=tuple(replies),
            missing=away,
            loss=float(weights_K @ losses) if losses else float("nan"),
            bytes_sent=sizes[0],
            bytes_received=sizes[1],
            own={},
            common={},
        )
        self.rounds.append(done)
        self._save()
        _log.info("round %d of %d: %s", number, settings.rounds, done)
        self._report(done)

    def _ask(
        self, task: str, number: int, names: Sequence[str]
    ) -> tuple[dict[str, Reply], dict[str, str], tuple[int, int]]:
        """Return the replies in the order of the clients, why others are missing, and sizes."""
        message = Request(task=task, number=number, shared_V=self.shared_V).encode()
        answers = self._engine.ask(message, names)
        n_weights = len(self.shared_V) if task == "train" else 0
        replies: dict[str, Reply] = {}
        for name in names:
            if name not in answers.replies:
                continue
            try:
                reply = Reply.decode(answers.replies[name], n_weights)
            except (LookupError, TypeError, ValueError) as error:
                raise FederationError(f"{name} sent what is no answer ({error})") from error
            if reply.error:
                raise FederationError(f"{name} stopped in round {number}: {reply.error}")
            if not np.isfinite(reply.shared_V).all():
                raise FederationError(f"{name} sent weights that are not finite")
            replies[name] = reply
        received = max(map(len, answers.replies.values()), default=0)
        return replies, dict(answers.missing), (len(message), received)

    def _check(self, number: int, missing: Mapping[str, str]) -> None:
        settings = self._settings
        left = len(settings.names) - len(missing)
        if left >= settings.min_clients:
            return
        reasons = "; ".join(f"{name}: {why}" for name, why in missing.items())
        where = "after the last round" if number > settings.rounds else f"round {number}"
        raise FederationError(
            f"{where}: {left} of {len(settings.names)} clients are left ({reasons}), and "
            f"min_clients is {settings.min_clients}: resume when they are back, or lower "
            "min_clients"
        )

    def _record_accuracies(self, measures: Mapping[str, Measures]) -> None:
        """Record accuracies with the current shared weights as those after the last round."""
        if not self.rounds:
            return
        own = {name: one.own for name, one in measures.items()}
        common = {name: one.common for name, one in measures.items() if one.common == one.common}
        self.rounds[-1] = replace(self.rounds[-1], own=own, common=common)

    def _save(self) -> None:
        if self._path is None:
            return
        state = {"rounds": [asdict(one) for one in self.rounds], "identity": dict(self._identity)}
        try:
            write_tensors(self._path, state, {"shared": torch.from_numpy(self.shared_V)})
        except OSError as error:
            raise RunError(f"{str(self._path)!r} cannot be written: {reason_of(error)}") from error


def weighted_mean(vectors: Sequence[FloatArray], weights_K: FloatArray) -> FloatArray:
    """Return the mean of vectors, (V,), with weights that sum to 1.

    Added in the order of the clients, so that every engine gives the same result.
    """
    mean_V: FloatArray = weights_K[0] * vectors[0]
    for weight, vector_V in zip(weights_K[1:], vectors[1:], strict=True):
        mean_V = mean_V + weight * vector_V
    return mean_V


def _at(names: Sequence[str], chosen_K: np.ndarray) -> list[str]:
    return [name for name, chosen in zip(names, chosen_K, strict=True) if chosen]


def _round_from(entry: Mapping[str, Any]) -> Round:
    return Round(**{**entry, "clients": tuple(entry["clients"])})
