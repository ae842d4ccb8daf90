"""The table of routers: one entry makes a router known everywhere."""

from __future__ import annotations

import numpy as np
import pytest
import typer.main
from torch import nn

from qmoe_qiskit.cli import app
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import ROUTERS, LinearRouter, RouterKind, RouterSettings
from qmoe_qiskit.moe.routers.registry import kind_of
from qmoe_qiskit.registry import Registry
from qmoe_qiskit.train import QMoEClassifier


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> RouterKind:
    """A kind of router that is registered during a test."""

    def build(settings: RouterSettings) -> nn.Module:
        router = LinearRouter(settings.n_inputs, settings.n_experts, generator=settings.generator)
        return nn.Sequential(nn.Linear(settings.n_inputs, settings.n_inputs), router)

    entries = Registry("router", ROUTERS)
    monkeypatch.setattr("qmoe_qiskit.moe.routers.registry.ROUTERS", entries)
    return entries.register(
        RouterKind(
            name="deep:D",
            help="D layers",
            label="deep ({size})",
            family="deep",
            build=build,
            counts="layers",
        )
    )


def test_one_entry_is_enough(kind: RouterKind) -> None:
    assert kind_of("deep:3") is kind
    assert kind.label_of("deep:3") == "deep (3)"
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 2)), np.arange(20) % 2
    model = QMoEClassifier("deep:3", max_epochs=1, random_state=0).fit(X, y)
    assert isinstance(model.module_.router, nn.Sequential)
    with pytest.raises(InputError, match="router 'deep' needs its number of layers"):
        QMoEClassifier("deep", max_epochs=1).fit(X, y)
    with pytest.raises(InputError, match="known are deep:D, fourier, linear, mlp:H"):
        QMoEClassifier("deeep:3", max_epochs=1).fit(X, y)


def test_every_kind_has_what_help_and_reports_need() -> None:
    for kind in ROUTERS:
        name = kind.name.partition(":")[0] + (":7" if kind.counts else "")
        assert kind_of(name) is kind
        assert ("7" in kind.label_of(name)) == bool(kind.counts)
        assert (":" in kind.name) == bool(kind.counts)
        assert kind.help
        assert kind.family
    with pytest.raises(InputError, match="router 'linear' exists already"):
        ROUTERS.register(RouterKind(**{**vars(kind_of("linear")), "label": "other"}))
    for name in ("linear:3", "quantum:3", "cubic", ""):
        with pytest.raises(InputError, match="unknown router"):
            kind_of(name)


def test_the_command_line_names_every_kind() -> None:
    command = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    text = next(p.help for p in command.params if p.name == "router")
    for kind in ROUTERS:
        assert f"{kind.name} ({kind.help})" in text
