"""Tables of results, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from qmoe_qiskit.runs import Metric, OpenedRun

# Names of metrics in tables, and units of their values.
_METRICS = {
    "accuracy": ("accuracy", ""),
    "train_accuracy": ("accuracy on training rows", ""),
    "cross_entropy": ("cross entropy", "nat"),
    "expert_load": ("load of expert", ""),
    "routing_entropy": ("entropy of routing weights", "nat"),
    "routing_flips": ("rows routed otherwise than exactly", ""),
    "router_std_error": ("standard error of circuit outputs", ""),
    "rows_outside_range": ("rows outside training range", ""),
    "n_parameters_router": ("parameters of the router", ""),
    "n_parameters_experts": ("parameters of the experts", ""),
    "training_seconds": ("time of training", "s"),
}


def comparison_table(run: OpenedRun) -> Table:
    """Return a table that compares the models of a run."""
    table = open_table()
    table.add_column("router")
    table.add_column("router\nparameters", justify="right")
    table.add_column("held-out\naccuracy", justify="right")
    table.add_column("95 % Wilson\ninterval", justify="right")
    table.add_column("training\nseconds", justify="right")
    for record in (run, run.control()):
        if record is None:
            continue
        metrics = record.metrics
        suffix = "" if record.manifest.role == "model" else " (control)"
        table.add_row(
            record.router + suffix,
            f"{metrics['n_parameters_router'].value}",
            f"{metrics['accuracy'].number:.3f}",
            interval_of(metrics["accuracy"]),
            f"{metrics['training_seconds'].number:.1f}",
        )
    return table


def metrics_table(metrics: Mapping[str, Metric]) -> Table:
    """Return a table of metrics, one per row; a metric of every expert takes a row per expert."""
    table = open_table()
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("unit")
    for name, metric in metrics.items():
        label, unit = _METRICS.get(name, (name, ""))
        values = metric.value if isinstance(metric.value, list) else [metric.value]
        for index, (value, interval) in enumerate(zip(values, _interval(metric), strict=True)):
            numbered = f"{label} {index}" if isinstance(metric.value, list) else label
            table.add_row(numbered, _shown(value), interval, unit)
    return table


def open_table() -> Table:
    """Return an empty table in the common style."""
    from rich.box import SIMPLE
    from rich.table import Table

    return Table(box=SIMPLE, pad_edge=False, header_style="")


def number(value: float | None, unit: float, form: str) -> str:
    """Return a number times a factor as text; None becomes an empty text."""
    return "" if value is None else format(unit * value, form)


def _shown(value: float) -> str:
    return f"{value}" if isinstance(value, int) else f"{value:.3f}"


def interval_of(metric: Metric) -> str:
    """Return the interval of a metric that is a single number as text."""
    return _interval(metric)[0]


def _interval(metric: Metric) -> list[str]:
    """Return the interval of each of a metric's values as text."""
    interval = metric.uncertainty
    if interval is None:
        return [""] * (len(metric.value) if isinstance(metric.value, list) else 1)
    lows = interval.low if isinstance(interval.low, list) else [interval.low]
    highs = interval.high if isinstance(interval.high, list) else [interval.high]
    return [f"{low:.3f} to {high:.3f}" for low, high in zip(lows, highs, strict=True)]
