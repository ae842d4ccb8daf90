"""Tables of the study of kernels."""

from __future__ import annotations

import numpy as np

from qmoe_qiskit.stats import mean_estimate, mean_estimates, median_estimate, success_rate
from qmoe_qiskit.studies.kernel.results import BOX_NAMES, KERNELS, KernelResults
from qmoe_qiskit.studies.report.summary import Column, Table
from qmoe_qiskit.studies.training.routers import label


def kernels_table(found: KernelResults, source: str) -> Table:
    """Return the table of the kernels: alignments and ranks."""
    cases = [(data, kernel) for data in found.settings.data for kernel in KERNELS]
    reads = ("held_out", "alignment", "rank", "participation")
    values_NK = np.stack([found.kernel(*case, read) for case in cases for read in reads], axis=1)
    estimates = mean_estimates(values_NK)
    return Table(
        name="kernels",
        title="Kernels of the quantum router and others: alignment with the labels, and rank",
        columns=(
            Column(name="Data"),
            Column(name="Kernel"),
            Column(name="Alignment, held out"),
            Column(name="Alignment, training rows"),
            Column(name="Rank of the Gram matrix", digits=1),
            Column(name="Largest possible rank"),
            Column(name="Participation ratio of its eigenvalues", digits=1),
        ),
        rows=tuple(
            (data, found.label(kernel), held_out, trained, rank, most, ratio)
            for index, (data, kernel) in enumerate(cases)
            for held_out, trained, rank, ratio in [estimates[4 * index :][:4]]
            for most in [found.largest_rank(data, kernel)]
        ),
        note=(
            "Means over seeds with 95 % intervals. Alignment: cosine of the centred Gram matrix "
            "and that of the labels; tuned parameters are those with the best alignment on "
            "training rows. Rank: eigenvalues above 1e-10 of the largest. Participation ratio: how "
            "many eigenvalues matter, 1 where one has everything. Tuned width: of multiples of the "
            "points."
        ),
        source=source,
    )


def machines_table(found: KernelResults, source: str) -> Table:
    """Return the table of the accuracies of support vector machines and mixtures."""
    settings = found.settings
    return Table(
        name="machines",
        title="Accuracy of support vector machines on these kernels, and of the mixtures",
        columns=(
            Column(name="Data"),
            Column(name="Model"),
            Column(name="Accuracy, held out"),
            Column(name="Median"),
            Column(name=f"Seeds of at least {settings.success:g}", digits=2),
        ),
        rows=tuple(
            (
                data,
                name,
                mean_estimate(values_N),
                median_estimate(values_N),
                success_rate(values_N, settings.success),
            )
            for data in settings.data
            for name, values_N in found.models(data).items()
        ),
        note=(
            "Over seeds, with 95 % intervals. Machines: cost of errors and the kernel's parameter "
            "by cross-validation on training rows. Mixtures: two linear experts behind the quantum "
            f"router, {settings.n_layers} layers behind each upload."
        ),
        source=source,
    )


def dimensions_table(found: KernelResults, source: str) -> Table:
    """Return the table of the effective dimensions."""
    settings = found.settings
    cases = settings.dimension_cases
    columns = [found.dimension(*case, size) for case in cases for size in settings.sizes]
    estimates = mean_estimates(np.stack(columns, axis=1))
    n_sizes = len(settings.sizes)
    return Table(
        name="dimensions",
        title=f"Effective dimension of routers per parameter, on {settings.data[0]}",
        columns=(
            Column(name="Parameters from"),
            Column(name="Router"),
            Column(name="Parameters"),
            Column(name="Rank of the Fisher information"),
            *(Column(name=f"At {size:,} rows") for size in settings.sizes),
        ),
        rows=tuple(
            (
                BOX_NAMES[box],
                label(router),
                *found.parameters(box, router),
                *estimates[n_sizes * index :][:n_sizes],
            )
            for index, (box, router) in enumerate(cases)
        ),
        note=(
            "Means over seeds with 95 % intervals; as defined by Abbas et al. (Nat. Comput. Sci. "
            f"1, 403, 2021), {settings.draws} draws of the parameters, Fisher information over "
            f"{settings.rows} training rows. Rank: the largest over draws and seeds."
        ),
        source=source,
    )
