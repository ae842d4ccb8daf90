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
    from qmoe_qiskit.moe.barren_plateaus import (
        GradientVariance,
        decay_per_qubit,
        gradient_variance,
    )
    from qmoe_qiskit.moe.experts.classical import MLPExpert, linear_experts
    from qmoe_qiskit.moe.experts.quantum import QuantumExpert, quantum_experts
    from qmoe_qiskit.moe.experts.registry import (
        EXPERTS,
        ExpertKind,
        ExpertSettings,
        build_experts,
    )
    from qmoe_qiskit.moe.layer import QMoELayer
    from qmoe_qiskit.moe.mixture import MixtureOfExperts
    from qmoe_qiskit.moe.routers.classical import (
        FourierRouter,
        LinearRouter,
        MLPRouter,
        QuadraticRouter,
        RandomFourierRouter,
    )
    from qmoe_qiskit.moe.routers.initialization import INITIALIZATIONS, initial_weights
    from qmoe_qiskit.moe.routers.projected import ProjectedRouter, TrainedProjection
    from qmoe_qiskit.moe.routers.quantum import READOUTS, QuantumRouter
    from qmoe_qiskit.moe.routers.registry import ROUTERS, RouterKind, RouterSettings
    from qmoe_qiskit.moe.routing import Routing
    from qmoe_qiskit.moe.routing_settings import ROUTINGS

__all__ = [
    "BALANCE_LOSSES",
    "EXPERTS",
    "INITIALIZATIONS",
    "READOUTS",
    "ROUTERS",
    "ROUTINGS",
    "BalanceLoss",
    "ExpertKind",
    "ExpertSettings",
    "FourierRouter",
    "GradientVariance",
    "LinearRouter",
    "MLPExpert",
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
    "Routing",
    "RoutingStatistics",
    "TrainedProjection",
    "balance_loss",
    "build_experts",
    "decay_per_qubit",
    "gradient_variance",
    "importance_loss",
    "initial_weights",
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
        ".barren_plateaus": ["GradientVariance", "decay_per_qubit", "gradient_variance"],
        ".experts.classical": ["MLPExpert", "linear_experts"],
        ".experts.quantum": ["QuantumExpert", "quantum_experts"],
        ".experts.registry": ["EXPERTS", "ExpertKind", "ExpertSettings", "build_experts"],
        ".layer": ["QMoELayer"],
        ".mixture": ["MixtureOfExperts"],
        ".routers.classical": [
            "FourierRouter",
            "LinearRouter",
            "MLPRouter",
            "QuadraticRouter",
            "RandomFourierRouter",
        ],
        ".routers.initialization": ["INITIALIZATIONS", "initial_weights"],
        ".routers.projected": ["ProjectedRouter", "TrainedProjection"],
        ".routers.quantum": ["READOUTS", "QuantumRouter"],
        ".routers.registry": ["ROUTERS", "RouterKind", "RouterSettings"],
        ".routing": ["Routing"],
        ".routing_settings": ["ROUTINGS"],
    },
)
