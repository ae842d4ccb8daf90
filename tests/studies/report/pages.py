"""A report with texts that are hard to show, and a reader of its pages."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from qmoe_qiskit.stats.types import Breakdown, Estimate, Verdict
from qmoe_qiskit.studies.engine.folder import StudyRecord
from qmoe_qiskit.studies.report.figures import Curve, curves, intervals
from qmoe_qiskit.studies.report.summary import Column, FigureSpec, Summary, Table
from qmoe_qiskit.studies.report.task_list import ListedTask
from qmoe_qiskit.studies.report.write import write_report

NASTY = "<script>alert('1')</script> & \"quotes\" | pipe *star* _low_ `tick` [link](x) \\ $x$"

NUMBER = Estimate(value=0.98825, low=0.96309, high=0.99475, n=20)
NOT_REACHED = Breakdown(
    value=math.inf, low=0.15, high=math.inf, n=20, reached=0.31, first=0.0, last=0.2
)


def verdict(claim: str, outcome: Any = "supported") -> Verdict:
    return Verdict(
        claim=claim,
        outcome=outcome,
        difference=Estimate(value=0.0694, low=0.044, high=0.085, n=20),
        p_value=0.00024,
        p_against=1.0,
        better=14,
        equal=4,
        margin=0.005,
        n_claims=2,
    )


def summary(text: str = NASTY) -> Summary:
    columns = ("router", "size", "accuracy", "breaks", "works", text)
    table = Table(
        name="accuracy",
        title=f"Accuracy: {text}",
        columns=tuple(Column(name=name, unit="s" if name == "size" else "") for name in columns),
        rows=(
            (text, 24, NUMBER, NOT_REACHED, True, None),
            ("linear", 6, 0.5, None, False, "a | b"),
        ),
        note=text,
        source=text,
    )
    curve = Curve(name=text, levels=(0.0, 0.1), estimates=(NUMBER, NUMBER))
    return Summary(
        tables=(table,),
        verdicts=(verdict(text), verdict("Void", "undecided"), verdict("Wrong", "not supported")),
        figures=(
            FigureSpec(
                name="curve",
                caption=f"Curve: {text}",
                draw=curves([curve], x_label="noise", y_label="accuracy"),
                size=(4.0, 3.0),
            ),
            FigureSpec(
                name="routers",
                caption="Routers",
                draw=intervals({"": {text: NUMBER}}, label="accuracy"),
                size=(4.0, 2.0),
            ),
        ),
        remarks=(text, "Results are bimodal."),
    )


def write(folder: Path, found: Summary, text: str = NASTY) -> list[str]:
    folder.mkdir(parents=True)
    return write_report(
        folder,
        StudyRecord(
            schema_version=1,
            name="noise",
            title=f"At which noise? {text}",
            command=["qmoe", "study", "noise", "--out", text],
            settings={"levels": [0, 0.1], "profile": text, "mitigation": None},
            seeds=list(range(20)),
            versions={"torch": "2.13.0"},
        ),
        found,
        defaults={"levels": [0, 0.5]},
        hashes={"ibm_torino": "ab" * 32},
        tasks=[task(text, seed=seed) for seed in range(2)],
    )


def task(text: str, *, seed: int) -> ListedTask:
    settings = {"router": text, "seed": seed, "levels": [0, 0.1]}
    return ListedTask(file=f"tasks/{seed}.json", kind="train", settings=settings, seconds=0.25)


class Page(HTMLParser):
    """A page as tags with attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += "" if "style" in self.open else data

    def handle_entityref(self, name: str) -> None:
        raise AssertionError(name)  # convert_charrefs leaves none
