"""Settings of the study `federated`."""

from typing import Annotated

from pydantic import PositiveFloat, PositiveInt

from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.federated.task import WAYS
from qmoe_qiskit.studies.training.setting_types import (
    Control,
    Distinct,
    Margin,
    Several,
    Share,
    one_of,
)

Way = Annotated[str, one_of("way", tuple(WAYS))]


class FederatedSettings(StudySettings, title="federated"):
    """Settings of the study.

    Attributes:
        data: Name of a built-in data set.
        n_samples: Number of rows per seed.
        test_fraction: Share of the rows that is held out as common test rows, and then of each
            client's own.
        clients: Number of clients.
        partition: How rows are dealt out, see `qmoe_qiskit.federated.partition`.
        rounds: Number of rounds; of epochs in central training.
        batch_size: Number of rows per step.
        learning_rate: Learning rate of Adam.
        proximal: Factor of FedProx.
        layers: Number of layers of the quantum router.
        ways: How the quantum router is trained.
        controls: Classical routers.
        control_ways: How they are trained.
        near: Share of the accuracy of central training that rounds are counted to.
        margin: Difference of accuracy below which differences do not matter.
    """

    data: str = "moons"
    n_samples: PositiveInt = 1000
    test_fraction: Share = 0.25
    clients: PositiveInt = 8
    partition: str = "dirichlet:0.3"
    rounds: PositiveInt = 40
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 0.05
    proximal: PositiveFloat = 0.1
    layers: PositiveInt = 3
    ways: Several[Way] = tuple(WAYS)
    controls: Distinct[Control] = ("linear", "mlp:16", "fourier")
    control_ways: Several[Way] = ("fedavg", "router")
    near: Share = 0.95
    margin: Margin = 0.01

    @property
    def cases(self) -> list[tuple[str, str]]:
        """Pairs of a router and the way that it is trained."""
        quantum = [("quantum", way) for way in self.ways]
        return [*quantum, *((r, way) for r in self.controls for way in self.control_ways)]
