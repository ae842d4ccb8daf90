"""Pages of studies as Markdown."""

from __future__ import annotations

from qmoe_qiskit.report.study_page import HOW_JUDGED, Page, counts
from qmoe_qiskit.report.study_tables import escaped, to_markdown


def page_markdown(page: Page) -> str:
    """Return the page of a study as Markdown, with links to the files of its figures."""
    parts = [
        f"# {escaped(page.title)}",
        f"Study `{page.name}`, {escaped(page.seeds)}",
        "## Verdicts",
    ]
    if page.verdicts:
        parts += [
            f"{counts(page.verdicts)}.",
            "\n".join(
                f"- **{verdict.outcome}**: {escaped(verdict.claim)} ({escaped(verdict.numbers)})"
                for verdict in page.verdicts
            ),
            HOW_JUDGED,
        ]
    else:
        parts.append("This study tests no claim.")
    for table in page.tables:
        source = f"From {table.source}." if table.source else ""
        below = f"{escaped(table.note)} {escaped(source)} All digits: `tables/{table.name}.csv`."
        parts += [
            f"## {escaped(table.title)}",
            to_markdown(table).rstrip(),
            " ".join(below.split()),
        ]
    if page.pictures:
        parts.append("## Figures")
        for picture in page.pictures:
            caption = escaped(picture.caption)
            parts += [f"![{caption}](figures/{picture.name}.png)", caption]
    if page.remarks:
        parts += ["## Remarks", "\n".join(f"- {escaped(remark)}" for remark in page.remarks)]
    fence = "`" * 3
    while fence in page.command:
        fence += "`"
    parts += ["## How to reproduce", f"{fence}sh\n{page.command}\n{fence}"]
    for heading, values in page.records:
        lines = [f"- {escaped(key)}: {escaped(value)}" for key, value in values.items()]
        parts += [f"### {heading}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"
