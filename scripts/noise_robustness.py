"""How much noise does a trained router stand? A device's noise, amplified: a table and a figure.

    python scripts/noise_robustness.py my_device.json --scales 0 1 2 5 10 --seeds 10

The device is a stored profile (`qmoe profiles`) or a file of yours. Every seed has points, split
and weights of its own, and all routers of a seed are trained and tested on the same ones.
Interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from qmoe_qiskit.cli.output.study import StudyProgress
from qmoe_qiskit.errors import QMoEError
from qmoe_qiskit.figures.style import local_style, save_figure
from qmoe_qiskit.stats import breakdown_point, mean_estimates
from qmoe_qiskit.studies.engine.processes import processes
from qmoe_qiskit.studies.engine.runner import run_tasks
from qmoe_qiskit.studies.report.figures import Curve, curves
from qmoe_qiskit.studies.training.circuit_execution import CircuitExecution
from qmoe_qiskit.studies.training.train_task import TrainTask

CONTROL = "mlp:16"


def main() -> None:
    """Read the arguments, run the trainings, and say what they show."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("device", nargs="?", default="ibm_torino")
    parser.add_argument("--scales", type=float, nargs="+", default=[0, 1, 2, 5, 10])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("runs/robustness"))
    arguments = parser.parse_args()
    scales, seeds = tuple(sorted(set(arguments.scales))), range(arguments.seeds)

    settings = tuple(
        CircuitExecution(backend=f"noisy:{arguments.device}", gates=x, relaxation=x, readout=x)
        for x in scales
    )
    # A router that is trained without noise is measured on every setting.
    ideal = [TrainTask(seed=seed, settings=settings) for seed in seeds]
    noisy = [TrainTask(seed=s, train_on=x, settings=(x,)) for s in seeds for x in settings]
    control = [TrainTask(seed=seed, router=CONTROL) for seed in seeds]
    with StudyProgress("noise robustness") as shown:
        results = run_tasks([*ideal, *noisy, *control], arguments.out, processes, report=shown)
    # One row a seed, one column a factor; the control has no circuit, and one column.
    accuracies = [row["accuracy"] for found in results for row in found.result["settings"]]
    ideal_N, noisy_N, control_N = np.split(np.array(accuracies), [k := len(noisy), 2 * k])
    trained_NL = {
        "trained without noise": ideal_N.reshape(len(seeds), -1),
        "trained under it": noisy_N.reshape(len(seeds), -1),
    }

    print(f"noise of {arguments.device}, held-out accuracy, {len(seeds)} seeds, 95 % intervals")
    print("times  " + "  ".join(f"{name:24}" for name in trained_NL))
    lines = {name: mean_estimates(values_NL) for name, values_NL in trained_NL.items()}
    for scale, *row in zip(scales, *lines.values(), strict=True):
        cells = (f"{e.value:.3f} ({e.low:.3f} to {e.high:.3f})" for e in row)
        print(f"{scale:5g}  " + "  ".join(f"{cell:24}" for cell in cells))
    for name, values_NL in trained_NL.items():
        behind = breakdown_point(scales, values_NL - control_N[:, None])
        under = breakdown_point(scales, values_NL, threshold=0.9)
        print(f"{name}: falls behind {CONTROL}: {behind}; under .9: {under}")

    lines[f"{CONTROL}, no noise"] = mean_estimates(np.tile(control_N[:, None], len(scales)))
    draw = curves(
        [Curve(name=n, levels=scales, estimates=tuple(row)) for n, row in lines.items()],
        x_label=f"factor on the noise of {arguments.device}",
        y_label="held-out accuracy",
    )
    with local_style():
        figure = Figure(figsize=(7.0, 4.2), layout="constrained")
        draw(figure)
    save_figure(figure, arguments.out / "robustness.png")
    print(f"Figure: {arguments.out / 'robustness.png'}")


if __name__ == "__main__":
    try:
        main()
    except QMoEError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: what is done is kept, the same command goes on")
