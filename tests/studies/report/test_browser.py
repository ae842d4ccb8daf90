"""Reports of studies in a real browser: nothing runs off the page, everything loads, offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from studies.report.browser import NAMES, Browser, find_browser

from qmoe_qiskit.stats.types import Estimate, Verdict
from qmoe_qiskit.studies.engine.folder import StudyRecord
from qmoe_qiskit.studies.report.figures import intervals
from qmoe_qiskit.studies.report.summary import Column, FigureSpec, Summary, Table
from qmoe_qiskit.studies.report.write import write_index, write_report

PROGRAM = find_browser()
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason=f"no browser: none of {', '.join(NAMES)} is on the search path"
)

LONG = "a_name_without_any_place_to_break_" * 6
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert PROGRAM is not None
    with Browser(PROGRAM) as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report, and an index, with all that is wide: tables, names, figures, commands."""
    estimate = Estimate(value=0.98825, low=0.963, high=0.995, n=20)
    columns = tuple(Column(name=f"accuracy on device {i}") for i in range(12))
    verdict = Verdict(
        claim=f"A beats B: {LONG}",
        outcome="not supported",
        difference=estimate,
        p_value=1.0,
        p_against=0.001,
        better=1,
        equal=2,
        margin=0.01,
        n_claims=3,
    )
    draw = intervals({"": dict.fromkeys("abc", estimate)}, label="share")
    found = Summary(
        tables=(
            Table(
                name="wide",
                title=f"Wide: {LONG}",
                columns=(Column(name="router"), *columns),
                rows=tuple((f"{LONG} {i}", *[estimate] * 12) for i in range(3)),
                note=LONG,
                source=LONG,
            ),
            Table(
                name="grouped",
                title="Grouped",
                columns=(Column(name="inputs"), Column(name="router"), *columns),
                rows=tuple(
                    (inputs, router, *[estimate] * 12)
                    for inputs in ("paper", "centred")
                    for router in ("unentangled", "quantum (no entangler)")
                ),
            ),
        ),
        verdicts=(verdict,) * 2,
        figures=tuple(
            FigureSpec(name=f"figure_{i}", caption=LONG, draw=draw, size=(4.0 + 9 * i, 3.0))
            for i in range(2)
        ),
        remarks=(LONG,),
    )
    folder = tmp_path_factory.mktemp("browser")
    (folder / "study").mkdir()
    write_report(
        folder / "study",
        StudyRecord(
            schema_version=1,
            name="noise",
            title=f"At which noise? {LONG}",
            command=["qmoe", "study", LONG],
            settings={LONG: LONG},
            seeds=list(range(20)),
            versions={"torch": "2.13.0"},
        ),
        found,
        hashes={"profile": "ab" * 32},
    )
    write_index(folder / "index.html", [(folder / "study", LONG, f"Noise {LONG}", found)])
    return {"report": folder / "study" / "report.html", "index": folder / "index.html"}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["report", "index"])
def test_a_page_fits_its_window(
    name: str, width: int, browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages[name], width=width)
    assert browser.evaluate("window.innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    # What is wider than the window scrolls in a box of its own, which the keyboard reaches.
    outside = browser.evaluate(
        "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > "
        "window.innerWidth + 0.5 && !e.closest('.scroll[tabindex]')).map(e => e.outerHTML)"
    )
    assert outside == []
    if name == "report":
        scrolls = (
            "[...document.querySelectorAll('.scroll')].some(e => e.scrollWidth > e.clientWidth)"
        )
        assert browser.evaluate(scrolls) is True


@pytest.mark.parametrize("width", WIDTHS)
def test_names_of_rows_stay_in_sight_and_whole(
    width: int, browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["report"], width=width)
    name, group = browser.evaluate(
        "(() => { const box = [...document.querySelectorAll('.scroll')].find(e =>"
        "e.querySelector('th[scope=rowgroup]')); box.scrollLeft = 1e6;"
        "return ['th[scope=row]', 'th[scope=rowgroup] span'].map(s => {"
        "const e = box.querySelector(s), range = document.createRange();"
        "range.selectNodeContents(e); const r = range.getBoundingClientRect();"
        "return [e.textContent, range.getClientRects().length, r.left, r.right]; }) })()"
    )
    for text, (shown, lines, left, right) in (("unentangled", name), ("inputs: paper", group)):
        assert shown == text
        assert lines == 1
        assert 0 <= left < right <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_all_figures_have_loaded_without_scripts_or_network(
    width: int, browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["report"], width=width)
    images = browser.evaluate(
        "[...document.images].map(i => [i.complete, i.naturalWidth, i.naturalHeight, i.width])"
    )
    assert [image[:3] for image in images] == [[True, 600, 450], [True, 1950, 450]]
    # At least some legible width, and never blown up.
    assert all(300 <= shown <= natural for _, natural, _, shown in images)


def test_the_dark_page_is_dark_and_its_text_legible(
    browser: Browser, pages: dict[str, Path]
) -> None:
    contrast = {}
    for dark in (False, True):
        browser.open(pages["report"], width=800, dark=dark)
        background, *inks = browser.evaluate(
            "[getComputedStyle(document.body).backgroundColor, ..."
            "['body', '.faint', 'a', '.detail', 'thead th', 'dt', 'figcaption'].map("
            "s => getComputedStyle(document.querySelector(s)).color)]"
        )
        assert (luminance(background) < 0.2) == dark
        contrast[dark] = min(ratio(background, ink) for ink in inks)
        for badge, ink in browser.evaluate(
            "[...document.querySelectorAll('.badge')].map(e => [getComputedStyle(e)"
            ".backgroundColor, getComputedStyle(e).color])"
        ):
            assert ratio(badge, ink) >= 4.5
    # WCAG 2.2, success criterion 1.4.3.
    assert min(contrast.values()) >= 4.5


def luminance(colour: str) -> float:
    """Relative luminance of "rgb(r, g, b)", as WCAG 2.2 defines it."""
    parts = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: str, other: str) -> float:
    """Contrast of two colours."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)
