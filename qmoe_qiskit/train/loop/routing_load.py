"""A callback that records how many rows each expert serves, for loggers and `history_`."""

from typing import Any

import numpy as np
from skorch.callbacks import Callback


class RoutingLoad(Callback):  # type: ignore[misc]  # skorch is untyped
    """Records expert_load_0, expert_load_1, ... for every epoch.

    The load of an expert is the share of the training rows on which its weight was the largest, as
    the rows were trained on; nothing is evaluated again. Put it before callbacks that send the
    numbers of an epoch elsewhere, such as skorch's TensorBoard, WandbLogger and MlflowLogger.

    >>> from qmoe_qiskit.data import load_dataset
    >>> from qmoe_qiskit.train import QMoEClassifier, RoutingLoad
    >>> moons = load_dataset("moons", n_samples=60)
    >>> model = QMoEClassifier("linear", max_epochs=1, callbacks=[RoutingLoad()], random_state=0)
    >>> sorted(model.fit(moons.features_NF, moons.labels_N).history_[0])
    ['epoch', 'expert_load_0', 'expert_load_1', 'train_loss']
    """

    def on_epoch_begin(self, net: Any, **_kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Begin to count."""
        self._counts_E: Any = 0

    def on_batch_end(self, net: Any, *, training: bool = False, **_kwargs: Any) -> None:  # noqa: ANN401
        """Count the rows of a training batch."""
        if training:
            weights_BE = net.routing.detach()
            best_B = weights_BE.argmax(dim=1).numpy()
            self._counts_E = self._counts_E + np.bincount(best_B, minlength=weights_BE.shape[1])

    def on_epoch_end(self, net: Any, **_kwargs: Any) -> None:  # noqa: ANN401
        """Record the shares."""
        for expert, count in enumerate(self._counts_E):
            net.history.record(f"expert_load_{expert}", float(count / self._counts_E.sum()))
