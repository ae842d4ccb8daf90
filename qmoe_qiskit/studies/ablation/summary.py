"""What the study of ablations found."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.stats import Claim, judge, median_estimate, success_rate
from qmoe_qiskit.studies.report.figures import intervals
from qmoe_qiskit.studies.report.summary import Column, FigureSpec, Summary, Table
from qmoe_qiskit.studies.training.paired_results import (
    INPUTS,
    Contender,
    Paired,
    accuracy,
    effective,
    paired,
    parameters,
    source_of,
)
from qmoe_qiskit.studies.training.routers import QUANTUM, label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qmoe_qiskit.studies.ablation.settings import AblationSettings
    from qmoe_qiskit.studies.engine.results import TaskResult

# What it says of the full router if it is more accurate than another.
_CLAIMS: Mapping[str, str] = MappingProxyType(
    {
        "quantum:dephased": "interference is needed: coherence behind the embedding helps",
        "quantum:no-entangler": "entanglement helps, with as many angles",
        "quantum:product": "more than product states from one rotation per qubit helps",
        "quantum:frozen": "training the circuit helps, beyond its adapter",
        "quantum:one-layer": "more than one layer helps",
    }
)


def summary(
    settings: AblationSettings, seeds: Sequence[int], results: Sequence[TaskResult]
) -> Summary:
    """Return table, verdicts and figures."""
    found = paired(results, seeds)
    full = {scaling: Contender(scaling=scaling, router="quantum") for scaling in settings.scalings}
    others = [contender for contender in found.results if contender not in full.values()]
    verdicts = judge(
        [
            Claim(
                text=f"{_claim(contender)}, {INPUTS[contender.scaling]}",
                differences_N=found.lead(full[contender.scaling], contender),
                margin=settings.margin,
            )
            for contender in others
        ]
    )
    return Summary(
        tables=(_table(settings, found, full, source_of(results, seeds)),),
        verdicts=tuple(verdicts),
        figures=_pictures(settings, found, full, others),
        remarks=_remarks(settings),
    )


def _claim(contender: Contender) -> str:
    default = f"the quantum router is more accurate than {contender.label}"
    return _CLAIMS.get(contender.router, default)


def _table(
    settings: AblationSettings, found: Paired, full: Mapping[str, Contender], source: str
) -> Table:
    contenders = list(found.results)
    means = found.means([found.values(contender, accuracy) for contender in contenders])
    leads = found.means([found.lead(full[c.scaling], c) for c in contenders])
    rows = []
    for contender, mean, lead in zip(contenders, means, leads, strict=True):
        accuracies_N = found.values(contender, accuracy)
        rows.append(
            (
                contender.scaling,
                contender.label,
                int(found.values(contender, parameters)[0]),
                float(np.median(found.values(contender, effective))),
                mean,
                median_estimate(accuracies_N),
                success_rate(accuracies_N, settings.threshold),
                None if contender in full.values() else lead,
            )
        )
    return Table(
        name="accuracy",
        title="Held-out accuracy of the quantum router, and of what is left without one thing",
        columns=(
            Column(name="inputs"),
            Column(name="router"),
            Column(name="parameters", digits=0),
            Column(name="effective parameters, median", digits=0),
            Column(name="mean accuracy"),
            Column(name="median accuracy"),
            Column(name=f"share of seeds with {settings.threshold:g} or more", digits=2),
            Column(name="quantum, less this"),
        ),
        rows=tuple(rows),
        note=(
            f"The quantum router has {settings.layers} layers. Parameters are those that are "
            "trained in the router. Differences are paired by seed: the same points, split and "
            "batches."
        ),
        source=source,
    )


def _pictures(
    settings: AblationSettings,
    found: Paired,
    full: Mapping[str, Contender],
    others: Sequence[Contender],
) -> tuple[FigureSpec, ...]:
    leads_N = {contender: found.lead(full[contender.scaling], contender) for contender in others}
    leads = dict(zip(others, found.means(list(leads_N.values())), strict=True))
    n_seeds = len(next(iter(leads_N.values())))
    return (
        FigureSpec(
            name="lead",
            caption=(
                "By how much the quantum router is more accurate on held-out points: means over "
                f"{n_seeds} paired seeds with 95 % intervals; faint strokes are seeds."
            ),
            draw=intervals(
                {
                    INPUTS[scaling]: {c.label: leads[c] for c in others if c.scaling == scaling}
                    for scaling in settings.scalings
                },
                label="accuracy of the quantum router, less this router's",
                reference=0.0,
                seeds={
                    INPUTS[scaling]: {
                        c.label: leads_N[c].tolist() for c in others if c.scaling == scaling
                    }
                    for scaling in settings.scalings
                },
            ),
            size=(7.0, 1.6 + 0.45 * len(settings.routers)),
        ),
    )


def _remarks(settings: AblationSettings) -> tuple[str, ...]:
    used = [name for name in QUANTUM if name in {"quantum", *settings.routers}]
    listed = "; ".join(f"{label(name)}: {QUANTUM[name]}" for name in used)
    dephased = (
        "Dephasing is complete: behind the embedding every qubit is copied to one of its own that "
        "nothing touches again, so that its state is a probability distribution over basis states, "
        "and amplitudes that the features gave to different ones cannot interfere. What is left of "
        "a feature is its cosine, which tells all of [0, pi] apart, but not x from -x: compare the "
        "scalings."
    )
    return (f"Routers: {listed}.", *([dephased] if "quantum:dephased" in used else []))
