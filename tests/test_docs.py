"""What README.md and docs/ show works as it stands there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main
from ibm_service import IBMService

from qmoe_qiskit.cli import app
from qmoe_qiskit.errors import OutOfRangeWarning

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.rglob("docs/**/*.md")))
}
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))
MAKEFILE = (ROOT / "Makefile").read_text()
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

# A mark before a block says that a reader needs something for it. The stand-in for the service
# takes the place of an account; for the rest, only commands and options are looked up.
NEEDS = {"an account", "an interrupted training", "a cluster", "hours"}

# Appended to commands, so that they take a second instead of many.
SMALLER = {
    "train": ("--epochs", "1"),
    "noise": ("--epochs", "1", "--samples", "60", "--layers", "1"),
    "compare": (
        *("--seeds", "1", "--epochs", "1", "--samples", "60", "--layers", "1"),
        *("--learning-rates", "0.1", "--workers", "1"),
    ),
    "study": ("--settings", "small.toml", "--seeds", "1", "--workers", "1"),
}
ALWAYS = {"compare": SMALLER["compare"]}  # the whole takes many minutes
SMALL_STUDY = "n_samples = 60\nepochs = 1\nn_layers = 1\nlevels = [0.0, 0.1]\nshots = [128]\n"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    needs: str


def blocks(page: str) -> Iterator[Block]:
    pattern = r"^(?:<!-- needs: ([^\n]*) -->\n)?```(\w+)\n(.*?)^```"
    for needs, language, text in re.findall(pattern, PAGES[page], re.DOTALL | re.MULTILINE):
        yield Block(language=language, text=text, needs=needs)


def commands() -> dict[str, set[str]]:
    """The options of every command by its name, those of groups with the group's."""
    found: dict[str, set[str]] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        named = {f"{name} {k}": c for k, c in below.items()} if below else {name: command}
        for full, one in named.items():
            found[full] = {o for p in one.params for o in (*p.opts, *p.secondary_opts)}
    return found


COMMANDS = commands()


def check_command(words: list[str]) -> None:
    """Assert that a command of the program and its options exist."""
    name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    assert name in COMMANDS, words
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert options <= COMMANDS[name], words


def check_other(words: list[str]) -> None:
    """Assert that a command which is not the program's would find what it needs."""
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", MAKEFILE, re.MULTILINE), words
    elif words[0] == "pip":
        (extra,) = re.fullmatch(r"\.\[(\w+)\]", words[2]).groups()  # type: ignore[union-attr]
        assert words[:2] == ["pip", "install"]
        assert extra in EXTRAS
    else:
        assert words in (
            ["source", ".venv/bin/activate"],
            ["dask", "scheduler"],
            ["dask", "worker", "tcp://scheduler:8786", "--nthreads", "1", "--nworkers", "16"],
        )


@pytest.fixture(scope="module")
def moons(tmp_path_factory: pytest.TempPathFactory, qmoe: Callable[..., Any]) -> Path:
    """The run that pages of docs/how-to begin with, but a small one with 50 held-out rows."""
    out = tmp_path_factory.mktemp("docs") / "moons"
    small = ("--samples", "200", "--layers", "1", "--epochs", "1", "--control", "none")
    outcome = qmoe("train", *small, "--out", out)
    assert outcome.exit_code == 0, outcome.stderr
    return out


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IBMService]:
    monkeypatch.setenv("QMOE_LEDGER", str(tmp_path / "ledger.sqlite"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with IBMService(["ibm_fez"]) as ibm:
        for name, value in ibm.environment().items():
            monkeypatch.setenv(name, value)
        yield ibm


WITH_EXAMPLES = [
    page
    for page in PAGES
    if page != "CONTRIBUTING.md"  # see test_contributing.py
    and any(block.language in ("python", "bash") for block in blocks(page))
]


def run_line(
    line: str, needs: str, qmoe: Callable[..., Any], smaller: dict[str, tuple[str, ...]]
) -> None:
    """Run a line of a shell in the current folder, or look up what it names."""
    command, _, target = line.partition(" > ")
    program, *words = shlex.split(command)
    if program != "qmoe":
        check_other([program, *words])
    elif needs not in ("", "an account"):
        check_command(words)
    else:
        done = qmoe(*words, *smaller.get(words[0], ()))
        assert done.exit_code == 0, (line, done.stderr, done.exception)
        if target:
            Path(target).write_text(done.stdout)


# Pages whose examples take a few seconds at most: they run with the tests, and made smaller.
SHORT = {
    "README.md",
    "docs/index.md",
    *(
        f"docs/how-to/{name}.md"
        for name in (
            "federated",
            "layer",
            "modules",
            "own-noise-profile",
            "pytorch",
            "regression",
            "sparse-routing",
        )
    ),
}


@pytest.mark.parametrize("page", WITH_EXAMPLES)
def test_examples_name_what_exists(page: str) -> None:
    """Commands, their options and the syntax of Python are looked up; nothing runs."""
    for block in blocks(page):
        if block.language == "python":
            compile(block.text, page, "exec", dont_inherit=True)
        if block.language == "bash":
            for line in block.text.splitlines():
                program, *words = shlex.split(line.partition(" > ")[0])
                if program == "qmoe" and words != ["--help"]:
                    check_command(words)
                elif program != "qmoe":
                    check_other([program, *words])


# The pages on the estimators hold few rows out or in; none of the other pages may warn.
@pytest.mark.parametrize(
    ("page", "smaller"),
    [
        *(pytest.param(page, True, id=f"sample-{page}") for page in sorted(SHORT)),
        *(
            pytest.param(page, False, id=f"whole-{page}", marks=pytest.mark.trial)
            for page in WITH_EXAMPLES
        ),
    ],
)
def test_examples_run(
    page: str,
    *,
    smaller: bool,
    moons: Path,
    service: IBMService,
    qmoe: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In their order, Python and shell; Python's warnings are errors."""
    if page in {"docs/how-to/estimator.md", "docs/how-to/regression.md"}:
        warnings.simplefilter("ignore", OutOfRangeWarning)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SMALL_STUDY)
    if "--out runs/moons" not in PAGES[page].replace("--resume --out", ""):
        shutil.copytree(moons, tmp_path / "runs" / "moons")
    names: dict[str, Any] = {"__name__": page}
    for block in blocks(page):
        assert not block.needs or block.needs in NEEDS
        if block.language == "python":
            exec(compile(block.text, page, "exec", dont_inherit=True), names)  # noqa: S102
        if block.language == "bash":
            for line in block.text.splitlines():
                run_line(line, block.needs, qmoe, SMALLER if smaller else ALWAYS)
    if page == "docs/how-to/ibm-quantum.md":
        assert len(service.jobs) == 1  # submitted once; evaluated from the ledger
    if page == "docs/how-to/own-data.md":
        assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 16
    if page == "docs/how-to/modules.md":
        assert names["d_weights_BOW"].shape == (5, 2, 18)


def test_the_trial_of_readme_in_a_clean_shell(tmp_path: Path) -> None:
    activate = Path(sys.prefix) / "bin" / "activate"
    if not activate.is_file():
        pytest.skip("the tests run without a virtual environment")
    line = f"source {shlex.quote(str(activate))} && qmoe --version"
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        ["/bin/bash", "-c", line],
        env=clean,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("qmoe ")


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_sentences_exist(page: str) -> None:
    assert not re.search(r"^    (qmoe|make|pip|python) ", PAGES[page], re.MULTILINE), "fence it"
    prose = re.sub(r"^```.*?^```", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    for code in re.findall(r"`([^`]+)`", prose):
        program, *words = code.split()
        words = [word for word in words if word not in ("-v", "...")]
        if program == "make" and words:
            check_other([program, *words])
        if program != "qmoe" or not words or words[0].startswith("--") or words[0].isupper():
            continue
        if words[0] in {name.split()[0] for name in COMMANDS}:
            options = {word for word in words if word.startswith("--")}
            known = [o for name, o in COMMANDS.items() if name.split()[0] == words[0]]
            assert any(options <= some | {"--help"} for some in known), code
        else:
            pytest.fail(f"{code!r}: there is no such command")
    for script in re.findall(r"scripts/\w+\.py", PAGES[page]):
        assert (ROOT / script).is_file()


@pytest.mark.parametrize(
    ("page", "part"),
    [
        ("docs/how-to/train.md", "demo"),
        ("docs/studies/index.md", "studies"),
        *((path, "results") for path in PAGES if re.fullmatch(r"docs/studies/(?!index).*", path)),
        ("docs/explanations/performance.md", "benchmark"),
    ],
)
def test_measured_parts_are_filled(page: str, part: str) -> None:
    found = re.search(rf"<!-- begin {part} -->(.*?)<!-- end {part} -->", PAGES[page], re.DOTALL)
    assert found is not None
    assert len(found[1].strip().splitlines()) > 5, f"run `make measure`: part {part} is empty"


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_pages_are_short(page: str) -> None:
    assert len(PAGES[page].splitlines()) <= 150


def texts() -> Iterator[tuple[Path, str]]:
    """What each page and tutorial says."""
    yield from ((ROOT / page, text) for page, text in PAGES.items())
    for path in TUTORIALS:
        cells = json.loads(path.read_text())["cells"]
        yield path, "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def test_links_and_figures_exist() -> None:
    for path, text in texts():
        prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            if re.match(r"https?:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            assert file.is_file(), f"{path.name}: {target}"
            if file.suffix == ".png":
                assert file.stat().st_size > 10_000
            if anchor:
                headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
                slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
                assert anchor in slugs, f"{path.name}: {target}"
