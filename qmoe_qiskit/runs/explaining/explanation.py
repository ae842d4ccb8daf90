"""An explanation of a router: numbers as arrays, with their figures and their page."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from qmoe_qiskit.data import Dataset
    from qmoe_qiskit.figures import RoutingModel
    from qmoe_qiskit.runs.explaining.linear_control import LinearControl
    from qmoe_qiskit.runs.explaining.sensitivity import Sensitivity
    from qmoe_qiskit.runs.explaining.specialization import Specialization
    from qmoe_qiskit.runs.explaining.spectrum import RouterSpectrum
    from qmoe_qiskit.typing import FloatArray

# Waves of a spectrum in a document; the others are in the arrays.
_MOST_WAVES = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """Which inputs a model's router sends to which expert, and why.

    Attributes:
        router: Description of the router and of where its circuit runs.
        sees: Sentence on what the router sees of the features.
        rows: The rows that were explained, with features in raw units; the labels are names of
            classes, or of quarters of a target that is a number.
        classes: Names of the classes.
        weights_NE: Routing weights of the rows.
        sensitivity: Dependence of the routing on each feature.
        spectrum: Fourier spectrum of the circuit's router; None where it is left out.
        no_spectrum: Sentence that says why the spectrum is left out; "" if it is not.
        specialization: Which expert serves which class.
        linear_control: How far a linear router does the same; None with fewer than ten rows.
        seed: Seed of permutations, bootstrap and folds.
        model: The model, which the routing map evaluates.
    """

    router: str
    sees: str
    rows: Dataset
    classes: tuple[str, ...]
    weights_NE: FloatArray = field(repr=False)
    sensitivity: Sensitivity = field(repr=False)
    spectrum: RouterSpectrum | None = field(repr=False)
    no_spectrum: str = field(repr=False)
    specialization: Specialization = field(repr=False)
    linear_control: LinearControl | None
    seed: int
    model: RoutingModel = field(repr=False)

    def __repr__(self) -> str:
        n_rows, n_experts = self.weights_NE.shape
        most = self.rows.feature_names[self.sensitivity.order_F[0]]
        return (
            f"<Explanation of {self.router}: {n_experts} experts on {n_rows} rows of "
            f"{self.rows.name}, most weight moves with {most!r}>"
        )

    @property
    def load_E(self) -> FloatArray:
        """Share of the rows on which each expert has the largest weight."""
        experts_N = self.weights_NE.argmax(axis=1)
        n_rows, n_experts = self.weights_NE.shape
        load_E: FloatArray = np.bincount(experts_N, minlength=n_experts) / n_rows
        return load_E

    def plot_routing_map(self) -> Figure:
        """Draw the expert of largest weight over two features, or two principal directions."""
        from qmoe_qiskit.figures.plots import plot_routing_of

        return cast("Figure", plot_routing_of(self.model, self.rows))

    def plot_sensitivity(self) -> Figure:
        """Draw slopes and permutation importance by feature; at most 20 features."""
        from qmoe_qiskit.figures.pages.routing_reasons import sensitivity_figure

        found, order_F = self.sensitivity, self.sensitivity.order_F
        panels = [
            ("weight moved, per range", found.slope_F, found.slope_error_F),
            ("weight moved, permuted", found.moved_F, found.moved_error_F),
            ("rows that change expert", found.changed_F, found.changed_error_F),
        ]
        return sensitivity_figure(
            [str(self.rows.feature_names[f]) for f in order_F],
            [(label, values_F[order_F], errors_F[order_F]) for label, values_F, errors_F in panels],
        )

    def plot_spectrum(self) -> Figure | None:
        """Draw the strongest waves of the router; None where the spectrum is left out."""
        from qmoe_qiskit.figures.pages.routing_reasons import spectrum_figure

        if self.spectrum is None:
            return None
        shares_T = self.spectrum.shares_T
        names = [self.spectrum.name(term) for term in range(min(len(shares_T), _MOST_WAVES))]
        return spectrum_figure(names, shares_T)

    def plot_specialization(self) -> Figure:
        """Draw the number of rows by expert and class."""
        from qmoe_qiskit.figures.pages.routing_reasons import specialization_figure

        target = str(self.rows.target_name)
        return specialization_figure(self.specialization.counts_EC, self.classes, target)

    def to_html(self) -> str:
        """Return one page with all numbers and figures, which a browser shows without network."""
        from qmoe_qiskit.runs.explaining.page import page_html

        return page_html(self)

    def document(self) -> dict[str, Any]:
        """Return the numbers in JSON types; a number that is not known is None."""
        found, spectrum, control = self.sensitivity, self.spectrum, self.linear_control
        by_feature = ("slope", "slope_error", "moved", "moved_error", "changed", "changed_error")
        document: dict[str, Any] = {
            "router": self.router,
            "router_sees": self.sees,
            "rows": {"name": self.rows.name, "count": len(self.weights_NE)},
            "seed": self.seed,
            "load": self.load_E.tolist(),
            "sensitivity": {
                "permutations": found.n_permutations,
                "features": [
                    {
                        "feature": str(name),
                        **{key: _number(getattr(found, f"{key}_F")[f]) for key in by_feature},
                        "slope_by_expert": found.slopes_EF[:, f].tolist(),
                    }
                    for f, name in enumerate(self.rows.feature_names)
                ],
            },
            "spectrum": None,
            "no_spectrum": self.no_spectrum or None,
            "specialization": {
                "classes": list(self.classes),
                **asdict(self.specialization),
                "counts_EC": self.specialization.counts_EC.tolist(),
            },
            "linear_control": None if control is None else asdict(control),
        }
        document["specialization"]["counts"] = document["specialization"].pop("counts_EC")
        if spectrum is not None:
            waves = range(min(len(spectrum.shares_T), _MOST_WAVES))
            document["spectrum"] = {
                "inputs": list(spectrum.names_K),
                "units": spectrum.units_K.tolist(),
                "n_waves": len(spectrum.shares_T),
                "joint_share": spectrum.joint_share,
                "input_shares": spectrum.input_shares_K.tolist(),
                "waves": [
                    {"orders": spectrum.orders_TK[t].tolist(), "share": float(spectrum.shares_T[t])}
                    for t in waves
                ],
            }
        return document


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
