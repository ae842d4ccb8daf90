"""Mixture of experts: quantum and classical routers, and the mixture itself."""

from __future__ import annotations

from qmoe_qiskit.moe.experts import QuantumExpert, quantum_experts
from qmoe_qiskit.moe.load_balance import balance_loss
from qmoe_qiskit.moe.mixture import MixtureOfExperts, linear_experts
from qmoe_qiskit.moe.routers.classical import (
    FourierRouter,
    LinearRouter,
    MLPRouter,
    QuadraticRouter,
)
from qmoe_qiskit.moe.routers.projected import ProjectedRouter
from qmoe_qiskit.moe.routers.quantum import READOUTS, QuantumRouter
from qmoe_qiskit.moe.routers.random_features import RandomFourierRouter

__all__ = [
    "READOUTS",
    "FourierRouter",
    "LinearRouter",
    "MLPRouter",
    "MixtureOfExperts",
    "ProjectedRouter",
    "QuadraticRouter",
    "QuantumExpert",
    "QuantumRouter",
    "RandomFourierRouter",
    "balance_loss",
    "linear_experts",
    "quantum_experts",
]
