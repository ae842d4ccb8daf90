"""Mixture of experts: quantum and classical routers, and the mixture itself.

Names of tensors end in their shape. Shapes: B batch (with any leading dimensions), F features,
A angles, K router coordinates, N random waves, W circuit weights, O observables, E experts,
C classes or outputs of an expert.

The public names are loaded when first used: help texts read the table of routers without torch.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.moe.experts import QuantumExpert, quantum_experts
    from qmoe_qiskit.moe.layer import QMoELayer
    from qmoe_qiskit.moe.load_balance import balance_loss
    from qmoe_qiskit.moe.mixture import ROUTINGS, MixtureOfExperts, linear_experts
    from qmoe_qiskit.moe.routers.classical import (
        FourierRouter,
        LinearRouter,
        MLPRouter,
        QuadraticRouter,
        RandomFourierRouter,
    )
    from qmoe_qiskit.moe.routers.projected import ProjectedRouter
    from qmoe_qiskit.moe.routers.quantum import READOUTS, QuantumRouter
    from qmoe_qiskit.moe.routers.registry import ROUTERS, RouterKind, RouterSettings

__all__ = [
    "READOUTS",
    "ROUTERS",
    "ROUTINGS",
    "FourierRouter",
    "LinearRouter",
    "MLPRouter",
    "MixtureOfExperts",
    "ProjectedRouter",
    "QMoELayer",
    "QuadraticRouter",
    "QuantumExpert",
    "QuantumRouter",
    "RandomFourierRouter",
    "RouterKind",
    "RouterSettings",
    "balance_loss",
    "linear_experts",
    "quantum_experts",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.moe",
    {
        ".experts": ["QuantumExpert", "quantum_experts"],
        ".layer": ["QMoELayer"],
        ".load_balance": ["balance_loss"],
        ".mixture": ["ROUTINGS", "MixtureOfExperts", "linear_experts"],
        ".routers.classical": [
            "FourierRouter",
            "LinearRouter",
            "MLPRouter",
            "QuadraticRouter",
            "RandomFourierRouter",
        ],
        ".routers.projected": ["ProjectedRouter"],
        ".routers.quantum": ["READOUTS", "QuantumRouter"],
        ".routers.registry": ["ROUTERS", "RouterKind", "RouterSettings"],
    },
)
