"""The figures of a fitted classifier as its methods; matplotlib is loaded with the first."""

from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from qmoe_qiskit.figures import ProbabilityModel, RoutingModel


class _Trained(Protocol):
    history_: list[dict[str, float]]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings."""


class LossPlot:
    """The plot of a training's losses; arguments as of `PlotMethods`."""

    def plot_loss(self: _Trained, *, ax: "Axes | None" = None) -> "Figure | Axes":
        """Draw the losses of training, and with early stopping of validation, by epoch."""
        from qmoe_qiskit.figures import plot_losses

        check_is_fitted(self)
        settings: dict[str, Any] = self.get_params(deep=False)
        router = settings["router"]
        name = router if isinstance(router, str) else "circuit"
        return plot_losses({name: self.history_}, ax=ax)


class PlotMethods(LossPlot):
    """The plots of a classifier.

    Each returns a figure of matplotlib, which a notebook shows, or, if axes are given as `ax`,
    draws into these and returns them. Pyplot is not used.
    """

    def plot_decision_boundary(
        self: "ProbabilityModel", X: ArrayLike, y: ArrayLike, *, ax: "Axes | None" = None
    ) -> "Figure | Axes":
        """Draw the predictions over the plane of rows X, (N, F), with labels y, (N,).

        Rows of more than two features are drawn in the plane of their first two principal
        components: the background is the slice of feature space through the rows' mean, and points
        are projected onto it. The figure says so. Of sampled routing it shows the whole mixture,
        without votes. See `qmoe_qiskit.figures.plot_decision_boundary`, which draws any classifier
        of scikit-learn.

        Raises:
            InputError: If the rows do not fit the model.
        """
        from qmoe_qiskit.figures import plot_decision_boundary

        check_is_fitted(self)
        shown = self.whole_mixture() if hasattr(self, "whole_mixture") else self
        return plot_decision_boundary(shown, X, y, ax=ax)

    def plot_routing_map(
        self: "RoutingModel", X: ArrayLike, y: ArrayLike, *, ax: "Axes | None" = None
    ) -> "Figure | Axes":
        """Draw the expert that serves each part of the plane; arguments as above.

        The title gives the share of the rows on which each expert has the largest weight.

        Raises:
            InputError: If the rows do not fit the model.
        """
        from qmoe_qiskit.figures import plot_routing_map

        check_is_fitted(self)
        return plot_routing_map(self, X, y, ax=ax)
