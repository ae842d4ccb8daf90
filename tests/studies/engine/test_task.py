"""Tasks: what their hash depends on, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies.engine.small import Small

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.engine.task import Task, unique_tasks

FIELDS = {
    "seed": st.integers(0, 5),
    "level": st.sampled_from([0.0, 0.1, 1.0]),
    "log": st.sampled_from(["", "a"]),
}
TASKS = st.builds(Small, **FIELDS)


@given(TASKS, TASKS)
def test_equal_settings_and_only_those_have_the_same_hash(one: Small, other: Small) -> None:
    assert (one.content_hash == other.content_hash) == (one == other)


def test_kind_and_version_are_part_of_the_hash() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Newer(Small):
        version: ClassVar[int] = 2

    @dataclass(frozen=True, kw_only=True)
    class Other(Small):
        kind: ClassVar[str] = "test-other"

    hashes = {kind(seed=1).content_hash for kind in (Small, Newer, Other)}
    assert len(hashes) == 3


def test_tuples_and_lists_are_the_same_settings() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Many(Task):
        kind: ClassVar[str] = "test-many"
        numbers: Any

        def run(self) -> dict[str, Any]:
            return {}

    assert Many(numbers=(1, 2)).content_hash == Many(numbers=[1, 2]).content_hash
    assert Many(numbers=(1, 2)).fields() == {"numbers": [1, 2]}


def test_equal_tasks_are_one() -> None:
    first, second = Small(seed=1), Small(seed=2)
    assert list(unique_tasks([second, first, replace(second)]).values()) == [second, first]


def test_impossible_tasks_and_no_tasks_are_refused() -> None:
    with pytest.raises(InputError, match="level must be at least 0, got -1"):
        unique_tasks([Small(seed=1), Small(seed=1, level=-1)])
    with pytest.raises(InputError, match="no tasks"):
        unique_tasks([])
