"""Bad input on the way to a device: one sentence, exit code 2, nothing sent, nothing lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.hardware.ledger.store import Ledger
from qmoe_qiskit.runs import TrainingRequest, train_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ibm_service import IBMService

MANILA = "runtime:ibmq_manila"
FEW = ("--samples", "4", "--shots", "16")


def nothing_recorded(path: Path) -> bool:
    if not path.exists():
        return True
    with Ledger(path) as ledger:
        return ledger.works() == []


SETTINGS = [
    (["--backend", "runtime:ibmq_manilla"], "unknown device 'ibmq_manilla': known are ibm_tor"),
    (["--backend", "runtime:ibmq_manilla"], "did you mean 'ibmq_manila'"),
    (["--backend", "runtime:"], "unknown backend 'runtime:': known are noisy:DEVICE"),
    (["--backend", "ibmq_manila"], "unknown backend 'ibmq_manila': known are"),
    (["--backend", "statevector"], "'statevector' is a simulation, which needs no submission"),
    (["--backend", "noisy:ibm_torino"], "'noisy:ibm_torino' is a simulation, which needs no"),
    (["--mode", "session"], "the open plan has no sessions: use mode 'job' or 'batch'"),
    (["--mode", "queue"], "mode = 'queue': Input should be 'job', 'batch' or 'session'"),
    (["--resilience", "3"], "resilience_level = 3: Input should be 0, 1 or 2"),
    (["--shots", "0"], "shots must be a whole number of at least 1, got 0"),
    (["--shots", "-5"], "got -5"),
    (["--shots", "20000000"], "shots must be at most 10000000"),
    (["--samples", "0"], "samples must be a whole number of at least 1, got 0"),
    (["--samples", "16"], "samples 16 are more than the 15 rows of the data"),
    (["--device-qubits", "1;2"], "numbers separated by commas, such as 65,66, got '1;2'"),
    (["--device-qubits", "0,4"], "are not connected"),
    (["--device-qubits", "4,5"], "[5] are not on ibmq_manila"),
    (["--data", "missing.csv"], "'missing.csv' does not exist"),
    (["--data", "digits"], "the model was trained on x0, x1"),
    (["--target", "y"], "names a column of a file"),
]


def in_turn() -> list[Any]:
    """All settings for both commands, which share them; for one of these, in turn, as a trial."""
    return [
        pytest.param(
            *(command, options, words),
            id="-".join([command, *options, words]),
            marks=[pytest.mark.trial] * (place % 2 == turn),
        )
        for turn, command in enumerate(["estimate", "submit"])
        for place, (options, words) in enumerate(SETTINGS)
    ]


@pytest.mark.parametrize(("command", "options", "words"), in_turn())
def test_settings(
    *, command: str, options: list[str], words: str, refused: Callable[..., None], run: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    given = (*([] if "--backend" in options else ["--backend", MANILA]), *options)
    consent = ["--yes"] * (command == "submit")
    refused(words, command, run, *given, *consent)
    assert nothing_recorded(tmp_path / "ledger.sqlite")


@pytest.mark.parametrize("command", ["estimate", "submit"])
def test_settings_of_documents(command: str, refused: Callable[..., None], run: Path) -> None:
    for options, words in (SETTINGS[7], SETTINGS[15], SETTINGS[16]):
        refused(words, command, run, "--backend", MANILA, *options, "--json")


@pytest.mark.parametrize("backend", [None, "runtime:fake_manila"])
def test_samples_of_an_evaluation(
    backend: str | None, refused: Callable[..., None], qmoe: Callable[..., Any], run: Path
) -> None:
    where = () if backend is None else ("--backend", backend, "--shots", "16")
    refused("samples must be a whole number", "evaluate", run, *where, "--samples", "0")
    refused("more than the 15 rows", "evaluate", run, *where, "--samples", "16")
    outcome = qmoe("evaluate", run, *where, "--samples", "5")
    assert "the 5 held-out rows of moons" in " ".join(outcome.stdout.split())


@pytest.mark.parametrize("price", ["", "x", "0", "-1", "nan", "1.6/s", "1e3"])
def test_prices(price: str, refused: Callable[..., None], run: Path) -> None:
    options = ("--backend", MANILA, f"--price={price}")
    refused(f"price {price!r} is not an amount above zero", "estimate", run, *options)


@pytest.mark.parametrize("budget", ["", "x", "0", "0s", "-60s", "60 parsec", "nan", "inf", "1e3"])
@pytest.mark.parametrize("command", ["submit", "evaluate"])
def test_budgets(
    command: str, budget: str, ibm: IBMService, refused: Callable[..., None], run: Path
) -> None:
    options = ("--backend", MANILA, f"--budget={budget}")
    refused(f"budget {budget!r} is not a length of time above zero", command, run, *options)
    assert ibm.requests == []


@pytest.mark.parametrize("command", ["submit", "evaluate"])
def test_beyond_the_budget_or_without_consent(
    command: str, refused: Callable[..., None], run: Path, tmp_path: Path
) -> None:
    options = (command, run, "--backend", MANILA)
    refused("left of a budget of 2 s: nothing more was sent", *options, *FEW, "--budget", "2s")
    refused("a --budget that is larger by 1 s", *options, *FEW, "--budget", "2s")
    refused("this would take about 2.1 s of QPU time on ibmq_manila", *options, *FEW)
    refused("give --budget TIME, or --yes", *options, *FEW, "--json")
    assert nothing_recorded(tmp_path / "ledger.sqlite")


def test_no_account(
    refused: Callable[..., None], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CHANNEL", "TOKEN", "URL", "INSTANCE"):
        monkeypatch.delenv(f"QISKIT_IBM_{name}")
    for command in ("estimate", "submit", "evaluate"):
        refused("no IBM Quantum account was found: save one", command, run, "--backend", MANILA)


def test_wrong_token(
    refused: Callable[..., None], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "a-token-that-is-not-known")
    for command in ("estimate", "submit", "evaluate"):
        refused("does not accept the token of this account", command, run, "--backend", MANILA)


def test_service_away(
    refused: Callable[..., None], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("QISKIT_IBM_URL", "http://127.0.0.1:9/experimental")
    monkeypatch.setattr("time.sleep", lambda _: None)
    refused("the service cannot be reached", "estimate", run, "--backend", MANILA)


def test_device_down(ibm: IBMService, refused: Callable[..., None], run: Path) -> None:
    ibm.devices["ibmq_manila"].operational = False
    options = ("submit", run, *FEW, "--yes", "--backend")
    refused("ibmq_manila is down", *options, MANILA)
    refused("or use another device or 'runtime:least_busy'", *options, MANILA)
    ibm.devices["ibm_torino"].operational = False
    refused("no device of this account is operational", *options, "runtime:least_busy")


def test_over_quota(
    ibm: IBMService, refused: Callable[..., None], run: Path, tmp_path: Path
) -> None:
    ibm.account.consumed = 600.0
    for command in ("submit", "evaluate"):
        options = ("--backend", MANILA, *FEW, "--yes")
        refused("the account's QPU time is used up: nothing was sent", command, run, *options)
    assert nothing_recorded(tmp_path / "ledger.sqlite")


def test_nothing_left_can_still_be_estimated(
    ibm: IBMService, qmoe: Callable[..., Any], the_document: Callable[[str], Any], run: Path
) -> None:
    ibm.account.consumed = 600.0
    outcome = qmoe("estimate", run, "--backend", MANILA, *FEW)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert "nothing is left" in outcome.stdout
    document = the_document(qmoe("estimate", run, "--backend", MANILA, *FEW, "--json").stdout)
    assert (document["remaining_seconds"], document["share_of_remaining"]) == (0.0, None)


@pytest.fixture(scope="module")
def large(run: Path) -> Path:
    """A run of six qubits."""
    out = run.parent / "six"
    request = TrainingRequest(data="digits", n_samples=80, n_layers=1, max_epochs=1, control=None)
    train_run(request, out)
    return out


def test_runs_that_do_not_fit(
    *,
    ibm: IBMService,
    refused: Callable[..., None],
    run: Path,
    file_run: Path,
    large: Path,
    tmp_path: Path,
) -> None:
    for command in ("estimate", "submit", "evaluate"):
        options = ("--backend", MANILA)
        refused("router 'linear' is classical: it has no circuit", command, file_run, *options)
        refused("router 'linear' is classical", command, run / "control", *options)
        refused("there is no run folder", command, tmp_path / "nowhere", *options)
        assert ibm.requests == []
    refused("the router has 6 qubits, ibmq_manila has 5", "submit", large, "--backend", MANILA)
    damaged = Path(shutil.copytree(run, tmp_path / "damaged"))
    (damaged / "model.safetensors").write_bytes(b"")
    refused("was changed or cut off", "submit", damaged, "--backend", MANILA)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe", "cannot be read"),
        (b"shots = = 3", "are not TOML"),
        (b"resilence_level = 1", "unknown option 'resilence_level'; known at the top level are"),
        (b"[twirling]\nenable_gate = true", "unknown option 'twirling.enable_gate'"),
        (b"resilience_level = 'high'", "resilience_level = 'high': Input should be 0, 1 or 2"),
        (b"precision = 0.0", "precision = 0.0: Input should be greater than 0"),
        (b"precision = 0.1", "shots 16 and precision 0.1 are two ways to say one thing"),
        (b"repetition = -1", "repetition = -1"),
        (b"primitive = 'executor'", "primitive = 'executor'"),
        (b"[resilience]\npec_mitigation = true", "PEC and PEA need a learned noise model"),
        (b"[resilience.zne]\namplifier = 'pea'", "PEC and PEA need a learned noise model"),
        (b"primitive = 'sampler'\nresilience_level = 1", "mitigation is the estimator's"),
        (b"[execution]\nrep_delay = 5.0", "rep_delay 5.0 s is not accepted by ibmq_manila"),
        (b"fractional_gates = true", "does not support fractional gates"),
    ],
    ids=str,
)
def test_option_files(
    content: bytes | None, words: str, refused: Callable[..., None], run: Path, tmp_path: Path
) -> None:
    path = tmp_path / "options.toml"
    if content is not None:
        path.write_bytes(content)
    refused(words, "submit", run, "--backend", MANILA, *FEW, "--yes", "--options", path)
    assert nothing_recorded(tmp_path / "ledger.sqlite")


@pytest.mark.parametrize("value", ["inf", "-inf", "nan"])
def test_numbers_that_are_not_finite(
    value: str, refused: Callable[..., None], run: Path, tmp_path: Path
) -> None:
    """They never come to a circuit, let alone to the service."""
    path = tmp_path / "rows.csv"
    path.write_text(f"x0,x1,label\n0.5,0.25,1\n{value},0.5,0\n")
    options = (run, "--backend", MANILA, "--shots", "16", "--data", path, "--target", "label")
    for command in (["estimate"], ["submit", "--yes"], ["evaluate", "--yes"]):
        refused(value, command[0], *options, *command[1:])
    assert nothing_recorded(tmp_path / "ledger.sqlite")


def test_an_option_of_the_command_mends_a_file(
    document: Callable[..., Any], refused: Callable[..., None], run: Path, tmp_path: Path
) -> None:
    path = tmp_path / "options.toml"
    path.write_text("[twirling]\nenable_measure = false\n")
    options = (run, "--backend", "runtime:fake_manila", *FEW, "--options", path)
    refused("measurement mitigation (TREX) needs measurement twirling", "estimate", *options)
    assert document("estimate", *options, "--resilience", "0")["jobs"]
    path.write_text("resilience_level = 7\nmode = 'queue'\n")
    refused("mode = 'queue'", "estimate", *options, "--resilience", "0")
    assert document("estimate", *options, "--resilience", "0", "--mode", "job")["jobs"]


def test_a_folder_of_options(refused: Callable[..., None], run: Path, tmp_path: Path) -> None:
    options = ("--backend", MANILA, "--options", tmp_path)
    refused("cannot be read: Is a directory", "estimate", run, *options)


@pytest.mark.parametrize("settle", ["-1", "nan", "inf"])
def test_settling_times(settle: str, refused: Callable[..., None], run: Path) -> None:
    options = ("--backend", MANILA, "--yes", f"--settle={settle}")
    refused(f"--settle must be seconds, 0 or more, got {settle}", "submit", run, *options)


def test_what_is_not_for_this_backend(
    ibm: IBMService, refused: Callable[..., None], run: Path
) -> None:
    refused("unknown fake device 'fake_manilla'", "evaluate", run, "--backend",
            "runtime:fake_manilla")  # fmt: skip
    refused(f"--mitigation is for --backend noisy:DEVICE: {MANILA} mitigates by --resilience",
            "evaluate", run, "--backend", MANILA, "--mitigation", "readout")  # fmt: skip
    for option in (["--budget", "60s"], ["--yes"], ["--ledger", "l"], ["--settle", "1"]):
        for backend in ("statevector", "noisy:ibmq_manila", "runtime:fake_manila"):
            if (option[0], backend) == ("--ledger", "runtime:fake_manila"):
                continue  # qmoe submit records its results there
            words = f"{option[0]} is for a device of IBM Quantum, such as --backend runtime:ibm_fez"
            refused(words, "evaluate", run, "--backend", backend, *option)
        refused("not for the backend of training: omit it", "evaluate", run, *option)
    for option in (
        ["--options", "o"], ["--resilience", "0"], ["--mode", "job"], ["--repetition", "0"],
    ):  # fmt: skip
        refused(f"{option[0]} is for a device", "evaluate", run, *option)
    assert ibm.requests == []
