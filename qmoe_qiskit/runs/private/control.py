"""The positive control: a model that has learned its rows by heart, on which the attack works."""

from __future__ import annotations

import numpy as np

from qmoe_qiskit.data import Split
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.runs.private.scores import member_scores
from qmoe_qiskit.stats.roc import roc_auc
from qmoe_qiskit.stats.types import Estimate

# Rows whose labels are random can only be learned by heart. Of ten labels, a model that has not
# seen a row guesses one right in ten times.
MOST_ROWS, FEWEST_ROWS, LABELS = 50, 10, 10
# The control has succeeded from here on.
SUCCESS = 0.8
_SETTINGS = {"n_experts": 2, "max_epochs": 400, "batch_size": 50, "learning_rate": 0.01}


def attack_control(split: Split, *, seed: int) -> Estimate:
    """Return the AUC of the attack on a control that is trained on rows of the same data.

    The control sees up to 50 of the training rows, with random labels; as many held-out rows, with
    random labels too, are those that it has not seen.

    Args:
        split: The rows.
        seed: Seed of rows, labels and training.

    Raises:
        InputError: If there are fewer than 10 rows of either kind.
    """
    from qmoe_qiskit.train import QMoEClassifier

    n_rows = min(MOST_ROWS, len(split.train.labels_N), len(split.test.labels_N))
    if n_rows < FEWEST_ROWS:
        raise InputError(
            f"an attack needs {FEWEST_ROWS} training and {FEWEST_ROWS} held-out rows for its "
            f"control, and the run has {len(split.train.labels_N)} and {len(split.test.labels_N)}"
        )
    rng = np.random.default_rng(seed)
    members_NF, others_NF = (
        rows.features_NF[rng.permutation(len(rows.labels_N))[:n_rows]]
        for rows in (split.train, split.test)
    )
    # The first labels are those of the classes, so that each occurs.
    member_labels_N = rng.permutation(np.arange(n_rows) % LABELS)
    other_labels_N = rng.integers(LABELS, size=n_rows)
    control = QMoEClassifier(
        "mlp:16", expert="mlp:64", n_qubits=members_NF.shape[1], verbose=False, random_state=seed
    ).set_params(**_SETTINGS)
    control.fit(members_NF, member_labels_N)
    return roc_auc(
        member_scores(control, members_NF, member_labels_N),
        member_scores(control, others_NF, other_labels_N),
    )
