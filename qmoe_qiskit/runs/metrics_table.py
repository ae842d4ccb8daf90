"""Metrics as an HTML table, which notebooks show."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qmoe_qiskit.runs.metrics import Metric


def metrics_html(caption: str, metrics: Mapping[str, Metric]) -> str:
    """Return a table of metrics with their intervals; every value tells what produced it.

    Args:
        caption: Line above the table.
        metrics: Metrics by name.
    """
    rows = "".join(_row(name, metric) for name, metric in metrics.items())
    heads = "".join(f"<th>{name}</th>" for name in ("metric", "value", "95 % interval"))
    return (
        f'<table><caption style="text-align: left">{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(name: str, metric: Metric) -> str:
    values, interval = metric.value, metric.uncertainty
    between = "" if interval is None else f"{_shown(interval.low)} to {_shown(interval.high)}"
    cells = "".join(f"<td>{text}</td>" for text in (_shown(values), between))
    label = escape(name.replace("_", " "))
    return f'<tr title="{escape(metric.produced_by)}"><td>{label}</td>{cells}</tr>'


def _shown(value: float | list[float]) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return str(value) if isinstance(value, int) else f"{value:.3f}"
