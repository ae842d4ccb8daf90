"""A compiled circuit as a torch module, by qiskit-machine-learning's TorchConnector."""

from __future__ import annotations

from qmoe_qiskit.moe.torch_connector.connector import RouterConnector
from qmoe_qiskit.moe.torch_connector.router_network import RouterNetwork

__all__ = ["RouterConnector", "RouterNetwork"]
