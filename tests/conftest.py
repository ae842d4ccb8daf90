"""What every test shares: its own seed, one thread, no window, and the same examples each time.

It also marks tests by what they cost, see costs.py.
"""

from __future__ import annotations

import gc
import os
import signal
import ssl
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import leak_check
import numpy as np
import pytest
from costs import COSTS
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest_plugins = ["command_line", "figure_readings"]

# Set before the libraries that read them are imported; programs started by tests inherit them.
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Else every request of IBM's client reads the source of all that has called it.
os.environ["USAGE_DATA_OPT_OUT"] = "True"

# A suite that a shell runs in the background is deaf to Ctrl-C, and what it starts would be too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

gc.disable()  # until the tests are collected: hardly anything of that is garbage

FIXTURE_COSTS = {
    "children": "process",
    "exported": "process",
    "fork_server": "process",
    "ibm": "service",
    "make_program": "process",
    "process": "process",
    "real_program": "process",
    "start": "process",
    "within_limits": "process",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it costs."""
    here = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(here) if item.path.is_relative_to(here) else item.path
        costs = {FIXTURE_COSTS.get(name) for name in getattr(item, "fixturenames", ())} - {None}
        name = getattr(item, "originalname", item.name)
        places = (f"{path}::{item.name}", f"{path}::{name}", str(path), *map(str, path.parents))
        for place in places:
            costs |= COSTS.get(place, set())
        for cost in costs:
            item.add_marker(cost)


def pytest_collection_finish() -> None:
    """Spare the collector of garbage what stays to the end: modules, and all tests."""
    gc.freeze()
    gc.enable()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks whether it is `whole` twice: as a sample, and whole as a trial."""
    if "whole" in metafunc.fixturenames:
        whole = pytest.param(True, marks=pytest.mark.trial, id="whole")
        metafunc.parametrize("whole", [pytest.param(False, id="sample"), whole])


# Each profile draws the same examples everywhere and always, but "explore", which looks for new
# ones: make test ARGS="--hypothesis-profile=explore"
for _name, _n_examples in {"quick": 6, "sample": 15, "whole": 100}.items():
    settings.register_profile(
        _name,
        derandomize=True,
        deadline=None,
        print_blob=True,
        max_examples=_n_examples,
        suppress_health_check=[HealthCheck.too_slow],  # it goes by the clock: busy machines fail it
    )
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("sample")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed of the test's own, the same in every run: a function of its name and parameters."""
    return zlib.crc32(request.node.name.encode())


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """A generator of the test's own; inside `hypothesis.given`, draw a seed instead."""
    return np.random.default_rng(seed)


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """Undo what a test before may have set; torch is not loaded for tests that do without it."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def keep(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | bytes | None], None]:
    """Write down what a program said, for the search for secrets at the end."""
    path = tmp_path_factory.getbasetemp() / leak_check.SAID

    def write(said: str | bytes | None) -> None:
        if said:
            with path.open("ab") as file:
                file.write(said if isinstance(said, bytes) else said.encode(errors="replace"))

    return write


@pytest.fixture(scope="session", autouse=True)
def what_programs_say_is_kept(keep: Callable[[str | bytes | None], None]) -> Iterator[None]:
    """Keep all that tests read from programs that they started."""
    communicate = subprocess.Popen.communicate

    def kept(process: subprocess.Popen[Any], *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        said = communicate(process, *args, **kwargs)
        for text in said:
            keep(text)
        return said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "communicate", kept)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_certificates() -> Iterator[None]:
    """No test speaks TLS: IBM's client need not read all certificates for each connection."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)
        yield


LEAKS: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Search what pytest captured; with several workers, in the process that they report to."""
    said = [text.encode(errors="replace") for _, text in report.sections]
    if report.when == "teardown" and any(map(leak_check.is_in, said)):  # all of the test by then
        LEAKS.append(f"what {report.nodeid} wrote")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search the files of all tests, and of all workers, whose folders lie below this one."""
    if hasattr(session.config, "workerinput"):
        return
    factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    LEAKS.extend(map(str, leak_check.files_with_secrets(factory.getbasetemp())))
    if LEAKS:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where secrets were found."""
    for place in LEAKS:
        terminalreporter.write_line(f"a planted secret is in {place}", red=True)
