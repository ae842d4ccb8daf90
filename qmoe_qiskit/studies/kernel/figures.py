"""Figures of the study of kernels."""

import numpy as np

from qmoe_qiskit.stats import mean_estimate
from qmoe_qiskit.studies.kernel.results import BOX_NAMES, KERNELS, KernelResults
from qmoe_qiskit.studies.kernel.task import FLOOR
from qmoe_qiskit.studies.report.figures import curves, intervals, mean_curve
from qmoe_qiskit.studies.report.panels import panels
from qmoe_qiskit.studies.report.summary import Draw, FigureSpec
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.typing import FloatArray


def kernel_figures(found: KernelResults) -> tuple[FigureSpec, ...]:
    """Return all figures."""
    settings = found.settings
    n_rows = -(-len(settings.data) // 2)
    wide = len(settings.data) > 1
    aligned = {
        data: {found.label(kernel): found.kernel(data, kernel, "held_out") for kernel in KERNELS}
        for data in settings.data
    }
    accurate = {data: found.models(data) for data in settings.data}
    return (
        FigureSpec(
            name="alignment",
            caption="Alignment of the kernels with the labels of held-out rows; strokes are seeds.",
            draw=panels(
                {data: _dots(of_data, "alignment") for data, of_data in aligned.items()},
                columns=1,
                same="x",
            ),
            size=(7.0, 0.4 + 2.3 * len(settings.data)),
        ),
        FigureSpec(
            name="machines",
            caption="Held-out accuracy of mixtures and of machines; strokes are seeds.",
            draw=panels(
                {data: _dots(of_data, "accuracy") for data, of_data in accurate.items()},
                columns=1,
                same="x",
            ),
            size=(7.0, 0.4 + 2.6 * len(settings.data)),
        ),
        FigureSpec(
            name="spectrum",
            caption=(
                "Eigenvalues of the Gram matrices, as shares of their sum: those of a circuit end "
                "where its trigonometric functions do. A curve ends where a seed's share is below "
                f"{FLOOR:g}, which rounding may have made."
            ),
            draw=panels(
                {
                    data: curves(
                        [
                            mean_curve(found.label(kernel), range(1, logs_NK.shape[1] + 1), logs_NK)
                            for kernel in KERNELS
                            for logs_NK in [_logarithms(found.kernel(data, kernel, "spectrum"))]
                        ],
                        x_label="eigenvalue, the largest first",
                        y_label="log10 of its share",
                        reference=np.log10(FLOOR),
                        reference_label=f"{FLOOR:g}: smaller shares are not drawn",
                    )
                    for data in settings.data
                },
                same="y",
            ),
            size=(7.0 if wide else 5.5, 1.2 + 2.8 * n_rows),
        ),
        FigureSpec(
            name="dimension",
            caption="Effective dimension of the routers per parameter, by number of rows.",
            draw=panels(
                {
                    f"parameters from {BOX_NAMES[box]}": curves(
                        [
                            mean_curve(label(router), settings.sizes, found.dimensions(box, router))
                            for router in ("quantum", *settings.dimension_controls)
                        ],
                        x_label="rows",
                        y_label="effective dimension per parameter",
                        log_x=True,
                    )
                    for box in settings.boxes
                }
            ),
            size=(7.0 if len(settings.boxes) > 1 else 4.5, 3.6),
        ),
    )


def _logarithms(shares_NK: FloatArray) -> FloatArray:
    """Return logarithms of falling shares, up to the first one that a seed does not have."""
    return np.log10(shares_NK[:, (shares_NK > FLOOR).all(axis=0)])


def _dots(values: dict[str, FloatArray], name: str) -> Draw:
    """Draw the mean with its interval and the value of every seed, one line per name."""
    rows = {row: mean_estimate(values_N) for row, values_N in values.items()}
    seeds = {row: values_N.tolist() for row, values_N in values.items()}
    return intervals({"": rows}, label=name, seeds={"": seeds})
