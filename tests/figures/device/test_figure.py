"""The picture of a device: what is where, and which numbers it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle

from qmoe_qiskit.figures import device_figure, figure_bytes
from qmoe_qiskit.figures.device.couplers import broken_couplers, couplers_of
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LUMINANCE = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def kolkata() -> NoiseProfile:
    return load_profile("ibmq_kolkata")


@pytest.fixture(scope="module")
def torino() -> NoiseProfile:
    return load_profile("ibm_torino")


def circles(figure: Figure) -> list[Circle]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Circle)]


def test_couplers_are_sorted_by_what_they_cost(kolkata: NoiseProfile) -> None:
    couplers = couplers_of(kolkata)
    assert {c.qubits for c in couplers} == {(min(p), max(p)) for p in kolkata.couplings}
    expected = [coupler.expected_error for coupler in couplers]
    assert expected == sorted(expected)
    a, b = couplers[0].qubits
    errors = [g.error for g in kolkata.gates if set(g.qubits) == {a, b} and g.error is not None]
    assert couplers[0].gate_error == min(errors)
    wrong = [couplers[0].gate_error, *couplers[0].readout_errors]
    assert expected[0] == pytest.approx(1 - np.prod([1 - p for p in wrong if p is not None]))
    assert couplers[0].gate == "cx"


def test_what_is_not_known_comes_last(kolkata: NoiseProfile) -> None:
    best = couplers_of(kolkata)[0].qubits
    gates = [replace(g, error=None) if set(g.qubits) == set(best) else g for g in kolkata.gates]
    last = couplers_of(replace(kolkata, gates=tuple(gates)))[-1]
    assert (last.qubits, last.gate_error) == (best, None)


def test_gates_outside_the_basis_do_not_count(torino: NoiseProfile) -> None:
    assert {coupler.gate for coupler in couplers_of(torino)} == {"cz"}


def test_broken_couplers_are_those_that_were_dropped(torino: NoiseProfile) -> None:
    broken = broken_couplers(torino)
    assert len(broken) == 11
    assert not {frozenset(pair) for pair in broken} & {frozenset(p) for p in torino.couplings}
    assert broken_couplers(load_profile("ibmq_manila")) == []


def test_every_qubit_is_there_the_darker_the_worse(torino: NoiseProfile) -> None:
    figure = device_figure(torino)
    places = circles(figure)
    assert [text.get_text() for text in figure.axes[0].texts] == [str(q) for q in range(133)]
    errors = np.array([qubit.readout_error for qubit in torino.qubits])
    lightness = np.array([to_rgb(circle.get_facecolor()) @ LUMINANCE for circle in places])
    assert (np.diff(lightness[np.argsort(errors)]) <= 1e-9).all()
    framed = {q for q, circle in enumerate(places) if circle.get_linewidth() > 2}
    assert framed == {q for coupler in couplers_of(torino)[:5] for q in coupler.qubits}
    title = figure.axes[0].get_title()
    assert "92-99 2.2 %" in title
    assert "dotted: coupler out of order" in title
    assert sum(line.get_linestyle() == ":" for line in figure.axes[0].lines) == 11
    heading = figure.get_suptitle()
    for words in ("ibm_torino, Heron r1", "133 qubits", "2025-02-26", torino.content_hash[:12]):
        assert words in heading


def test_histograms_count_every_value(kolkata: NoiseProfile) -> None:
    figure = device_figure(kolkata)
    panels = [axes for axes in figure.axes if axes.get_legend() is not None]
    assert [axes.get_xlabel() for axes in panels] == [
        "relaxation and coherence time",
        "probability of a wrong outcome",
        "error of a gate",
    ]
    labels = [text.get_text() for axes in panels for text in axes.get_legend().get_texts()]
    median = np.median([1e6 * qubit.t1 for qubit in kolkata.qubits if qubit.t1])
    assert labels[0] == f"T1, median {median:.3g} µs"
    assert [label.split(",")[0] for label in labels[4:]] == ["sx", "cx"]
    for axes, counts in zip(panels, ((27, 27), (27, 27), (27, 28)), strict=True):
        for patch, count in zip(axes.patches, counts, strict=True):
            heights: Any = patch.get_xy()[:, 1]
            steps = patch.get_xy()[:, 0]
            n_bins = len(np.unique(steps)) - 1
            # A stepped outline visits the top of every bin twice.
            assert heights[1 : 2 * n_bins + 1 : 2].sum() == count


@pytest.mark.parametrize("what", ["ideal", "one qubit", "no coupler", "unknown", "unusable"])
def test_devices_that_lack_something_are_drawn(what: str, kolkata: NoiseProfile) -> None:
    def without(profile: NoiseProfile, **changes: Any) -> NoiseProfile:
        return replace(profile, qubits=tuple(replace(q, **changes) for q in profile.qubits))

    profile = {
        "ideal": lambda: kolkata.scale(0),
        "one qubit": lambda: kolkata.subset([3]),
        "no coupler": lambda: kolkata.subset([0, 26]),
        "unknown": lambda: without(kolkata, t1=None, t2=None, p_meas1_prep0=None),
        "unusable": lambda: replace(
            kolkata, qubits=(replace(kolkata.qubits[0], operational=False), *kolkata.qubits[1:])
        ),
    }[what]()
    figure = device_figure(profile)
    assert len(circles(figure)) == profile.n_qubits
    figure.draw_without_rendering()
    if what == "ideal":
        assert all(circle.get_linewidth() < 2 for circle in circles(figure))
        assert "scaled: gates 0.0" in figure.get_suptitle()
    if what == "unusable":
        assert circles(figure)[0].get_linestyle() == ":"


@pytest.mark.parametrize(
    "name",
    [
        "ibmq_manila",
        "ibm_miami",
        *(pytest.param(name, marks=pytest.mark.trial) for name in ("ibm_perth", "ibm_torino")),
    ],
)
def test_the_text_is_legible(name: str) -> None:
    """No two pieces of text touch, and none leaves the figure."""
    figure = device_figure(load_profile(name))
    figure.draw_without_rendering()
    texts = [*figure.texts, *figure.axes[0].texts]
    for axes in figure.axes:
        legend = axes.get_legend()
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label]
        texts += [] if legend is None else legend.get_texts()
        low, high = sorted(axes.xaxis.get_view_interval())
        texts += [
            label
            for label in axes.xaxis.get_ticklabels()
            if axes.axison and label.get_visible() and low <= label.get_position()[0] <= high
        ]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    for position, (words, box) in enumerate(boxes):
        assert box.x0 >= 0, words
        assert box.y0 >= 0, words
        assert box.x1 <= figure.bbox.width, words
        assert box.y1 <= figure.bbox.height, words
        for others, other in boxes[position + 1 :]:
            assert not box.overlaps(other), (words, others)


def test_one_device_has_one_picture() -> None:
    manila = load_profile("ibmq_manila")
    assert figure_bytes(device_figure(manila)) == figure_bytes(device_figure(manila))
