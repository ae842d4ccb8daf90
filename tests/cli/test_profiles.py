"""`qmoe profiles`: what each command says, writes and refuses."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from matplotlib.figure import Figure
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qmoe_qiskit.figures.device.couplers import couplers_of
from qmoe_qiskit.noise_profiles import NoiseProfile, list_profiles, load_profile

if TYPE_CHECKING:
    from collections.abc import Callable

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def names_here() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_list(qmoe: Callable[..., Any], the_document: Callable[[str], Any]) -> None:
    document = the_document(qmoe("profiles", "list", "--json").stdout)
    rows = document["profiles"]
    assert [row["name"] for row in rows] == list(list_profiles())
    for row in rows:
        profile = load_profile(row["name"])
        assert row["n_qubits"] == profile.n_qubits
        assert row["content_hash"] == profile.content_hash
        assert row["two_qubit_gate"] in profile.basis_gates
        assert row["two_qubit_error"] == pytest.approx(
            profile.summary()["gates"][row["two_qubit_gate"]]["error"]["median"]
        )
    outcome = qmoe("profiles", "list")
    lines = outcome.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    for row in rows:
        (line,) = [text for text in lines if text.split()[:1] == [row["name"]]]
        for words in (row["family"], row["captured_at"][:10], f"{row['two_qubit_error']:.4f}"):
            assert words in line


def test_list_is_quick(real_program: str, tmp_path: Path) -> None:
    """A second of computing; what else the machine does does not count."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    subprocess.run(
        [real_program, "profiles", "list"], capture_output=True, check=True, cwd=tmp_path
    )
    assert spent() - before < 1


def test_show(qmoe: Callable[..., Any], the_document: Callable[[str], Any]) -> None:
    outcome = qmoe("profiles", "show", "ibmq_manila")
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stderr == "figure: ibmq_manila.png\n"
    assert Path("ibmq_manila.png").read_bytes().startswith(PNG)
    assert max(map(len, outcome.stdout.splitlines())) <= 80
    profile = load_profile("ibmq_manila")
    best = couplers_of(profile)[0]
    said = " ".join(outcome.stdout.split())
    for words in (
        "ibmq_manila, Falcon r5.11L",
        "2024-05-27 18:27 UTC",
        "5, 5 of them usable",
        "Copyright IBM",
        profile.content_hash,
        f"{best.qubits[0]}, {best.qubits[1]} cx {best.gate_error:.4f}",
    ):
        assert words in said
    document = the_document(qmoe("profiles", "show", "ibmq_manila", "--json").stdout)
    assert [row["qubit"] for row in document["qubits"]] == [0, 1, 2, 3, 4]
    assert document["qubits"][3]["t1"] == profile.qubits[3].t1
    assert [tuple(row["qubits"]) for row in document["pairs"]] == [
        coupler.qubits for coupler in couplers_of(profile)
    ]
    assert document["figure"] == "ibmq_manila.png"
    assert document["content_hash"] == profile.content_hash
    assert names_here() == ["ibmq_manila.png"]


def test_show_writes_where_it_is_told_and_overwrites_nothing(
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a simpler picture, which is another one for another calibration."""

    def picture(profile: NoiseProfile) -> Figure:
        figure = Figure(figsize=(1, 1))
        figure.text(0, 0, profile.content_hash)
        return figure

    monkeypatch.setattr("qmoe_qiskit.figures.device_figure", picture)
    assert qmoe("profiles", "show", "ibmq_manila", "--no-figure").stderr == ""
    assert names_here() == []
    load_profile("ibmq_manila").scale(2).save("mine.json")
    assert qmoe("profiles", "show", "mine.json", "--out", "a/b.png").exit_code == 0
    assert Path("a/b.png").read_bytes().startswith(PNG)
    assert qmoe("profiles", "show", "mine.json").exit_code == 0
    # The very same picture may be there.
    assert qmoe("profiles", "show", "mine.json", "--out", "a/b.png").exit_code == 0
    assert_refused(qmoe("profiles", "show", "ibmq_manila", "--out", "a/b.png"), "exists")
    assert_refused(qmoe("profiles", "show", "ibmq_manila", "--out", "a"), "is a folder")
    assert_refused(qmoe("profiles", "show", "ibmq_manila", "--out", "a/b.png/c"), "cannot be")
    before = Path("a/b.png").read_bytes()
    assert qmoe("profiles", "show", "ibmq_manila", "--out", "a/b.png", "--force").exit_code == 0
    assert Path("a/b.png").read_bytes() != before


def test_capture_a_fake_backend(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any]
) -> None:
    outcome = qmoe("profiles", "capture", "fake_torino", "--out", "torino.json", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert "note: cz dropped 22 times; see repairs in the file\n" in outcome.stderr
    captured = load_profile("torino.json")
    assert captured == load_profile("ibm_torino")
    document = the_document(outcome.stdout)
    assert document["file"] == "torino.json"
    assert document["content_hash"] == captured.content_hash


def test_capture_a_file(
    qmoe: Callable[..., Any], assert_refused: Callable[[Any, str], None]
) -> None:
    """The properties that IBM's client writes, and what of them is missing is said."""
    properties = FakeManilaV2().properties()
    Path("properties.json").write_text(json.dumps(properties.to_dict(), default=str))
    outcome = qmoe("profiles", "capture", "properties.json", "--out", "mine.json")
    assert outcome.exit_code == 0, outcome.stderr
    assert "ibmq_manila, 5 qubits" in outcome.stdout
    assert "note: dt missing 1 time; see repairs in the file" in outcome.stderr
    assert load_profile("mine.json").qubits == load_profile("ibmq_manila").qubits
    Path("bad.csv").write_text("a,b\n")
    assert_refused(
        qmoe("profiles", "capture", "bad.csv", "--out", "bad.json"),
        "is not a table of calibrations as IBM Quantum Platform exports it",
    )


def test_capture_refuses(
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # No account is saved here, whatever the machine has.
    accounts = tmp_path_factory.mktemp("home") / "accounts.json"
    for name in ("QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE", "QISKIT_IBM_CHANNEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        "qiskit_ibm_runtime.accounts.management._DEFAULT_ACCOUNT_CONFIG_JSON_FILE",
        str(accounts),
    )
    for options, words in (
        (["fake_tornio"], "did you mean 'fake_torino'"),
        (["ibm_torino"], "an account is saved with"),
        (["fake_torino", "--at", "2026-01-01T00:00"], "leave out the time"),
        (["fake_torino", "--at", "yesterday"], "must be a time such as"),
    ):
        assert_refused(qmoe("profiles", "capture", *options, "--out", "new.json"), words)
    assert_refused(qmoe("profiles", "capture", "fake_torino", "--out", "new.txt"), ".json file")
    assert names_here() == []


def test_scale(qmoe: Callable[..., Any], the_document: Callable[[str], Any]) -> None:
    outcome = qmoe("profiles", "scale", "ibm_perth", "--factor", "2", "--out", "a/double.json")
    assert outcome.exit_code == 0, outcome.stderr
    assert load_profile("a/double.json") == load_profile("ibm_perth").scale(2)
    document = the_document(
        qmoe(
            *("profiles", "scale", "a/double.json", "--gates", "0", "--relaxation", "0.5"),
            *("--readout", "3", "--out", "parts.json", "--json"),
        ).stdout
    )
    parts = load_profile("ibm_perth").scale(2).scale(gates=0.0, relaxation=0.5, readout=3.0)
    assert load_profile("parts.json") == parts
    assert document["content_hash"] == parts.content_hash
    assert len(document["history"]) == 2


def test_scale_refuses(
    qmoe: Callable[..., Any], assert_refused: Callable[[Any, str], None]
) -> None:
    Path("there.json").write_text("mine")
    for options, words in (
        (["ibm_perth"], "needs --factor, or one of --gates, --relaxation and --readout"),
        (["ibm_perth", "--factor", "-1"], "factor of scale is -1.0"),
        (["ibm_perth", "--readout", "nan"], "readout of scale is nan"),
        (["ibm_pert", "--factor", "2"], "did you mean 'ibm_perth'"),
    ):
        assert_refused(qmoe("profiles", "scale", *options, "--out", "new.json"), words)
    scale = ("profiles", "scale", "ibm_perth", "--factor", "2", "--out")
    assert_refused(qmoe(*scale, "there.json"), "'there.json' exists")
    assert_refused(qmoe(*scale, "there.json/x.json"), "cannot be written")
    assert Path("there.json").read_text() == "mine"
    assert names_here() == ["there.json"]
    assert qmoe(*scale, "there.json", "--force").exit_code == 0
    assert load_profile("there.json").history


def test_diff(
    qmoe: Callable[..., Any],
    the_document: Callable[[str], Any],
    assert_refused: Callable[[Any, str], None],
) -> None:
    load_profile("ibm_perth").scale(readout=2.0).save("double.json")
    document = the_document(qmoe("profiles", "diff", "ibm_perth", "double.json", "--json").stdout)
    assert document["differ"] is True
    assert {change["item"] for change in document["changes"]} == {"P(1|0)", "P(0|1)"}
    assert {round(change["relative"], 9) for change in document["changes"]} == {1.0}
    outcome = qmoe("profiles", "diff", "ibm_perth", "double.json")
    assert "P(0|1): 7 changed, median change 100.0%" in outcome.stdout
    same = qmoe("profiles", "diff", "ibm_perth", "ibm_perth")
    assert (same.exit_code, "no difference" in same.stdout) == (0, True)
    assert_refused(qmoe("profiles", "diff", "ibm_perth", "ibm_pert"), "did you mean 'ibm_perth'")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(schema_version=99), "schema version 99"),
        (lambda d: d["qubits"][2].update(t1=-1.0), "qubits[2].t1 is -1.0"),
        (lambda d: d["qubits"][2].update(p_meas1_prep0=1.5), "qubits[2].p_meas1_prep0 is 1.5"),
        (lambda d: d["gates"][0].update(qubits=[0, 9]), "9"),
        (lambda d: d["qubits"].append(d["qubits"][0]), "more than once"),
        (lambda d: d.update(content_hash="0" * 64), "content_hash is"),
        (lambda d: d.pop("dt"), "has no dt"),
    ],
)
def test_check_names_file_field_and_value(
    *,
    change: Callable[[dict[str, Any]], Any],
    words: str,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
) -> None:
    document = json.loads(load_profile("ibmq_manila").dumps())
    change(document)
    Path("device.json").write_text(json.dumps(document))
    for command in (
        ("profiles", "check", "device.json"),
        ("profiles", "show", "device.json"),
        ("train", "--backend", "noisy:device.json"),
        ("noise", "--device", "device.json"),
    ):
        outcome = qmoe(*command)
        assert_refused(outcome, words)
        assert "'device.json'" in outcome.stderr
    assert names_here() == ["device.json"]


def test_check(
    qmoe: Callable[..., Any],
    the_document: Callable[[str], Any],
    assert_refused: Callable[[Any, str], None],
) -> None:
    load_profile("ibmq_manila").save("device.json")
    outcome = qmoe("profiles", "check", "device.json")
    assert outcome.stdout.startswith("'device.json' is sound: ibmq_manila, 5 qubits")
    document = the_document(qmoe("profiles", "check", "device.json", "--json").stdout)
    assert document["sound"] is True
    assert document["n_qubits"] == 5
    assert (document["notes"], outcome.stderr) == ([], "")
    content = Path("device.json").read_bytes()
    for damaged, words in ((content[:-20], "truncated or not JSON"), (b"", "not JSON")):
        Path("device.json").write_bytes(damaged)
        assert_refused(qmoe("profiles", "check", "device.json"), words)
    assert_refused(qmoe("profiles", "check", "nowhere.json"), "'nowhere.json' cannot be read")


def test_check_says_what_is_odd(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any]
) -> None:
    """What `capture` notes of a device is noted of a file too, and gates that are not used are."""
    manila = load_profile("ibmq_manila")
    changed = {
        ("cx", (0, 1)): {"duration": 6.8e-6},
        ("cx", (1, 2)): {"duration": 6.8e-6, "error": 0.0},
        ("cx", (2, 1)): {"error": 1.0},
    }
    iswap = [replace(gate, name="iswap") for gate in manila.gates if gate.name == "cx"]
    wide = [replace(gate, name="sxdg") for gate in manila.gates if gate.name == "cx"]
    odd = replace(
        manila,
        dt=3.6e-18,
        basis_gates=(*manila.basis_gates, "iswap", "mine", "sxdg"),
        qubits=tuple(
            replace(q, t1=1.0, readout_length=1e-3) if q.qubit == 3 else q for q in manila.qubits
        ),
        gates=(
            *(replace(g, **changed.get((g.name, g.qubits), {})) for g in manila.gates),
            *iswap,
            *wide,
        ),
    )
    odd.save("odd.json")
    document = the_document(qmoe("profiles", "check", "odd.json", "--json").stdout)
    assert document["notes"] == odd.notes()
    known = [note.split("; kept")[0] for note in odd.notes()]
    assert known == [
        "dt 3.6e-18: implausible: devices have 1e-11 to 1e-08 s",
        (
            "cx duration 6.8e-06 on qubits 0 1 and 1 other place: implausible: devices have 1e-08 "
            "to 4e-06 s"
        ),
        "cx error 0 on qubits 1 2: implausible: an error of 0, which nothing that takes time has",
        "cx error 1 on qubits 2 1: implausible: an error of 1, which means that it does not work",
        "T1 1 on qubit 3: implausible: devices have 1e-07 to 0.01 s",
        "readout duration 0.001 on qubit 3: implausible: devices have 1e-07 to 2e-05 s",
        "iswap is not used: not a gate that Aer can simulate",
        "mine is not used: not one of Qiskit's standard gates",
        "sxdg is not used: in Qiskit it acts on 1, here on 2 at once",
    ]
    outcome = qmoe("profiles", "check", "odd.json")
    assert outcome.exit_code == 0
    assert outcome.stderr == "".join(f"note: {note}\n" for note in odd.notes())
    assert "is sound" in outcome.stdout


def test_profiles_load_neither_torch_nor_qiskit(tmp_path: Path) -> None:
    """What only looks at calibrations starts at once."""
    load_profile("ibm_perth").save("a.json")
    commands = (
        ["list"],
        ["show", "a.json"],
        ["check", "a.json"],
        ["diff", "a.json", "ibm_perth"],
        ["scale", "a.json", "--factor", "2", "--out", "b.json"],
    )
    code = (
        "import contextlib, sys\nfrom qmoe_qiskit.cli import main\n"
        f"for arguments in {commands!r}:\n"
        "    sys.argv = ['qmoe', 'profiles', *arguments]\n"
        "    with contextlib.suppress(SystemExit):\n        main()\n"
        "    print('then:', arguments, {'torch', 'qiskit'} & set(sys.modules))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    then = [line for line in done.stdout.splitlines() if line.startswith("then:")]
    assert then == [f"then: {arguments} set()" for arguments in commands]
    assert Path("b.json").is_file()
