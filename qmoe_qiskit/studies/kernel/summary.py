"""Tables, verdicts and figures of the study of kernels."""

from collections import Counter
from collections.abc import Sequence

from qmoe_qiskit.stats import judge
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.kernel.effective_dimension import DimensionTask
from qmoe_qiskit.studies.kernel.figures import kernel_figures
from qmoe_qiskit.studies.kernel.results import (
    KernelResults,
    alignment_claims,
    dimension_claims,
    machine_claims,
)
from qmoe_qiskit.studies.kernel.settings import KernelSettings
from qmoe_qiskit.studies.kernel.tables import dimensions_table, kernels_table, machines_table
from qmoe_qiskit.studies.kernel.task import KernelTask
from qmoe_qiskit.studies.report.summary import Summary
from qmoe_qiskit.studies.training.paired_results import counted

_REMARKS = (
    (
        "Gates after the last upload cancel in |<phi(x)|phi(y)>|^2. The kernel of the paper's "
        "router, which uploads once, is the product over the features of cos^2((x - y) / 2): no "
        "entangling gate and no training changes it, and a classical computer evaluates it at once."
    ),
    (
        "A circuit of n qubits that uploads F features L times has a Gram matrix of rank "
        "(2L + 1)^F or 4^n at most, whatever the number of rows and layers: its kernel is made of "
        "trigonometric polynomials of degree L in every feature. For Two Moons and one upload that "
        "is 9."
    ),
    (
        "A router's logits lie in the same space: of its parameters no more than (2L + 1)^F can "
        "make a difference between two experts, which the rank of its Fisher information shows."
    ),
    (
        "A mixture is no kernel machine: its experts are functions of the inputs as well, so that "
        "it can separate what no machine on its router's kernel can."
    ),
)


def summarize(
    settings: KernelSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Summarize the results of the study."""
    found = KernelResults(settings, seeds, results)
    n_tasks = Counter(result.task.kind for result in results)

    def source(kind: str) -> str:
        return f"{n_tasks[kind]} tasks ({kind}), {counted(len(seeds), 'seed')}"

    return Summary(
        tables=(
            kernels_table(found, source(KernelTask.kind)),
            machines_table(found, source(KernelTask.kind)),
            dimensions_table(found, source(DimensionTask.kind)),
        ),
        verdicts=tuple(
            judge([*alignment_claims(found), *machine_claims(found), *dimension_claims(found)])
        ),
        figures=kernel_figures(found),
        remarks=_REMARKS,
    )
