"""Federated training: clients train on rows of their own, and share weights but no rows.

Names of arrays end in their shape. Shapes: N rows, F features, K router coordinates, C classes,
V shared weights, R rounds.

The public names are loaded when first used: help texts read the names of partitions without torch.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.federated.partitions import partition
    from qmoe_qiskit.federated.privacy import ClientPrivacy
    from qmoe_qiskit.federated.results import FederatedRun, Round
    from qmoe_qiskit.federated.training import federate

__all__ = ["ClientPrivacy", "FederatedRun", "Round", "federate", "partition"]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.federated",
    {
        ".training": ["federate"],
        ".partitions": ["partition"],
        ".privacy": ["ClientPrivacy"],
        ".results": ["FederatedRun", "Round"],
    },
)
