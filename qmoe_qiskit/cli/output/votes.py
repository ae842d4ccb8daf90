"""Accuracy against the number of votes: the option, the table and the figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmoe_qiskit.cli.output.documents import console, write_file
from qmoe_qiskit.cli.output.tables import interval_of, open_table
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit import runs

VOTES = "votes.png"


def votes_from(text: str | None) -> tuple[int, ...]:
    """Read numbers of votes from an option; none if it is not given.

    Raises:
        InputError: If the text is no list of numbers of at least 1.
    """
    if text is None:
        return ()
    parts = [part for word in text.split(",") if (part := word.strip()) != "exact"]
    if not parts or not all(
        part.isascii() and part.isdigit() and int(part[:12]) > 0 for part in parts
    ):
        raise InputError(
            f"--votes must be numbers of votes of at least 1, such as 1,3,9,27; got {text!r}"
        )
    return tuple(int(part) for part in parts)


def shots_for_votes(
    folder: Path, counts: tuple[int, ...], shots: int | None, backend: str | None
) -> int | None:
    """Return the shots per row that a run needs for numbers of votes, which are some of them.

    Raises:
        InputError: If the run has no votes, or there are too few shots.
        RunError: If the run cannot be used.
    """
    from qmoe_qiskit import runs
    from qmoe_qiskit.runs.votes.accuracy import check_votes

    run = runs.read_run(folder)
    *_, most = check_votes(run, counts, shots)
    if shots is not None or not (backend or "").startswith("runtime:"):
        return shots
    return max(most, run.manifest.model["settings"].get("n_votes", 1) or 1)


def show_votes(votes: runs.AccuracyByVotes) -> None:
    """Print accuracies by the number of votes, and how many close the gap to the exact router."""
    table = open_table(
        "votes\nper row",
        numbers=("accuracy", "95 %\ninterval", "difference\nto exact", "95 %\ninterval"),
    )
    for each in votes.votes:
        table.add_row(
            str(each.n_votes),
            f"{each.accuracy.number:.3f}",
            interval_of(each.accuracy),
            f"{each.difference.number:+.3f}",
            interval_of(each.difference),
        )
    table.add_row("exact", f"{votes.exact.number:.3f}", interval_of(votes.exact), "", "")
    screen = console()
    screen.print(table)
    most = votes.votes[-1].n_votes
    screen.print(
        f"From {votes.closes_at} vote{'s' * (votes.closes_at > 1)} per row on, no difference to "
        "the exact router is shown."
        if votes.closes_at is not None
        else f"Up to {most} vote{'s' * (most > 1)} per row, the gap to the exact router stays open."
    )


def draw_votes(votes: runs.AccuracyByVotes, result: runs.Evaluation, folder: Path) -> Path:
    """Draw accuracies by the number of votes, and return the file."""
    from qmoe_qiskit.figures.evaluation.votes import accuracy_by_votes_figure
    from qmoe_qiskit.figures.style import figure_bytes

    place = "" if result.execution is None else f"{result.execution.backend}, "
    figure = accuracy_by_votes_figure(
        {each.n_votes: each.accuracy.number for each in votes.votes},
        {each.n_votes: _ends(each.accuracy) for each in votes.votes},
        exact=votes.exact.number,
        exact_interval=_ends(votes.exact),
        title=f"{place}{result.n_rows} rows",
    )
    write_file(folder / VOTES, figure_bytes(figure))
    return folder / VOTES


def _ends(metric: runs.Metric) -> tuple[float, float]:
    """Return the ends of an interval, of which one beyond 0 and 1 makes no sense."""
    interval = metric.uncertainty
    if interval is None:
        return metric.number, metric.number
    low, high = interval.low, interval.high
    assert not isinstance(low, list)
    assert not isinstance(high, list)
    return max(0.0, low), min(1.0, high)
