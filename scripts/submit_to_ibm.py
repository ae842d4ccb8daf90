"""Run a trained router on IBM Quantum, within a budget, and compare it with the exact router.

    python scripts/submit_to_ibm.py runs/moons --backend runtime:ibm_fez --budget 60s

Safe to interrupt and to give again: what was sent is found, and nothing is paid for twice. Without
an account, try `--backend runtime:fake_torino`, or `make rehearse`.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from qmoe_qiskit import open_backend
from qmoe_qiskit.errors import QMoEError
from qmoe_qiskit.hardware.cost.budget import parse_seconds
from qmoe_qiskit.runs import load_run
from qmoe_qiskit.runs.evaluation import select_rows


def main() -> None:
    """Read the arguments, run, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="folder of a run, see qmoe train")
    parser.add_argument("--backend", default="runtime:least_busy")
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--shots", type=int, default=1024)
    parser.add_argument("--budget", default="60s", help="QPU time, such as 60s")
    arguments = parser.parse_args()

    backend = open_backend(
        arguments.backend,
        shots=arguments.shots,
        seed=0,
        options={"resilience_level": 1},
        budget_s=parse_seconds(arguments.budget),
    )
    exact = load_run(arguments.run, backend="statevector")
    on_device = load_run(arguments.run, backend=backend)
    rows = select_rows(exact, samples=arguments.samples).dataset

    # One circuit, one pub, one job: every row and every observable from the same shots.
    probabilities_NC, weights_NE = on_device.classifier.predict_routed(rows.features_NF)
    _, exact_weights_NE = exact.classifier.predict_routed(rows.features_NF)

    labels_N = on_device.classifier.classes_[probabilities_NC.argmax(axis=1)]
    flips_N = weights_NE.argmax(axis=1) != exact_weights_NE.argmax(axis=1)
    print(f"{arguments.backend}: accuracy {np.mean(labels_N == rows.labels_N):.3f}")
    print(f"rows that another expert serves than by the exact router: {flips_N.mean():.1%}")


if __name__ == "__main__":
    try:
        main()
    except QMoEError as error:
        sys.exit(f"error: {error}")
