"""Table, verdicts and figure of the study of ablations."""

from collections.abc import Mapping, Sequence

import numpy as np

from qmoe_qiskit.stats import Claim, judge, mean_estimates
from qmoe_qiskit.stats.types import Estimate
from qmoe_qiskit.studies.ablation.settings import AblationSettings
from qmoe_qiskit.studies.engine.results import TaskResult
from qmoe_qiskit.studies.report.figures import intervals
from qmoe_qiskit.studies.report.summary import FigureSpec, Row, Summary, Table, table_of_rows
from qmoe_qiskit.studies.training.paired_results import (
    ACCURACY,
    INPUTS,
    RouterResults,
    ScaledRouter,
    accuracy_cells,
    router_results,
    size_cells,
    source_of,
)
from qmoe_qiskit.studies.training.routers import QUANTUM, label
from qmoe_qiskit.typing import FloatArray

# The claim of the study if the full router is more accurate than another router.
_CLAIMS = {
    "quantum:dephased": "interference is needed: coherence after the embedding helps",
    "quantum:no-entangler": "entanglement helps, with as many angles",
    "quantum:product": "more than product states from one rotation per qubit helps",
    "quantum:frozen": "training the circuit helps, beyond its adapter",
    "quantum:one-layer": "more than one layer helps",
}


def summary(
    settings: AblationSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Summarize the results of the study."""
    frame = router_results(seeds, results)
    leads_N = {
        router: frame.difference(_full(router), router, *ACCURACY)
        for router in frame.keys
        if router != _full(router)
    }
    leads = dict(zip(leads_N, mean_estimates(np.stack([*leads_N.values()], axis=1)), strict=True))
    default = "the quantum router is more accurate than "
    verdicts = judge(
        [
            Claim(
                text=", ".join(
                    (_CLAIMS.get(router.router, default + router.label), INPUTS[router.scaling])
                ),
                differences_N=lead_N,
                margin=settings.margin,
            )
            for router, lead_N in leads_N.items()
        ]
    )
    return Summary(
        tables=(_table(settings, frame, leads),),
        verdicts=tuple(verdicts),
        figures=(_picture(settings, leads, leads_N),),
        remarks=_remarks(settings),
    )


def _full(router: ScaledRouter) -> ScaledRouter:
    """Return the complete quantum router on the same inputs."""
    return ScaledRouter(scaling=router.scaling, router="quantum")


def _table(
    settings: AblationSettings, frame: RouterResults, leads: Mapping[ScaledRouter, Estimate]
) -> Table:
    rows: list[Row] = [
        {
            **size_cells(frame, router),
            **accuracy_cells(frame, router, mean, settings.threshold),
            "quantum, less this": leads.get(router),
        }
        for router, mean in zip(frame.keys, frame.means(frame.keys, *ACCURACY), strict=True)
    ]
    return table_of_rows(
        rows,
        name="accuracy",
        title="Held-out accuracy of the quantum router, and of what is left without one thing",
        note=(
            f"The quantum router has {settings.layers} layers. Parameters are those that are "
            "trained in the router. Differences are paired by seed: the same points, split and "
            "batches."
        ),
        source=source_of(frame),
    )


def _picture(
    settings: AblationSettings,
    leads: Mapping[ScaledRouter, Estimate],
    leads_N: Mapping[ScaledRouter, FloatArray],
) -> FigureSpec:
    n_seeds = len(next(iter(leads_N.values())))
    others = {
        INPUTS[scaling]: [router for router in leads_N if router.scaling == scaling]
        for scaling in settings.scalings
    }
    return FigureSpec(
        name="lead",
        caption=(
            "By how much the quantum router is more accurate on held-out points: means over "
            f"{n_seeds} paired seeds with 95 % intervals; faint strokes are seeds."
        ),
        draw=intervals(
            {inputs: {r.label: leads[r] for r in routers} for inputs, routers in others.items()},
            label="accuracy of the quantum router, less this router's",
            reference=0.0,
            seeds={
                inputs: {r.label: leads_N[r].tolist() for r in routers}
                for inputs, routers in others.items()
            },
        ),
        size=(7.0, 1.6 + 0.45 * len(settings.routers)),
    )


def _remarks(settings: AblationSettings) -> tuple[str, ...]:
    used = [name for name in QUANTUM if name in {"quantum", *settings.routers}]
    listed = "; ".join(f"{label(name)}: {QUANTUM[name]}" for name in used)
    dephased = (
        "Dephasing is complete: after the embedding every qubit is copied to one of its own that "
        "nothing touches again, so that its state is a probability distribution over basis states, "
        "and amplitudes that the features gave to different ones cannot interfere. What is left of "
        "a feature is its cosine, which tells all of [0, pi] apart, but not x from -x: compare the "
        "scalings."
    )
    return (f"Routers: {listed}.", *([dephased] if "quantum:dephased" in used else []))
