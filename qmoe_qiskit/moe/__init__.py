"""Mixture of experts: quantum and classical routers, and the mixture itself.

Names of tensors end in their shape. Shapes: B batch (with any leading dimensions), F features,
A angles, K router coordinates, N random waves, W circuit weights, O observables, E experts,
C classes or outputs of an expert.

The public names are loaded when first used: help texts read the table of routers without torch.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.moe.balance.load import RoutingStatistics
    from qmoe_qiskit.moe.balance.losses import balance_loss, importance_loss, z_loss
    from qmoe_qiskit.moe.balance.registry import BALANCE_LOSSES, BalanceLoss
    from qmoe_qiskit.moe.experts.classical import MLPExpert, linear_experts
    from qmoe_qiskit.moe.experts.quantum import QuantumExpert, quantum_experts
    from qmoe_qiskit.moe.experts.registry import (
        EXPERTS,
        ExpertKind,
        ExpertSettings,
        build_experts,
    )
    from qmoe_qiskit.moe.mixture import MixtureOfExperts
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
    from qmoe_qiskit.moe.routing import Routing
    from qmoe_qiskit.moe.routing_settings import ROUTINGS

__all__ = [
    "BALANCE_LOSSES",
    "EXPERTS",
    "READOUTS",
    "ROUTERS",
    "ROUTINGS",
    "BalanceLoss",
    "ExpertKind",
    "ExpertSettings",
    "FourierRouter",
    "LinearRouter",
    "MLPExpert",
    "MLPRouter",
    "MixtureOfExperts",
    "ProjectedRouter",
    "QuadraticRouter",
    "QuantumExpert",
    "QuantumRouter",
    "RandomFourierRouter",
    "RouterKind",
    "RouterSettings",
    "Routing",
    "RoutingStatistics",
    "balance_loss",
    "build_experts",
    "importance_loss",
    "linear_experts",
    "quantum_experts",
    "z_loss",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.moe",
    {
        ".balance.load": ["RoutingStatistics"],
        ".balance.losses": ["balance_loss", "importance_loss", "z_loss"],
        ".balance.registry": ["BALANCE_LOSSES", "BalanceLoss"],
        ".experts.classical": ["MLPExpert", "linear_experts"],
        ".experts.quantum": ["QuantumExpert", "quantum_experts"],
        ".experts.registry": ["EXPERTS", "ExpertKind", "ExpertSettings", "build_experts"],
        ".mixture": ["MixtureOfExperts"],
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
        ".routing": ["Routing"],
        ".routing_settings": ["ROUTINGS"],
    },
)
