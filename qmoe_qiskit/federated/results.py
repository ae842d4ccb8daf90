"""The result of federated training: what every round did, and a model for every client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qmoe_qiskit.train.classifier import QMoEClassifier
    from qmoe_qiskit.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round.

    Attributes:
        number: Number of the round, from 1.
        clients: Names of the clients whose weights were averaged.
        missing: Why other clients took no part, by their names.
        loss: Mean training loss of the clients' last local epoch, weighted by rows, nat.
        bytes_sent: Size of the message to one client.
        bytes_received: Size of the answer of one client, the largest of all.
        own: Accuracy of every client's model after the round on its own rows, by name. A client
            that does not answer in the next round has none.
        common: The same on the common test rows; empty without any.

    >>> one = Round(number=1, clients=("site-1",), missing={}, loss=0.5, bytes_sent=200,
    ...             bytes_received=220, own={"site-1": 0.75, "site-2": 0.25}, common={})
    >>> one.mean_own
    0.5
    """

    number: int
    clients: tuple[str, ...]
    missing: Mapping[str, str]
    loss: float
    bytes_sent: int
    bytes_received: int
    own: Mapping[str, float]
    common: Mapping[str, float]

    @property
    def mean_own(self) -> float:
        """Mean over clients of the accuracy on their own rows; NaN without any."""
        return float(np.mean(list(self.own.values()))) if self.own else float("nan")

    @property
    def mean_common(self) -> float:
        """Mean over clients of the accuracy on the common rows; NaN without any."""
        return float(np.mean(list(self.common.values()))) if self.common else float("nan")


@dataclass(frozen=True, kw_only=True, eq=False)
class FederatedRun:
    """Federated training that is complete.

    Attributes:
        share: What was shared.
        method: How clients trained.
        seed: Seed of the training.
        rounds: The rounds.
        models: The model of every client, fitted, by name. Weights that are not shared differ.
        n_rows: Number of training rows of every client.
        shared_V: The shared weights after the last round.
        epsilon: Privacy that clients have spent with the delta of their `ClientPrivacy`; None
            without it.

    >>> from qmoe_qiskit.data import load_dataset
    >>> from qmoe_qiskit.federated import federate, partition
    >>> from qmoe_qiskit.train import QMoEClassifier
    >>> parts = partition(load_dataset("moons", n_samples=60), clients=2)
    >>> federate(QMoEClassifier("linear"), parts, rounds=2)
    <FederatedRun of 2 clients, 2 rounds, share 'all', fedavg>
    """

    share: str
    method: str
    seed: int
    rounds: tuple[Round, ...]
    models: Mapping[str, QMoEClassifier]
    n_rows: Mapping[str, int]
    shared_V: FloatArray
    epsilon: float | None = None

    def __repr__(self) -> str:
        return (
            f"<FederatedRun of {len(self.models)} clients, {len(self.rounds)} rounds, "
            f"share {self.share!r}, {self.method}>"
        )

    @property
    def own_R(self) -> FloatArray:
        """Mean accuracy on own rows after every round, (R,)."""
        return np.array([one.mean_own for one in self.rounds])

    @property
    def common_R(self) -> FloatArray:
        """Mean accuracy on the common rows after every round, (R,)."""
        return np.array([one.mean_common for one in self.rounds])

    def rounds_to(self, accuracy: float) -> int | None:
        """Return the first round with that mean accuracy on own rows, or None if none has it."""
        reached = np.flatnonzero(self.own_R >= accuracy)
        return None if not len(reached) else int(reached[0]) + 1
