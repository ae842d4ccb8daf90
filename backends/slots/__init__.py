"""Packed execution: one router on many disjoint regions ("slots") of a device at once.

Shapes: P points, Q groups of points, M points per group, K slots, R rows of a packed work, G angles
per slot, O observables, N qubits of a device.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.backends.slots.finding import Slot, SlotFinder, SlotSet, Tradeoff, find_slots
    from qmoe_qiskit.backends.slots.noisy import PackedNoisyRouter
    from qmoe_qiskit.backends.slots.request import SlotRequest
    from qmoe_qiskit.backends.slots.runtime import PackedRouter

__all__ = [
    "PackedNoisyRouter",
    "PackedRouter",
    "Slot",
    "SlotFinder",
    "SlotRequest",
    "SlotSet",
    "Tradeoff",
    "find_slots",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.backends.slots",
    {
        ".finding": ["Slot", "SlotFinder", "SlotSet", "Tradeoff", "find_slots"],
        ".noisy": ["PackedNoisyRouter"],
        ".request": ["SlotRequest"],
        ".runtime": ["PackedRouter"],
    },
)
