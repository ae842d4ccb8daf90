"""The router under TorchConnector."""

from __future__ import annotations

from qmoe_qiskit.network.connector import RouterConnector
from qmoe_qiskit.network.router_network import RouterNetwork

__all__ = ["RouterConnector", "RouterNetwork"]
