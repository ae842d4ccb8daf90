"""The figures of runs and devices.

Every function returns a `matplotlib.figure.Figure`, which a notebook shows, made without pyplot and
without touching any global state; `plot_...` also draw into axes of yours. Matplotlib is loaded
with the first of them.

Shapes: N points, F features, C classes, E experts, G grid lines (M = G * G grid points), Q qubits.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.figures.decision_boundary import ProbabilityModel, decision_boundary_figure
    from qmoe_qiskit.figures.device.figure import device_figure
    from qmoe_qiskit.figures.device.slots import DrawnSlot, slots_figure
    from qmoe_qiskit.figures.gradient_variance import gradient_variance_figure
    from qmoe_qiskit.figures.loss_curves import loss_curves_figure
    from qmoe_qiskit.figures.plots import (
        plot_decision_boundary,
        plot_losses,
        plot_routing_map,
    )
    from qmoe_qiskit.figures.routing_map import RoutingModel, routing_map_figure
    from qmoe_qiskit.figures.style import figure_bytes, save_figure

__all__ = [
    "DrawnSlot",
    "ProbabilityModel",
    "RoutingModel",
    "decision_boundary_figure",
    "device_figure",
    "figure_bytes",
    "gradient_variance_figure",
    "loss_curves_figure",
    "plot_decision_boundary",
    "plot_losses",
    "plot_routing_map",
    "routing_map_figure",
    "save_figure",
    "slots_figure",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.figures",
    {
        ".decision_boundary": ["ProbabilityModel", "decision_boundary_figure"],
        ".device.figure": ["device_figure"],
        ".device.slots": ["DrawnSlot", "slots_figure"],
        ".gradient_variance": ["gradient_variance_figure"],
        ".loss_curves": ["loss_curves_figure"],
        ".plots": ["plot_decision_boundary", "plot_losses", "plot_routing_map"],
        ".routing_map": ["RoutingModel", "routing_map_figure"],
        ".style": ["figure_bytes", "save_figure"],
    },
)
