"""Tables of results, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmoe_qiskit import runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.table import Table


# Names of metrics in tables, and units of their values.
_METRICS = {
    "accuracy": ("accuracy", ""),
    "train_accuracy": ("accuracy on training rows", ""),
    "r2": ("R2", ""),
    "train_r2": ("R2 on training rows", ""),
    "rmse": ("root mean square error", "target"),
    "mae": ("mean absolute error", "target"),
    "cross_entropy": ("cross entropy", "nat"),
    "load_entropy": ("entropy of the load", "nat"),
    "load_variation": ("variation of the load (CV)", ""),
    "dead_experts": ("experts without rows", ""),
    "expert_load": ("load of expert", ""),
    "routing_entropy": ("entropy of routing weights", "nat"),
    "routing_flips": ("rows routed otherwise than exactly", ""),
    "accuracy_from_shots": ("accuracy, from shots of the surrogate", ""),
    "router_std_error": ("standard error of circuit outputs", ""),
    "rows_outside_range": ("rows outside training range", ""),
    "n_parameters_router": ("parameters of the router", ""),
    "n_parameters_experts": ("parameters of the experts", ""),
    "training_seconds": ("time of training", "s"),
}


def comparison_table(run: runs.OpenedRun) -> Table:
    """Return a table that compares the models of a run."""
    from qmoe_qiskit.runs.metrics import MAIN_METRIC

    is_regression = run.task == "regression"
    numbers = (
        "router\nparameters",
        "held-out\nR2" if is_regression else "held-out\naccuracy",
        "95 %\ninterval" if is_regression else "95 % Wilson\ninterval",
        "training\nseconds",
    )
    table = open_table("router", numbers=numbers)
    for record in (run, *run.controls()):
        metrics = record.metrics
        main = metrics[MAIN_METRIC[run.task]]
        suffix = "" if record.manifest.role == "model" else " (control)"
        table.add_row(
            record.router + suffix,
            f"{metrics['n_parameters_router'].value}",
            f"{main.number:.3f}",
            interval_of(main),
            f"{metrics['training_seconds'].number:.1f}",
        )
    return table


def metrics_table(metrics: Mapping[str, runs.Metric]) -> Table:
    """Return a table of metrics, one per row; a metric of every expert takes a row per expert."""
    table = open_table("metric", numbers=("value", "95 % interval"))
    table.add_column("unit")
    for name, metric in metrics.items():
        label, unit = _METRICS.get(name, (name, ""))
        values = metric.value if isinstance(metric.value, list) else [metric.value]
        for index, (value, interval) in enumerate(zip(values, _interval(metric), strict=True)):
            numbered = f"{label} {index}" if isinstance(metric.value, list) else label
            table.add_row(
                numbered, f"{value}" if isinstance(value, int) else f"{value:.3f}", interval, unit
            )
    return table


def metric_cells(metrics: Mapping[str, runs.Metric]) -> dict[str, str]:
    """Return every number of some metrics, with its interval below, by its label with the unit."""
    cells = {}
    for name, metric in metrics.items():
        label, unit = _METRICS.get(name, (name, ""))
        values = metric.value if isinstance(metric.value, list) else [metric.value]
        for index, (value, interval) in enumerate(zip(values, _interval(metric), strict=True)):
            numbered = f"{label} {index}" if isinstance(metric.value, list) else label
            shown = f"{value}" if isinstance(value, int) else f"{value:.3f}"
            cells[f"{numbered} ({unit})" if unit else numbered] = f"{shown}\n{interval}".rstrip()
    return cells


def open_table(*texts: str, numbers: Iterable[str] = (), no_wrap: bool = False) -> Table:
    """Return a table in the common style with columns of texts, and then of numbers.

    Args:
        *texts: Headings of texts.
        numbers: Headings of numbers, which are aligned on the right.
        no_wrap: Whether the texts stay on one line: users search for them and type them.
    """
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False, header_style="")
    for heading in texts:
        table.add_column(heading, no_wrap=no_wrap)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def facts_table(facts: Mapping[str, str]) -> Table:
    """Return a table of named facts, without borders."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for name, text in facts.items():
        grid.add_row(name, text)
    return grid


def number(value: float | None, unit: float, form: str) -> str:
    """Return a number times a factor as text; None becomes an empty text."""
    return "" if value is None else format(unit * value, form)


def interval_of(metric: runs.Metric) -> str:
    """Return the interval of a metric that is a single number as text."""
    return _interval(metric)[0]


def _interval(metric: runs.Metric) -> list[str]:
    """Return the interval of each of a metric's values as text."""
    interval = metric.uncertainty
    if interval is None:
        return [""] * (len(metric.value) if isinstance(metric.value, list) else 1)
    lows = interval.low if isinstance(interval.low, list) else [interval.low]
    highs = interval.high if isinstance(interval.high, list) else [interval.high]
    return [f"{low:.3f} to {high:.3f}" for low, high in zip(lows, highs, strict=True)]
