"""Reports of studies: complete, escaped, self-contained, and the same bytes each time."""

from __future__ import annotations

import base64
import csv
import io
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from studies.report.pages import NASTY, NUMBER, Page, summary, task, write

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.engine.folder import StudyRecord
from qmoe_qiskit.studies.report.settings_toml import settings_toml
from qmoe_qiskit.studies.report.summary import Column, FigureSpec, Summary, Table
from qmoe_qiskit.studies.report.task_list import ListedTask, kinds_of, tasks_csv
from qmoe_qiskit.studies.report.write import write_index, write_report


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "noise"
    files = write(path, summary())
    found = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    assert found == sorted(files)
    assert set(files) == {
        "report.html",
        "report.md",
        "tasks.csv",
        "tables/accuracy.csv",
        "figures/curve.png",
        "figures/routers.png",
    }
    return path


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_a_page_needs_nothing_from_anywhere(page: Page, folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert not page.open
    names = {tag for tag, _ in page.tags}
    assert names.isdisjoint({"script", "link", "iframe", "object", "base", "form"})
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/png;base64,", "#")), (tag, value)
        assert not [name for name in attributes if name.startswith("on")]
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in text.replace(NASTY, "")


def test_every_text_is_shown_as_it_is(page: Page) -> None:
    # Title and heading, claim, table's title (contents and heading), its column, row, note, source,
    # two remarks' one, caption, settings: wherever a name stands, it stands unharmed.
    assert page.text.count(NASTY) >= 10
    assert "None" not in page.text
    assert "nan" not in page.text


def test_figures_are_embedded_with_their_captions_as_text(page: Page, folder: Path) -> None:
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert [image["alt"] for image in images] == [f"Curve: {NASTY}", "Routers"]
    for image, name in zip(images, ("curve", "routers"), strict=True):
        content = base64.b64decode(str(image["src"]).partition("base64,")[2])
        assert content == (folder / "figures" / f"{name}.png").read_bytes()
        assert content.startswith(b"\x89PNG")
    assert (images[0]["width"], images[0]["height"]) == ("384", "288")  # 4 by 3 inches


def test_links_lead_to_what_is_there(page: Page) -> None:
    names = [a["id"] for _, a in page.tags if "id" in a]
    assert len(set(names)) == len(names)
    wanted = {str(a["href"])[1:] for tag, a in page.tags if tag == "a"}
    wanted |= {str(a["aria-labelledby"]) for _, a in page.tags if "aria-labelledby" in a}
    assert wanted <= set(names)


def test_a_page_says_verdicts_first_and_what_made_them(page: Page) -> None:
    text = " ".join(page.text.split())
    assert "1 supported, 1 not supported, 1 undecided." in text
    assert text.index("1 supported") < text.index("not reached up to 0.2") < text.index("bimodal")
    assert "difference +0.069, 95 % interval +0.044 to +0.085" in text
    assert "0.988 [0.963 to 0.995]" in text
    assert "not reached up to 0.2 [0.150 to > 0.2], reached in 31 % of resamples" in text
    assert "Values with 95 % intervals are from 20 seeds." in text
    assert "20 seeds: 0 to 19" in text
    assert "torch 2.13.0" in text
    assert "ab" * 32 in text
    assert "qmoe study noise --out " in text
    assert "levels = [0, 0.1] # by default [0, 0.5]" in text
    assert "# mitigation = null" in text
    # From a number to the results behind it: below the table, and in general.
    assert "Results behind it: tasks.csv, kind train. All digits: tables/accuracy.csv." in text
    assert "tasks.csv lists these files" in text
    assert "kind train 2 in tasks.csv" in text
    assert "size (s)" in text


def test_markdown_says_the_same(folder: Path, page: Page) -> None:
    html = MarkdownIt("commonmark").enable("table").render((folder / "report.md").read_text())
    shown = Page(html)
    assert shown.text.count(NASTY) >= 9
    assert {tag for tag, _ in shown.tags} <= {
        *("h1", "h2", "h3", "p", "code", "pre", "ul", "li", "strong", "img"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    images = [a for tag, a in shown.tags if tag == "img"]
    assert [image["src"] for image in images] == ["figures/curve.png", "figures/routers.png"]
    assert [image["alt"] for image in images][1] == "Routers"
    cells = [tag for tag, _ in shown.tags if tag in {"td", "th"}]
    assert len(cells) == 3 * 6
    for words in (
        *("0.988 [0.963 to 0.995]", "1 not supported", "20 seeds: 0 to 19", "ab" * 32),
        "Results behind it: tasks.csv, kind train. All digits: tables/accuracy.csv.",
        "levels = [0, 0.1]  # by default [0, 0.5]",
        "tasks.csv lists these files",
    ):
        assert words in shown.text
        assert " ".join(words.split()) in " ".join(page.text.split())


def test_csv_has_every_digit(folder: Path) -> None:
    text = (folder / "tables" / "accuracy.csv").read_text(encoding="utf-8")
    first, second = csv.DictReader(io.StringIO(text))
    assert first["router"] == NASTY
    assert float(first["accuracy"]) == NUMBER.value
    assert float(first["accuracy: low"]) == NUMBER.low
    assert first["accuracy: n"] == "20"
    assert float(first["breaks"]) == math.inf
    assert float(first["breaks: reached"]) == 0.31
    assert first["size (s)"] == "24"
    assert first[NASTY] == ""
    assert second["accuracy"] == "0.5"
    assert second["accuracy: low"] == second["breaks"] == second["breaks: n"] == ""
    assert second[NASTY] == "a | b"


def test_results_are_listed_with_their_settings(folder: Path) -> None:
    text = (folder / "tasks.csv").read_text(encoding="utf-8")
    first, second = csv.DictReader(io.StringIO(text))
    assert first["router"] == second["router"] == NASTY
    assert (first["file"], first["kind"], first["seed"]) == ("tasks/0.json", "train", "0")
    assert (second["seed"], second["levels"], second["time (s)"]) == ("1", "[0, 0.1]", "0.25")


def test_tasks_of_several_kinds_are_listed_together() -> None:
    more = ListedTask(file="a", kind="noise-shots", settings={"shots": None, "on": True}, seconds=9)
    assert tasks_csv([task("x", seed=0), more]).splitlines() == [
        "file,kind,router,seed,levels,shots,on,time (s)",
        'tasks/0.json,train,x,0,"[0, 0.1]",,,0.25',
        "a,noise-shots,,,,null,true,9",
    ]


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("64 trainings with 2 seeds", ("train", "noise-shots", "noise")),
        ("3 trainings (noise-shots)", ("noise-shots",)),
        ("1 training (train), 2 tasks of kind 'noise'", ("train", "noise")),
    ],
)
def test_a_table_is_from_the_kinds_that_its_source_names(
    source: str, kinds: tuple[str, ...]
) -> None:
    assert kinds_of(source, ["train", "noise-shots", "noise"]) == kinds


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.recursive(
            st.booleans()
            | st.integers(-(2**63), 2**63 - 1)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(st.characters(exclude_categories=["Cs"])),
            lambda inner: st.lists(inner) | st.dictionaries(st.text("ab. "), inner),
            max_leaves=5,
        ),
    )
)
@example({"a": "\x7f", "b": 1e-9, "c": {}, "\x7f": -0.0})
def test_settings_are_a_file_that_holds_the_same(settings: dict[str, Any]) -> None:
    assert tomllib.loads(settings_toml(settings, {})) == settings
    assert tomllib.loads(settings_toml(settings, {name: [NASTY] for name in settings})) == settings


def test_the_same_results_make_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    for path in write(again, summary()):
        assert (again / path).read_bytes() == (folder / path).read_bytes(), path


def test_a_report_that_is_there_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "noise", summary("first"), "first")
    before = (tmp_path / "noise" / "report.html").read_bytes()
    write_report(
        tmp_path / "noise",
        StudyRecord(
            schema_version=1,
            name="noise",
            title="Second",
            command=["qmoe", "study", "noise"],
            settings={},
            seeds=[3],
            versions={},
        ),
        Summary(tables=()),
    )
    after = Page((tmp_path / "noise" / "report.html").read_text(encoding="utf-8"))
    assert "This study tests no claim." in after.text
    assert "seed 3" in after.text
    assert before not in after.text.encode()
    assert not list(tmp_path.rglob("*.part"))


def test_a_figure_may_be_one_that_exists(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    whole = Figure(figsize=(2.0, 1.0))
    found = Summary(tables=(), figures=(FigureSpec(name="a", caption="A", draw=lambda _: whole),))
    write(tmp_path / "noise", found)
    page = Page((tmp_path / "noise" / "report.html").read_text(encoding="utf-8"))
    assert [a["width"] for tag, a in page.tags if tag == "img"] == ["192"]


@pytest.mark.parametrize("names", [("a", "a"), ("A b",), ("../a",), ("",)])
def test_names_that_are_no_file_names_are_defects(names: tuple[str, ...], tmp_path: Path) -> None:
    tables = tuple(Table(name=name, title="", columns=(), rows=()) for name in names)
    with pytest.raises(AssertionError):
        write(tmp_path / "noise", Summary(tables=tables))
    assert not list((tmp_path / "noise").iterdir())


def test_an_index_links_to_the_reports_below_it(tmp_path: Path) -> None:
    folders = [tmp_path / "noise", tmp_path / "a & b" / "über #1"]
    for path in folders:
        write(path, summary())
    index = tmp_path / "index.html"
    studies = [(path, "noise", f"Title {NASTY}", summary()) for path in folders]
    write_index(index, studies)
    page = Page(index.read_text(encoding="utf-8"))
    links = [a["href"] for tag, a in page.tags if tag == "a"]
    assert links == ["noise/report.html", "a%20%26%20b/%C3%BCber%20%231/report.html"]
    assert page.text.count(f"Title {NASTY}") == 2
    assert page.text.count("1 supported, 1 not supported, 1 undecided") == 2
    before = index.read_bytes()
    write_index(index, studies)  # one made here is replaced
    assert index.read_bytes() == before


def test_an_index_replaces_nothing_of_others(tmp_path: Path) -> None:
    mine = tmp_path / "index.html"
    mine.write_text("<p>mine</p>")
    for path in (mine, tmp_path):
        with pytest.raises(InputError, match="no index of reports"):
            write_index(path, [])
    assert mine.read_text() == "<p>mine</p>"
    with pytest.raises(InputError, match=r"cannot be written \(No such file or directory\)"):
        write_index(tmp_path / "missing" / "index.html", [])


def test_a_page_shows_groups_of_rows_and_aligns_columns(tmp_path: Path) -> None:
    columns = tuple(Column(name=name) for name in ("inputs", "router", "size"))
    rows = (("paper", "a", 12), ("paper", "b", "not reached"))
    table = Table(name="a", title="", columns=columns, rows=rows)
    write(tmp_path / "noise", Summary(tables=(table,)))
    text = (tmp_path / "noise" / "report.html").read_text(encoding="utf-8")
    head, body = text.partition("<table>")[2].partition("</table>")[0].split("</thead>")
    assert "inputs" not in head
    assert 'scope="rowgroup" colspan="2"><span>inputs: paper</span>' in body
    assert body.count("paper") == 1
    assert '<td class="number">12</td>' in body
    assert '<td class="number">not reached</td>' in body
    assert (tmp_path / "noise" / "tables" / "a.csv").read_text().startswith("inputs,router,size")
