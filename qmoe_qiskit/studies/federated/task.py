"""The task of the study `federated`: one router, trained in one way on the rows of clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from qmoe_qiskit.data import Dataset, list_datasets, load_dataset, split_dataset
from qmoe_qiskit.errors import FederationError, StudyError, unknown_name
from qmoe_qiskit.federated import FederatedRun, federate, partition
from qmoe_qiskit.federated.agreement import client_seeds
from qmoe_qiskit.federated.client import ClientSettings, held_out
from qmoe_qiskit.studies.engine.results import finite
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.training.routers import check_router, classifier_settings
from qmoe_qiskit.train import QMoEClassifier
from qmoe_qiskit.train.features import DEFAULT_MAX_QUBITS
from qmoe_qiskit.typing import FloatArray

# How a model is trained, by the name of the way: what is shared, and whether with a pull.
WAYS: Mapping[str, str] = MappingProxyType(
    {
        "central": "one model on all training rows together",
        "alone": "every client for itself",
        "fedavg": "all weights are shared",
        "fedprox": "all weights are shared, with a pull to the shared ones",
        "router": "the router alone is shared",
        "experts": "the experts alone are shared",
    }
)
_SHARES = {"alone": "none", "router": "router", "experts": "experts"}


@dataclass(frozen=True, kw_only=True)
class FederatedTask(Task):
    """Train a router in one way on the rows of clients, and measure it after every round.

    Tasks of one seed share points, common test rows, the clients' rows and what each holds out.

    Attributes:
        seed: Seed of all that is random.
        router: Name of the router, see `studies.training.routers`.
        way: How it is trained, see `WAYS`.

    The other attributes are those of `FederatedSettings`.
    """

    kind: ClassVar[str] = "federated"

    seed: int
    router: str = "quantum"
    way: str = "fedavg"
    layers: int = 3
    data: str = "moons"
    n_samples: int = 1000
    test_fraction: float = 0.25
    clients: int = 8
    partition: str = "dirichlet:0.3"
    rounds: int = 40
    batch_size: int = 32
    learning_rate: float = 0.05
    proximal: float = 0.1

    def check(self) -> None:
        """See `Task.check`."""
        check_router(self.router, self.layers)
        if self.data not in list_datasets():
            raise unknown_name("dataset", self.data, list_datasets())
        if self.way not in WAYS:
            raise unknown_name("way", self.way, WAYS)
        self._parts()

    def run(self) -> dict[str, Any]:
        """Train and measure.

        Returns:
            own: Mean over clients of the accuracy on their own held-out rows, after every round;
            common: the same on the common test rows; bytes: sent to and received from a client in a
            round; rows: training rows of each client. Central training has one entry of each
            accuracy, after its last epoch.
        """
        common, parts = self._parts()
        settings = classifier_settings(
            self.router,
            n_inputs=min(common.features_NF.shape[1], DEFAULT_MAX_QUBITS),
            n_layers=self.layers,
            seed=self.seed,
        )
        model = QMoEClassifier(
            **settings, batch_size=self.batch_size, learning_rate=self.learning_rate, verbose=False
        )
        train = partial(federate, model, rounds=self.rounds, seed=self.seed, test=common)
        try:
            if self.way == "central":
                return self._central(train, parts)
            run: FederatedRun = train(
                parts,
                share=_SHARES.get(self.way, "all"),
                method=f"fedprox:{self.proximal:g}" if self.way == "fedprox" else "fedavg",
                test_fraction=self.test_fraction,
            )
        except FederationError as error:
            raise StudyError(
                f"router {self.router!r} trained {self.way!r}, seed {self.seed}: {error}"
            ) from error
        last = run.rounds[-1]
        return {
            "own": [finite(value) for value in run.own_R],
            "common": [finite(value) for value in run.common_R],
            "bytes": [last.bytes_sent, last.bytes_received],
            "rows": list(run.n_rows.values()),
        }

    def _central(self, train: Any, parts: Sequence[Dataset]) -> dict[str, Any]:  # noqa: ANN401
        """Train on the rows that the clients train on, and measure on those that they hold out."""
        seeds = client_seeds(QMoEClassifier(random_state=self.seed), len(parts))
        alike = partial(
            ClientSettings,
            name="",
            share="",
            proximal=0.0,
            epochs=1,
            test_fraction=self.test_fraction,
        )
        pairs = [
            held_out(len(part.labels_N), alike(seed=seed))
            for part, seed in zip(parts, seeds, strict=True)
        ]
        mine = [
            part.take(rows, "training rows") for part, (rows, _) in zip(parts, pairs, strict=True)
        ]
        pooled = replace(
            parts[0],
            features_NF=np.concatenate([part.features_NF for part in mine]),
            labels_N=np.concatenate([part.labels_N for part in mine]),
        )
        run: FederatedRun = train([pooled], test_fraction=0)
        (model,) = run.models.values()
        own = [
            np.mean(_predicted(model, part.features_NF[rows]) == part.labels_N[rows])
            for part, (_, rows) in zip(parts, pairs, strict=True)
        ]
        return {
            "own": [float(np.mean(own))],
            "common": [finite(run.common_R[-1])],
            "bytes": [0, 0],
            "rows": [len(pooled.labels_N)],
        }

    def _parts(self) -> tuple[Dataset, tuple[Dataset, ...]]:
        """Return the common test rows, and the rows of each client."""
        dataset = load_dataset(self.data, n_samples=self.n_samples, seed=self.seed)
        split = split_dataset(dataset, test_fraction=self.test_fraction, seed=self.seed)
        return split.test, partition(split.train, self.clients, self.partition, seed=self.seed)


def _predicted(model: QMoEClassifier, features_NF: FloatArray) -> NDArray[Any]:
    """Return labels; rows outside the agreed bounds are none to warn of."""
    scaled_NF = torch.from_numpy(model.feature_map_.scale(features_NF))
    with torch.no_grad():
        codes_N = model.module_(scaled_NF).argmax(dim=-1).numpy()
    labels_N: NDArray[Any] = model.classes_[codes_N]
    return labels_N
