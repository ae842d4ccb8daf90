"""Tables of the study of kernels."""

from qmoe_qiskit.stats import mean_estimate, mean_estimates, median_estimate, success_rate
from qmoe_qiskit.studies.kernel.results import BOX_NAMES, KERNELS, KernelResults
from qmoe_qiskit.studies.report.summary import Row, Table, column, table_of_rows
from qmoe_qiskit.studies.training.routers import label


def kernels_table(found: KernelResults, source: str) -> Table:
    """Return the table of the kernels: alignments and ranks."""
    rows: list[Row] = [
        {
            "Data": data,
            "Kernel": found.label(kernel),
            "Alignment, held out": mean_estimate(found.kernel(data, kernel, "held_out")),
            "Alignment, training rows": mean_estimate(found.kernel(data, kernel, "alignment")),
            column("Rank of the Gram matrix", 1): mean_estimate(found.kernel(data, kernel, "rank")),
            "Largest possible rank": found.largest_rank(data, kernel),
            column("Participation ratio of its eigenvalues", 1): mean_estimate(
                found.kernel(data, kernel, "participation")
            ),
        }
        for data in found.settings.data
        for kernel in KERNELS
    ]
    return table_of_rows(
        rows,
        name="kernels",
        title="Kernels of the quantum router and others: alignment with the labels, and rank",
        note=(
            "Means over seeds with 95 % intervals. Alignment: cosine of the centred Gram matrix "
            "and that of the labels; tuned parameters are those with the best alignment on "
            "training rows. Rank: eigenvalues above 1e-10 of the largest. Participation ratio: how "
            "many eigenvalues matter, 1 where one has everything. Tuned width: the kernel of "
            "multiples of the points."
        ),
        source=source,
    )


def machines_table(found: KernelResults, source: str) -> Table:
    """Return the table of the accuracies of support vector machines and mixtures."""
    settings = found.settings
    rows: list[Row] = [
        {
            "Data": data,
            "Model": name,
            "Accuracy, held out": mean_estimate(values_N),
            "Median": median_estimate(values_N),
            column(f"Seeds of at least {settings.success:g}", 2): success_rate(
                values_N, settings.success
            ),
        }
        for data in settings.data
        for name, values_N in found.models(data).items()
    ]
    return table_of_rows(
        rows,
        name="machines",
        title="Accuracy of support vector machines on these kernels, and of the mixtures",
        note=(
            "Over seeds, with 95 % intervals. Machines: cost of errors and the kernel's parameter "
            "by cross-validation on training rows. Mixtures: two linear experts with the quantum "
            f"router, {settings.n_layers} layers after each upload."
        ),
        source=source,
    )


def dimensions_table(found: KernelResults, source: str) -> Table:
    """Return the table of the effective dimensions."""
    settings = found.settings
    headings = [f"At {size:,} rows" for size in settings.sizes]
    rows: list[Row] = []
    for box, router in settings.dimension_cases:
        n_parameters, rank = found.parameters(box, router)
        rows.append(
            {
                "Parameters from": BOX_NAMES[box],
                "Router": label(router),
                "Parameters": n_parameters,
                "Rank of the Fisher information": rank,
                **dict(zip(headings, mean_estimates(found.dimensions(box, router)), strict=True)),
            }
        )
    return table_of_rows(
        rows,
        name="dimensions",
        title=f"Effective dimension of routers per parameter, on {settings.data[0]}",
        note=(
            "Means over seeds with 95 % intervals; as defined by Abbas et al. (Nat. Comput. Sci. "
            f"1, 403, 2021), {settings.draws} draws of the parameters, Fisher information over "
            f"{settings.rows} training rows. Rank: the largest over draws and seeds."
        ),
        source=source,
    )
