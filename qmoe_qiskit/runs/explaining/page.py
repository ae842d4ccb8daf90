"""The page of an explanation: sentences, figures and tables as one HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.figures.pages.html import embedded, environment
from qmoe_qiskit.figures.pages.routing_reasons import MOST_BARS
from qmoe_qiskit.figures.style import figure_bytes
from qmoe_qiskit.runs.explaining.linear_control import FOLDS
from qmoe_qiskit.runs.explaining.specialization import DRAWS
from qmoe_qiskit.stats.intervals import wilson_interval
from qmoe_qiskit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from qmoe_qiskit.runs.explaining.explanation import Explanation

HOW_MAPPED = (
    "The background is what the router does between the rows; with two experts it is a weight, "
    "with more experts the one with the largest weight, paler where that weight is smaller. With "
    "top-k, an expert that is not chosen has the weight 0."
)
HOW_SENSITIVE = (
    "Weight moves between experts: of two lists of weights, half the sum of the absolute "
    "differences, from 0 to 1. Left: exact derivatives, as weight that moves per training range of "
    "the feature, mean over the rows with 1.96 standard errors; where top-k chooses other experts, "
    "weight jumps, which derivatives do not see. Middle and right: the feature's "
    "values are permuted over the rows; error bars are standard deviations over {n} permutations. "
    "Features that depend on each other share their importance; a permutation makes rows that the "
    "data do not have."
)
HOW_SPECTRAL = (
    "The router's logits (with readout probabilities, its weights) are waves in the inputs of the "
    "circuit, found from its Fourier surrogate. Power is the mean square over a full period of "
    "every input, also where no data lie. “a · b” is a wave of both inputs together, “2 a” one of "
    "twice the frequency. PC1, PC2 ... are principal components, Z1, Z2 ... trained projections."
)
HOW_SPECIALIZED = (
    "A row belongs to the expert with the largest weight. The interval of the mutual information "
    "is from {draws} bootstrap samples of the rows, the p-value from {draws} permutations of the "
    "classes."
)
HOW_CONTROLLED = (
    "A linear softmax router is fitted to the experts that the model chooses, {folds} times, each "
    "time without a part of the rows, on which it is then compared. It sees every feature. Few "
    "rows are hard to learn from: a fit to all rows, compared on these, is the upper end of what a "
    "linear router can do. Agreement near that of always naming the most used expert says that the "
    "linear router learns nothing of this routing; agreement near 100 % says that no more than a "
    "linear router is needed to route like this."
)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page.

    Attributes:
        name: Name of the place on the page.
        title: Heading.
        text: Sentences that say what was found.
        figure: The figure, or None.
        alt: Text in place of the figure.
        how: Sentences that say how it was found.
        headings: Headings of the table; empty without one.
        rows: Rows of the table.
    """

    name: str
    title: str
    text: str
    figure: Figure | None = None
    alt: str = ""
    how: str = ""
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def page_html(explanation: Explanation) -> str:
    """Return the page of an explanation."""
    sections = [
        _map(explanation),
        _sensitivity(explanation),
        _spectrum(explanation),
        _specialization(explanation),
        _control(explanation),
    ]
    template = environment("qmoe_qiskit.runs.explaining").get_template("explanation.html.jinja")
    figures = {one.name: figure_bytes(one.figure) for one in sections if one.figure is not None}
    text = template.render(
        explanation=explanation,
        n_rows=len(explanation.weights_NE),
        sections=sections,
        images={name: embedded(png) for name, png in figures.items()},
        version=__version__,
    )
    return text + "\n"


def findings(explanation: Explanation) -> dict[str, str]:
    """Return what was found, a sentence for each section."""
    return {
        "map": _load(explanation),
        "sensitivity": _most_sensitive(explanation),
        "spectrum": _strongest(explanation),
        "specialization": _information(explanation),
        "control": _agreement(explanation),
    }


def _map(explanation: Explanation) -> Section:
    n_rows, n_experts = explanation.weights_NE.shape
    rows = []
    for expert in range(n_experts):
        count = round(explanation.load_E[expert] * n_rows)
        low, high = wilson_interval(count, n_rows)
        mean = explanation.weights_NE[:, expert].mean()
        share = f"{_percent(count / n_rows)} ({_percent(low)} to {_percent(high)})"
        rows.append((f"expert {expert}", str(count), share, f"{mean:.3f}"))
    return Section(
        name="map",
        title="Which inputs go to which expert",
        text=_load(explanation),
        figure=explanation.plot_routing_map(),
        alt="Expert of largest weight over the plane of the data",
        how=HOW_MAPPED,
        headings=("", "rows", "share (95 % Wilson interval)", "mean weight"),
        rows=rows,
    )


def _sensitivity(explanation: Explanation) -> Section:
    found = explanation.sensitivity
    names, order_F = explanation.rows.feature_names, found.order_F
    hidden = len(order_F) - MOST_BARS
    more = f" The figure shows the first {MOST_BARS}; the table has all." if hidden > 0 else ""
    return Section(
        name="sensitivity",
        title="Which features decide",
        text=_most_sensitive(explanation) + more,
        figure=explanation.plot_sensitivity(),
        alt="Sensitivity of the routing by feature",
        how=HOW_SENSITIVE.format(n=found.n_permutations),
        headings=("feature", "weight moved per range", "weight moved, permuted", "rows changed"),
        rows=[
            (
                str(names[f]),
                _with_error(found.slope_F[f], found.slope_error_F[f]),
                _with_error(found.moved_F[f], found.moved_error_F[f]),
                _with_error(100 * found.changed_F[f], 100 * found.changed_error_F[f], 1) + " %",
            )
            for f in order_F
        ],
    )


def _spectrum(explanation: Explanation) -> Section:
    return Section(
        name="spectrum",
        title="Fourier spectrum of the router",
        text=_strongest(explanation),
        figure=explanation.plot_spectrum(),
        alt="Power of the strongest waves of the router",
        how=HOW_SPECTRAL if explanation.spectrum is not None else "",
    )


def _specialization(explanation: Explanation) -> Section:
    return Section(
        name="specialization",
        title="Which expert serves which class",
        text=_information(explanation),
        figure=explanation.plot_specialization(),
        alt="Number of rows by expert and class",
        how=HOW_SPECIALIZED.format(draws=DRAWS),
    )


def _control(explanation: Explanation) -> Section:
    return Section(
        name="control",
        title="Would a linear router do the same?",
        text=_agreement(explanation),
        how=HOW_CONTROLLED.format(folds=FOLDS),
    )


def _load(explanation: Explanation) -> str:
    load_E = explanation.load_E
    most, unused = int(load_E.argmax()), np.flatnonzero(load_E == 0)
    text = f"Expert {most} serves most rows, {_percent(load_E[most])} of them."
    if len(unused):
        listed = ", ".join(map(str, unused))
        text += f" No row goes to {'experts' if len(unused) > 1 else 'expert'} {listed}."
    return text


def _most_sensitive(explanation: Explanation) -> str:
    found, names = explanation.sensitivity, explanation.rows.feature_names
    first = found.order_F[0]
    return (
        f"The routing depends most on {names[first]}: permuting it over the rows moves "
        f"{found.moved_F[first]:.3f} of the weight, and changes the expert of "
        f"{_percent(found.changed_F[first])} of the rows."
    )


def _strongest(explanation: Explanation) -> str:
    spectrum = explanation.spectrum
    if spectrum is None:
        return explanation.no_spectrum
    return (
        f"The strongest of {len(spectrum.shares_T)} waves is {spectrum.name(0)} with "
        f"{_percent(spectrum.shares_T[0])} of the power; waves of several inputs together, which "
        f"no sum of functions of one input has, hold {_percent(spectrum.joint_share)}."
    )


def _information(explanation: Explanation) -> str:
    found = explanation.specialization
    return (
        f"Expert and class share {found.information:.3f} bit of mutual information (95 % interval "
        f"{found.low:.3f} to {found.high:.3f}) of at most {found.class_entropy:.3f} bit, the "
        f"entropy of the classes; by chance it would be {found.by_chance:.3f} bit "
        f"(p = {found.p_value:.3f}). The experts' entropy is {found.expert_entropy:.3f} bit."
    )


def _agreement(explanation: Explanation) -> str:
    control = explanation.linear_control
    if control is None:
        return f"{2 * FOLDS} rows or more are needed to fit a linear router, so it is left out."
    return (
        f"A linear router that imitates this routing chooses the same expert on "
        f"{_percent(control.agreement)} of the rows that it was not fitted to (95 % interval "
        f"{_percent(control.low)} to {_percent(control.high)}), and on "
        f"{_percent(control.fitted)} of the rows if it is fitted to all of them; always naming the "
        f"most used expert reaches {_percent(control.most_used)}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _with_error(value: float, error: float, digits: int = 3) -> str:
    shown = f"{value:.{digits}f}"
    return shown if np.isnan(error) else f"{shown} ± {error:.{digits}f}"
