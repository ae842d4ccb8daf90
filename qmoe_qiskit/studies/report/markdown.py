"""Pages of studies as Markdown."""

from qmoe_qiskit.studies.report.page import HOW_JUDGED, HOW_LISTED, HOW_MADE, HOW_SET, Page, counts
from qmoe_qiskit.studies.report.tables import escaped, to_markdown
from qmoe_qiskit.studies.report.task_list import LIST


def page_markdown(page: Page) -> str:
    """Return the page of a study as Markdown, with links to the figure files."""
    parts = [
        f"# {escaped(page.title)}",
        f"Study `{page.name}`, {escaped(page.seeds)}",
    ]
    if page.figures:
        parts.append("## Figures")
        for figure in page.figures:
            caption = escaped(figure.caption)
            parts += [f"![{caption}](figures/{figure.name}.png)", caption]
    parts.append("## Verdicts")
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
        kinds = ", ".join(f"`{kind}`" for kind in table.kinds)
        results = f"Results behind it: `{LIST}`, kind {kinds}." if kinds else ""
        digits = f"All digits: `tables/{table.name}.csv`."
        below = f"{escaped(table.note)} {escaped(source)} {results} {digits}"
        parts += [
            f"## {escaped(table.title)}",
            to_markdown(table).rstrip(),
            " ".join(below.split()),
        ]
    if page.remarks:
        parts += ["## Remarks", "\n".join(f"- {escaped(remark)}" for remark in page.remarks)]
    parts += ["## How to reproduce", HOW_MADE, _fenced("sh", page.command)]
    if page.settings:
        parts += ["### Settings", escaped(HOW_SET), _fenced("toml", page.settings)]
    if page.kinds:
        parts += ["### Results", HOW_LISTED]
        parts.append("\n".join(f"- kind `{kind}`: {n}" for kind, n in page.kinds.items()))
    for heading, values in page.records:
        lines = [f"- {escaped(key)}: {escaped(value)}" for key, value in values.items()]
        parts += [f"### {heading}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _fenced(language: str, text: str) -> str:
    """Return text as a block of code."""
    fence = "`" * 3
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"
