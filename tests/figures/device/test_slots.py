"""The figure of slots: every slot is drawn, and the trade beside it is what it was given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.patches import Circle

from qmoe_qiskit.backends.slots.finding import Tradeoff
from qmoe_qiskit.figures import DrawnSlot, figure_bytes, slots_figure
from qmoe_qiskit.noise_profiles import load_profile


def test_slots_and_the_trade() -> None:
    slots = [
        DrawnSlot(qubits=(0, 1), expected_error=0.05),
        DrawnSlot(qubits=(5, 6), expected_error=0.2),
    ]
    trade = [
        Tradeoff(n_slots=1, mean_error=0.05, largest_error=0.05),
        Tradeoff(n_slots=2, mean_error=0.125, largest_error=0.2),
    ]
    figure = slots_figure(load_profile("ibm_lagos"), slots, trade, "a note")
    heading = figure.get_suptitle()
    assert "ibm_lagos" in heading
    assert "a note" in heading
    axes, panel = figure.axes[:2]
    circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
    assert len(circles) == 7
    colours = [tuple(np.round(circle.get_facecolor()[:3], 6)) for circle in circles]
    idle = (1.0, 1.0, 1.0)
    assert [colour == idle for colour in colours] == [False, False, True, True, True, False, False]
    assert colours[0] == colours[1] != colours[5] == colours[6]
    assert sum(colours[0]) > sum(colours[5])  # darker for larger errors
    lines = {line.get_label(): line for line in panel.lines}
    assert lines["mean"].get_ydata() == pytest.approx([0.05, 0.125])
    assert lines["worst slot"].get_xdata() == pytest.approx([1, 2])
    assert "chosen: 2" in lines
    assert figure_bytes(figure).startswith(b"\x89PNG")
