"""A callback that records how many rows each expert serves, for loggers and `history_`."""

from collections.abc import Mapping
from typing import Any

from skorch.callbacks import Callback

from qmoe_qiskit.moe import RoutingStatistics


class RoutingLoad(Callback):  # type: ignore[misc]  # skorch is untyped
    """Records expert_load_0, expert_load_1, ... for every epoch.

    The load of an expert is the share of the training rows on which its weight was the largest, or
    with `top_k` its share of all choices, as the rows were trained on; nothing is evaluated again.
    Put it before callbacks that send the numbers of an epoch elsewhere, such as skorch's
    TensorBoard, WandbLogger and MlflowLogger.

    Args:
        summary: Whether to record load_entropy (nat), load_variation (standard deviation over mean
            of the loads), dead_experts (experts that no row chose) and dropped_choices (the share
            of the choices for which an expert had no room) as well. A training with `top_k`
            records all of these by itself.

    >>> from qmoe_qiskit.data import load_dataset
    >>> from qmoe_qiskit.train import QMoEClassifier, RoutingLoad
    >>> moons = load_dataset("moons", n_samples=60)
    >>> model = QMoEClassifier("linear", max_epochs=1, callbacks=[RoutingLoad()], random_state=0)
    >>> sorted(model.fit(moons.features_NF, moons.labels_N).history_[0])
    ['epoch', 'expert_load_0', 'expert_load_1', 'train_loss']
    """

    def __init__(self, *, summary: bool = False) -> None:
        self.summary = summary

    def on_epoch_begin(self, net: Any, **_kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Begin to count."""
        self._statistics: RoutingStatistics | None = None

    def on_batch_end(self, net: Any, *, training: bool = False, **_kwargs: Any) -> None:  # noqa: ANN401
        """Count the rows of a training batch."""
        if training:
            batch = RoutingStatistics.of(net.routing)
            self._statistics = batch if self._statistics is None else self._statistics + batch

    def on_epoch_end(self, net: Any, **_kwargs: Any) -> None:  # noqa: ANN401
        """Record the shares."""
        statistics = self._statistics
        assert statistics is not None
        for expert, load in enumerate(statistics.load_E):
            net.history.record(f"expert_load_{expert}", float(load))
        if self.summary:
            net.history.record("load_entropy", statistics.entropy)
            net.history.record("load_variation", statistics.variation)
            net.history.record("dead_experts", statistics.n_dead)
            net.history.record("dropped_choices", statistics.dropped)


def load_remark(entry: Mapping[str, float]) -> str:
    """Return what a progress line says of the load of an epoch, or nothing if it was not recorded.

    >>> load_remark({"epoch": 3.0, "dead_experts": 1.0, "load_variation": 0.4})
    'dead experts 1, load CV 0.40'
    """
    if "dead_experts" not in entry:
        return ""
    return f"dead experts {entry['dead_experts']:.0f}, load CV {entry['load_variation']:.2f}"
