"""Mixture of experts: quantum and classical routers, and the mixture itself."""

from __future__ import annotations

from qmoe_qiskit.moe.controls import FourierRouter, LinearRouter, MLPRouter, QuadraticRouter
from qmoe_qiskit.moe.mixture import MixtureOfExperts, linear_experts
from qmoe_qiskit.moe.projection import ProjectedRouter
from qmoe_qiskit.moe.quantum import READOUTS, QuantumRouter

__all__ = [
    "READOUTS",
    "FourierRouter",
    "LinearRouter",
    "MLPRouter",
    "MixtureOfExperts",
    "ProjectedRouter",
    "QuadraticRouter",
    "QuantumRouter",
    "linear_experts",
]
