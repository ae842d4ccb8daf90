"""How accurate is one shot per row? A router whose bit string chooses the expert, under noise.

    python scripts/one_shot_routing.py ibm_torino --seeds 20

Both models are trained exactly under the noise of the device, on Two Moons: one with sampled
routing, whose votes are then drawn, and one with weighted routing, the control. The settings of the
circuit were chosen on other points than those measured here.
"""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from typing import Any

import joblib
import numpy as np

from qmoe_qiskit.data import load_dataset, split_dataset
from qmoe_qiskit.errors import OutOfRangeWarning, QMoEError
from qmoe_qiskit.runs.votes.accuracy import expected_hits
from qmoe_qiskit.stats import mean_estimates
from qmoe_qiskit.train import QMoEClassifier

VOTES = (1, 3, 9, 27)
SETTINGS: dict[str, Any] = {
    "readout": "probabilities",
    "reuploads": 4,
    "n_layers": 2,
    "entanglement": "linear",
    "feature_range": (0.0, 2 * math.pi),
    "max_epochs": 60,
    "verbose": False,
}


def main() -> None:
    """Read the arguments, train, and say how accuracy grows with votes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("device", nargs="?", default="ibm_torino")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=SETTINGS["max_epochs"])
    arguments = parser.parse_args()
    settings = {**SETTINGS, "max_epochs": arguments.epochs}
    backend = f"noisy:{arguments.device}"
    # One row a seed: the numbers of votes, the whole mixture, the control.
    measure = joblib.delayed(measured)
    of_seeds = (measure(s, {**settings, "backend": backend}) for s in range(arguments.seeds))
    accuracies_SK = np.array(joblib.Parallel(n_jobs=arguments.workers)(of_seeds))
    exact_S, control_S = accuracies_SK[:, -2], accuracies_SK[:, -1]
    print(f"{backend}, held-out accuracy on Two Moons, {arguments.seeds} seeds, 95 % intervals")
    print(f"{'':>18}  {'accuracy':24}  {'minus exact':26}  minus weighted")
    names = [*(f"{n} vote{'s' * (n > 1)}" for n in VOTES), "exact router", "weighted routing"]
    for k, name in enumerate(names):
        accuracy_S = accuracies_SK[:, k]
        columns_S3 = np.stack([accuracy_S, accuracy_S - exact_S, accuracy_S - control_S], axis=1)
        one, *others = mean_estimates(columns_S3)
        cells = [f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"]
        cells += [f"{e.value:+.3f} ({e.low:+.3f} to {e.high:+.3f})" for e in others]
        print(f"{name:>18}  {cells[0]:24}  {cells[1]:26}  {cells[2]}")


def measured(seed: int, settings: dict[str, Any]) -> list[float]:
    """Return held-out accuracies by the number of votes, of the mixture, and of the control."""
    warnings.simplefilter("ignore", OutOfRangeWarning)  # held-out rows may lie outside
    moons = load_dataset("moons", n_samples=500, seed=seed)
    split = split_dataset(moons, test_fraction=0.25, seed=seed)
    train, test = split.train, split.test
    sampled, control = (
        QMoEClassifier(routing=routing, random_state=seed, **settings).fit(
            train.features_NF, train.labels_N
        )
        for routing in ("sampled", "weighted")
    )
    whole = sampled.whole_mixture()
    weights_NE = whole.routing_weights(test.features_NF)
    codes_N = np.searchsorted(whole.classes_, test.labels_N)
    return [
        *(
            float(
                expected_hits(whole, test.features_NF, codes_N, weights_NE, n_votes=n_votes).mean()
            )
            for n_votes in VOTES
        ),
        whole.score(test.features_NF, test.labels_N),
        control.score(test.features_NF, test.labels_N),
    ]


if __name__ == "__main__":
    try:
        main()
    except QMoEError as error:
        sys.exit(f"error: {error}")
