"""Sealed JSON documents."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmoe_qiskit.errors import RunError
from qmoe_qiskit.io.checked_json import (
    SCHEMA_VERSION,
    dump_checked,
    has_kind,
    load_checked,
    to_json,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@dataclass(frozen=True, kw_only=True)
class Note:
    text: str
    numbers: list[float]


@given(text=st.text(st.characters(exclude_categories=["Cs"])), numbers=st.lists(FINITE))
def test_round_trip_is_exact(text: str, numbers: list[float]) -> None:
    data = dump_checked("note", {"text": text, "numbers": numbers})
    assert load_checked(data, "note", Note, "f") == Note(text=text, numbers=numbers)


def test_every_changed_value_is_noticed() -> None:
    document = json.loads(dump_checked("note", {"text": "a", "numbers": [1.5]}))
    for changed in (
        {**document, "text": "b"},
        {**document, "numbers": [1.5000000000000002]},
        {**document, "new": 1},
        {name: value for name, value in document.items() if name != "content_hash"},
        {**document, "content_hash": "0" * 64},
    ):
        with pytest.raises(RunError, match="f was changed after it was written"):
            load_checked(to_json(changed), "note", Note, "f")


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 10**30])
def test_newer_schema_says_to_update(version: int) -> None:
    data = to_json({"schema_version": version, "kind": "note", "unheard_of": 1})
    with pytest.raises(RunError, match=rf"schema version {version}.*update qmoe-qiskit"):
        load_checked(data, "note", Note, "f")
    assert has_kind(data, "note")


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", None])
def test_strange_schema_version_is_damage(version: object) -> None:
    data = to_json({"schema_version": version, "kind": "note"})
    with pytest.raises(RunError, match="f is damaged: its schema version"):
        load_checked(data, "note", Note, "f")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"kind": "note", "x": NaN}',
        b"[" * 100_000,
        dump_checked("note", {"text": "a", "numbers": []})[:-20],
    ],
    ids=["empty", "cut", "binary", "nan", "deep", "truncated"],
)
def test_what_is_not_json_is_damage(data: bytes) -> None:
    with pytest.raises(RunError, match="f is damaged: it is not JSON"):
        load_checked(data, "note", Note, "f")
    assert not has_kind(data, "note")


@pytest.mark.parametrize("data", [b"[]", b"null", b'"note"', b"{}", b'{"kind": "other"}'])
def test_other_documents_are_not_ours(data: bytes) -> None:
    with pytest.raises(RunError, match="f is not a note of qmoe-qiskit"):
        load_checked(data, "note", Note, "f")
    assert not has_kind(data, "note")


def test_infinite_number_in_disguise_is_noticed() -> None:
    data = dump_checked("note", {"text": "a", "numbers": [1.5]}).replace(b"1.5", b"1e999")
    with pytest.raises(RunError, match="was changed"):
        load_checked(data, "note", Note, "f")


@pytest.mark.parametrize(
    ("content", "place"),
    [({"text": "a"}, "numbers"), ({"text": 1, "numbers": []}, "text"), ({}, "text")],
)
def test_wrong_fields_are_named(content: dict[str, object], place: str) -> None:
    with pytest.raises(RunError, match=f"f is damaged: {place}"):
        load_checked(dump_checked("note", content), "note", Note, "f")


def test_nan_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_checked("note", {"text": "a", "numbers": [float("nan")]})
