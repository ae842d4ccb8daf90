"""`qmoe estimate --tolerance`: a plan of shots, and commands that carry it out."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ibm_service import IBMService

MANILA = ("--backend", "runtime:fake_manila", "--samples", "12", "--resilience", "0")
PLAN = (*MANILA, "--tolerance", "0.1", "--decision", "routing")


def test_the_commands_execute_what_was_planned(
    *,
    qmoe: Callable[..., Any],
    document: Callable[..., Any],
    said: Callable[..., str],
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = document("estimate", run, *PLAN, "--price", "1.5")
    words = said("estimate", run, *PLAN, "--price", "1.5")
    possible = [way for way in plan["ways"] if way["reason"] is None]
    assert {way["name"] for way in possible} >= {"direct", "surrogate"}
    for way in possible:
        assert way["flips"]["expected"] <= 0.1
        assert way["dollars"] == pytest.approx(1.5 * way["estimate"]["seconds"])
        assert f"{way['estimate']['executions']:,}" in words
        for line in way["commands"]:
            assert line in words
            program, *rest = shlex.split(line)
            assert program == "qmoe"
            estimated = None
            if rest[0] == "evaluate" and "--surrogate" not in rest:
                estimated = document("estimate", *rest[1:])["executions"]
            done = qmoe(*rest, "--json", *(["--force"] if rest[0] == "surrogate" else []))
            assert done.exit_code == 0, done.stderr
            if estimated is not None:
                assert estimated == way["estimate"]["executions"]
    (impossible,) = (way for way in plan["ways"] if way["name"] == "one-shot")
    assert "routing 'sampled'" in impossible["reason"]
    assert impossible["reason"] in words


@pytest.fixture
def ibm_devices() -> list[str]:
    return ["ibmq_guadalupe"]


def test_the_live_calibration_of_a_device(
    ibm: IBMService, document: Callable[..., Any], run: Path
) -> None:
    """Nothing is sent; the allowance is stated."""
    options = ("--backend", "runtime:ibmq_guadalupe", "--samples", "10", "--slots", "3")
    plan = document("estimate", run, *options, "--tolerance", "0.1")
    assert not ibm.jobs
    assert plan["remaining_seconds"] > 0
    assert (plan["simulated"], plan["n_slots"], plan["n_slots_evaluated"]) == (False, 3, 3)
    packed = next(way for way in plan["ways"] if way["name"] == "packed")
    assert "--slots 3" in packed["commands"][0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((*MANILA, "--tolerance", "0"), "tolerance must be a share of the rows between 0 and 1"),
        ((*MANILA, "--tolerance", "nan"), "tolerance must be a share of the rows"),
        ((*MANILA, "--tolerance", "0.1", "--shots", "9"), "--shots 9 are what --tolerance"),
        ((*MANILA, "--decision", "class"), "give --tolerance as well"),
        (("--backend", "statevector", "--tolerance", "0.1"), "is a simulation"),
        (("--backend", "noisy:ibm_fez", "--tolerance", "0.1"), "is a simulation"),
    ],
)
def test_refused(
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    run: Path,
    options: tuple[str, ...],
    said: str,
) -> None:
    assert_refused(qmoe("estimate", run, *options), said)


@pytest.mark.usefixtures("no_figures")
def test_a_classical_router_has_no_shots(
    qmoe: Callable[..., Any], assert_refused: Callable[[Any, str], None], tmp_path: Path
) -> None:
    small = ("--samples", "60", "--epochs", "1", "--control", "none", "--out", tmp_path / "linear")
    assert qmoe("train", "--router", "linear", *small).exit_code == 0
    assert_refused(qmoe("estimate", tmp_path / "linear", *PLAN), "is classical")


@pytest.mark.usefixtures("no_figures")
def test_votes_are_not_planned(
    qmoe: Callable[..., Any], assert_refused: Callable[[Any, str], None], tmp_path: Path
) -> None:
    out = tmp_path / "votes"
    small = ("--samples", 60, "--layers", 1, "--epochs", 1, "--control", "none")
    sampled = ("--readout", "probabilities", "--routing", "sampled", "--votes", 3)
    trained = qmoe("train", *small, *sampled, "--out", out)
    assert trained.exit_code == 0, trained.stderr
    plan = ("--backend", "runtime:fake_manila", "--tolerance", 0.1)
    assert_refused(qmoe("estimate", out, *plan), "draws 3 votes per row")
