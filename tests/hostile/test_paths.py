"""Paths and options that attack: one sentence each, within 5 s of processor time and 1 GiB."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BILLION = 10**9
SHORT = ("--samples", 60, "--layers", 1, "--epochs", 1)
LONG = "1" * 40


def put(path: Path, how: str) -> Path:
    """Put something at a path that is no regular file, or never ends."""
    path.unlink(missing_ok=True)
    if how == "pipe":
        os.mkfifo(path)
    elif how == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(os.path.relpath(path))
    elif how == "folder":
        path.mkdir()
    elif how == "sparse":
        with path.open("wb") as file:
            file.truncate(2**40)
    else:
        path.symlink_to(how)
    return path


PLACES = ("pipe", "socket", "/dev/zero", "sparse")
SAID = {
    "pipe": "it is a named pipe, not a file",
    "socket": "it is a socket, not a file",
    "/dev/zero": "it is a device, not a file",
    "sparse": "it takes 1,099,511,627,776 bytes, and at most",
}


@pytest.mark.parametrize("how", PLACES)
@pytest.mark.parametrize(
    "name",
    ["manifest.json", "metrics.json", "history.json", "model.safetensors", "router.qpy"],
)
def test_files_of_a_run(
    *,
    refused_within_limits: Callable[..., None],
    copy_of_run: Path,
    name: str,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(copy_of_run)
    put(copy_of_run / name, how)
    refused_within_limits(SAID[how], "info", "run")
    refused_within_limits(SAID[how], "evaluate", "run")


@pytest.mark.usefixtures("copy_of_run")
@pytest.mark.parametrize("how", PLACES)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("x.csv", ("train", "--data", "x.csv", "--target", "y", "--out", "out")),
        ("x.csv", ("predict", "run", "x.csv")),
        ("x.npz", ("train", "--data", "x.npz", "--out", "out")),
        ("x.npz", ("evaluate", "run", "--data", "x.npz")),
        ("x.sur", ("evaluate", "run", "--surrogate", "x.sur")),
        ("x.json", ("profiles", "show", "x.json")),
        ("x.json", ("train", "--backend", "noisy:x.json", "--out", "out")),
        ("x.json", ("noise", "--device", "x.json", "--out", "out")),
        ("x.toml", ("estimate", "run", "--backend", "runtime:fake_manila", "--options", "x.toml")),
        ("x.toml", ("study", "balance", "--quick", "--settings", "x.toml", "--out", "out")),
        ("request.json", ("train", "--resume", "--out", ".")),
        ("study.json", ("report", ".")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_other_files(
    *,
    refused_within_limits: Callable[..., None],
    tmp_path: Path,
    name: str,
    arguments: tuple[str, ...],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path / name, how)
    refused_within_limits(SAID[how], *arguments)


@pytest.mark.parametrize("how", ["pipe", "/dev/zero"])
def test_ledgers(refused_within_limits: Callable[..., None], tmp_path: Path, how: str) -> None:
    put(tmp_path / "ledger", how)
    refused_within_limits("is not a file", "jobs", "list", "--ledger", "ledger")


@pytest.mark.usefixtures("copy_of_run")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 20_000 + "]" * 20_000, "may stand within each other"),
        ("a = " + "[" * 30 + "]" * 30, "may stand within each other"),
        ("a = " + "{a = " * 10_000, "may stand within each other"),
        (".".join("a" * 30_000) + " = 1", "more than the accepted 1000 values"),
        ("repetition = " + "1" * 5000, "at most 18 digits"),
        ("repetition = " + "1" * 40, "at most 18 digits"),
        ("[execution]\nrep_delay = nan", "rep_delay is nan: it must be seconds"),
        ("[execution]\nrep_delay = inf", "rep_delay is inf: it must be seconds"),
        ("[execution]\nrep_delay = -1.0", "rep_delay is -1.0: it must be seconds"),
        ("[resilience.zne]\nnoise_factors = [" + "3," * 10**6 + "]", "at most 64 KiB are read"),
        ("[resilience.zne]\nnoise_factors = [" + "3," * 20_000 + "]", "has 20000 values"),
        ("[resilience.zne]\nnoise_factors = [" + "3," * 200 + "]", "at most 100 noise factors"),
        ("[resilience.zne]\nnoise_factors = [1, 1e9]", "at most 100 noise factors"),
        ("[resilience.zne]\nnoise_factors = [1, inf]", "at most 100 noise factors"),
        ("[twirling]\nnum_randomizations = 1000000000000", "at most 10000000 are accepted"),
        ("precision = 1e-300", "takes more than 10 000 000 shots"),
        ("session_seconds = 100000000000", "session_seconds"),
        ("primitive = 'sampler'\nspsa_directions = 100000000", "spsa_directions"),
        ("a = '" + "x" * 60_000 + "'", "unknown option 'a'"),
    ],
    ids=range(19),
)
def test_options(
    *,
    refused_within_limits: Callable[..., None],
    tmp_path: Path,
    text: str,
    words: str,
) -> None:
    (tmp_path / "x.toml").write_text(text)
    device = ("--backend", "runtime:fake_manila")
    refused_within_limits(words, "estimate", "run", *device, "--options", "x.toml")


@pytest.mark.usefixtures("copy_of_run")
@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("at most", ("train", "--experts", BILLION)),
        ("at most", ("train", "--layers", BILLION)),
        ("at most", ("train", "--reuploads", BILLION)),
        ("at most", ("train", "--samples", 10**12)),
        ("at most", ("train", "--samples", BILLION)),
        ("at most", ("train", "--epochs", LONG)),
        ("at most", ("train", "--batch-size", LONG)),
        ("at most", ("train", "--qubits", LONG)),
        ("at most", ("train", *SHORT, "--router", "quadratic", "--experts", LONG)),
        ("whole number", ("train", *SHORT, "--seed", LONG)),
        ("at most", ("train", *SHORT, "--backend", "noisy:ibmq_manila", "--shots", LONG)),
        ("at most", ("evaluate", "run", "--backend", "noisy:ibmq_manila", "--shots", LONG)),
        ("at most", ("evaluate", "run", "--backend", "noisy:ibmq_manila", "--shots", BILLION)),
        ("at most", ("predict", "run", "x.csv", "--backend", "noisy:ideal", "--shots", LONG)),
        ("at most", ("estimate", "run", "--backend", "runtime:fake_manila", "--shots", LONG)),
        ("at most", ("evaluate", "run", "--samples", LONG)),
        ("at most", ("noise", "--device", "ibmq_manila", "--shots", LONG)),
        ("at most", ("study", "balance", "--quick", "--seeds", BILLION)),
        ("not valid Unicode", ("train", "--data", "\udcff.csv", "--target", "y")),
        ("not valid Unicode", ("train", "--target", "\udcff")),
        ("not valid Unicode", ("train", "--out", "\udcff")),
        ("not valid Unicode", ("train", "--router", "\udcff")),
        ("not valid Unicode", ("predict", "run", "\udcff.csv")),
        ("not valid Unicode", ("info", "\udcff")),
        ("not valid Unicode", ("study", "balance", "--quick", "--out", "\udcff")),
        ("not valid Unicode", ("report", "\udcff")),
        ("not valid Unicode", ("profiles", "show", "\udcff.json")),
        ("not valid Unicode", ("jobs", "list", "--ledger", "\udcff")),
        ("not valid Unicode", ("\udcff",)),
    ],
)
def test_arguments(
    *,
    refused_within_limits: Callable[..., None],
    words: str,
    arguments: tuple[object, ...],
) -> None:
    refused_within_limits(words, *arguments)
