"""A compiled circuit as a torch module, with every transformation that torch has for its own."""

from qmoe_qiskit.moe.torch_connector.connector import RouterConnector, RouterNetwork

__all__ = ["RouterConnector", "RouterNetwork"]
