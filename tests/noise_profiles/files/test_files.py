"""Profiles as files: the same bytes again, old ones readable, damaged ones refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmoe_qiskit.errors import ProfileError, QMoEError
from qmoe_qiskit.noise_profiles import NoiseProfile, list_profiles, load_profile

GOLDEN = Path(__file__).with_name("golden_v1.json")
Document = dict[str, Any]


@pytest.fixture
def document(lagos: NoiseProfile) -> Document:
    """A good file's content without its hash, to be spoilt."""
    content: Document = json.loads(lagos.dumps())
    del content["content_hash"]
    return content


@pytest.mark.parametrize("name", list_profiles())
def test_reading_and_writing_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    profile = load_profile(name)
    path = tmp_path / "copy.json"
    profile.save(path)
    copy = load_profile(path)
    assert copy == profile
    assert copy.content_hash == profile.content_hash
    text = path.read_text()
    assert copy.dumps() == text
    assert NoiseProfile.loads(text.encode()) == profile
    assert json.loads(text)["content_hash"] == profile.content_hash
    assert [file.name for file in tmp_path.iterdir()] == ["copy.json"]


def test_one_qubit_or_gate_a_line(lagos: NoiseProfile) -> None:
    lines = lagos.dumps().splitlines()
    assert sum('"t1":' in line for line in lines) == lagos.n_qubits
    assert sum('"error":' in line for line in lines) == len(lagos.gates)
    other = lagos.scale(readout=2).dumps().splitlines()
    # A changed qubit is a changed line.
    assert sum(a != b for a, b in zip(lines, other, strict=True)) == lagos.n_qubits + 2


def test_files_of_schema_version_1_stay_readable() -> None:
    """The file was written by the first version of the format: it must never change."""
    profile = NoiseProfile.load(GOLDEN)
    assert profile.device == "ibm_kingston"
    assert profile.physical_qubits == (145, 146, 144, 131)
    assert [qubit.operational for qubit in profile.qubits] == [True, False, True, False]
    assert profile.qubits[1].t1 is None
    assert {repair.item for repair in profile.repairs} >= {"T1", "cz", "qubit", "measure_2"}
    assert any(gate.copied for gate in profile.gates)
    assert profile.history
    assert profile.captured_at.isoformat() == "2026-04-15T07:15:15+00:00"
    assert profile.content_hash == json.loads(GOLDEN.read_text())["content_hash"]


def test_whole_numbers_are_numbers(document: Document, lagos: NoiseProfile) -> None:
    for qubit in document["qubits"]:
        qubit["p_meas1_prep0"] = 0
    profile = NoiseProfile.loads(json.dumps(document))
    again = NoiseProfile.loads(profile.dumps())
    assert again.content_hash == profile.content_hash != lagos.content_hash


def test_order_in_the_file_does_not_matter(document: Document, lagos: NoiseProfile) -> None:
    for rows in (document["gates"], document["qubits"], document["basis_gates"]):
        rows.reverse()
    assert NoiseProfile.loads(json.dumps(document)) == lagos


def spoil(*path: str | int, value: Any) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def forget(*path: str | int) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


def repeat(rows: str, number: int) -> Callable[[Document], None]:
    return lambda document: document[rows].append(document[rows][number])


IMPOSSIBLE = [
    (spoil("qubits", 3, "t1", value=0), r"qubits\[3\]\.t1 is 0\.0: it must be above 0"),
    (spoil("qubits", 3, "t1", value=-1e-5), r"qubits\[3\]\.t1 is -1e-05"),
    (spoil("qubits", 3, "t2", value=1.5), r"qubits\[3\]\.t2 is 1\.5: it must be at most twice t1"),
    (spoil("qubits", 0, "frequency", value=0), r"qubits\[0\]\.frequency is 0\.0"),
    (spoil("qubits", 0, "p_meas0_prep1", value=1.1), r"qubits\[0\]\.p_meas0_prep1 is 1\.1"),
    (spoil("qubits", 0, "readout_length", value=-1), r"qubits\[0\]\.readout_length is -1\.0"),
    (spoil("gates", 0, "error", value=1.5), r"gates\.cx\[0, 1\]\.error is 1\.5.*from 0 to 1"),
    (spoil("gates", 0, "error", value=-0.1), r"gates\.cx\[0, 1\]\.error is -0\.1"),
    (spoil("gates", 0, "duration", value=-1e-9), r"gates\.cx\[0, 1\]\.duration is -1e-09"),
    (spoil("gates", 0, "qubits", value=[0, 7]), r"gates\.cx\[0, 7\]: qubit 7 does not exist"),
    (spoil("gates", 0, "qubits", value=[-1, 0]), r"gates\.cx\[-1, 0\]: qubit -1 does not exist"),
    (spoil("gates", 0, "qubits", value=[1, 1]), r"gates\.cx is \[1, 1\].*different qubits"),
    (spoil("gates", 0, "qubits", value=[]), r"gates\.cx is \[\]"),
    (repeat("gates", 0), r"gates lists \('cx', \(0, 1\)\) more than once"),
    (repeat("qubits", 2), "qubits lists 2 more than once"),
    (repeat("basis_gates", 0), "basis_gates lists 'cx' more than once"),
    (repeat("physical_qubits", 0), "physical_qubits lists 0 more than once"),
    (spoil("qubits", 2, "qubit", value=9), r"qubits has number 3.*numbered from 0 to 6"),
    (forget("qubits", 6), r"gates\.cx\[5, 6\]: qubit 6 does not exist"),
    (forget("physical_qubits", 6), r"physical_qubits is .*: it must hold 7 numbers"),
    (spoil("physical_qubits", 0, value=-3), "physical_qubits is .*numbers from 0"),
    (spoil("qubits", value=[]), "qubits is empty"),
    (spoil("dt", value=0), r"dt is 0\.0"),
    (spoil("device", value=" "), "device is empty"),
    (spoil("captured_at", value="2024-05-27T15:51:15-03:00"), "captured_at is .*in UTC"),
    (spoil("captured_at", value="2024-05-27T15:51:15"), "captured_at is "),
    (spoil("captured_at", value="yesterday"), "captured_at is 'yesterday'"),
    (spoil("captured_at", value=1716839475), "captured_at is 1716839475"),
    (spoil("gates", 2, "error", value="small"), r"gates\[2\]\.error is 'small'.*valid number"),
    (spoil("gates", 2, "error", value=math.nan), r"gates\[2\]\.error is nan.*finite"),
    (spoil("gates", 2, "error", value=math.inf), r"gates\[2\]\.error is inf.*finite"),
    (spoil("gates", 2, "error", value=True), r"gates\[2\]\.error is True"),
    (spoil("gates", 2, "qubits", 0, value=0.0), r"gates\[2\]\.qubits\[0\] is 0\.0"),
    (spoil("gates", 2, "speed", value=3), r"gates\[2\]\.speed is 3.*[Ee]xtra"),
    (spoil("colour", value="red"), "colour is 'red'"),
    (forget("gates", 2, "error"), r"has no gates\[2\]\.error"),
    (forget("source"), "has no source"),
    (spoil("repairs", value=[{"action": "hidden"}]), r"repairs\[0\]\.action is 'hidden'"),
    (spoil("content_hash", value="0" * 64), "changed after it was written.*remove the line"),
    (spoil("schema_version", value=2), "schema version 2, and .* up to 1: update qmoe-qiskit"),
    (spoil("schema_version", value=10**50), "schema version 1000.*update qmoe-qiskit"),
    (spoil("schema_version", value=0), "schema_version is 0"),
    (spoil("schema_version", value="1"), "not a noise profile"),
    (forget("schema_version"), "not a noise profile"),
]


@pytest.mark.parametrize(("change", "message"), IMPOSSIBLE)
def test_impossible_files_are_refused(
    change: Callable[[Document], None], message: str, document: Document, tmp_path: Path
) -> None:
    change(document)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ProfileError, match=message) as caught:
        load_profile(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    assert len(text) < 500


@pytest.mark.parametrize("text", ["", "{", "profile", "\x00", "\ufeff{}", "[" * 100_000, "{} {}"])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ProfileError, match="the given text is truncated or not JSON"):
        NoiseProfile.loads(text)


@pytest.mark.parametrize("text", ["{}", "[]", "null", "3", '"profile"', '{"schema_version": null}'])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(ProfileError, match="the given text is not a noise profile"):
        NoiseProfile.loads(text)


@pytest.mark.parametrize("position", [0.1, 0.5, 0.9, 0.999])
def test_truncated_files_are_refused(lagos: NoiseProfile, tmp_path: Path, position: float) -> None:
    data = lagos.dumps().encode()
    path = tmp_path / "cut.json"
    path.write_bytes(data[: int(position * len(data))])
    with pytest.raises(ProfileError, match=r"cut\.json' is truncated or not JSON"):
        load_profile(path)


def test_a_changed_file_is_noticed(lagos: NoiseProfile) -> None:
    text = lagos.dumps()
    changed = text.replace('"family":"Falcon', '"family":"Eagle')
    assert changed != text
    with pytest.raises(ProfileError, match="was changed after it was written"):
        NoiseProfile.loads(changed)


def test_files_that_cannot_be_read_or_written(lagos: NoiseProfile, tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path, "no\0name.json"):
        with pytest.raises(ProfileError, match="cannot be read: "):
            NoiseProfile.load(path)
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "a.json", tmp_path / "none" / "a.json", "", "no\0name"):
        with pytest.raises(ProfileError, match="cannot be written: "):
            lagos.save(path)


def check_loader(text: str | bytes) -> None:
    """Nothing but the project's own exceptions comes out, and what is accepted survives."""
    try:
        profile = NoiseProfile.loads(text)
    except QMoEError as error:
        assert str(error)  # noqa: PT017 - both outcomes are right
    else:
        assert NoiseProfile.loads(profile.dumps()) == profile


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -1, 0, 1])
    | st.floats()
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def spoilt_files(draw: st.DrawFn) -> str:
    """A good file of few qubits in which up to three values are replaced, removed or moved."""
    profile = load_profile("ibm_kingston").subset([144, 145, 146])
    document = json.loads(profile.dumps())
    if draw(st.booleans()):
        del document["content_hash"]
    for _ in range(draw(st.integers(1, 3))):
        place, steps = document, draw(st.integers(0, 2))
        while True:
            keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if steps and isinstance(place[key], dict | list) and place[key]:
                place, steps = place[key], steps - 1
                continue
            how = draw(st.sampled_from(["replace", "remove", "move"]))
            if how == "remove":
                del place[key]
            elif how == "move":
                place[key] = place[draw(st.sampled_from(keys))]
            else:
                place[key] = draw(JSON)
            break
    return json.dumps(document)


@given(text=spoilt_files())
@settings(max_examples=3 * settings().max_examples)
def test_fuzz_spoilt_files(text: str) -> None:
    check_loader(text)


@given(data=st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_fuzz_any_bytes(data: bytes) -> None:
    check_loader(data)


@given(document=JSON | st.fixed_dictionaries({"schema_version": JSON}))
def test_fuzz_any_json(document: object) -> None:
    check_loader(json.dumps(document))


@given(data=st.data())
def test_fuzz_damaged_bytes(data: st.DataObject) -> None:
    good = bytearray(GOLDEN.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    check_loader(bytes(good))
