"""Checkpoint files: what is written is read, and what is damaged is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save, save_file

from qmoe_qiskit.errors import RunError
from qmoe_qiskit.io.checked_tensors import SCHEMA_VERSION
from qmoe_qiskit.train import QMoEClassifier
from qmoe_qiskit.train.stored.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINT = Checkpoint(
    module={"router.weight": torch.tensor([[1.5, -0.0], [5e-324, 1e308]], dtype=torch.float64)},
    optimizer={"0.step": torch.tensor(3.0), "0.exp_avg": torch.zeros(2, 2, dtype=torch.float64)},
    best={"router.weight": torch.ones(2, 2, dtype=torch.float64)},
    history=[{"epoch": 1.0, "train_loss": 0.1 + 0.2}],
    identity={"seed": 2**31 - 1, "data": "abc", "settings": {"router": "linear", "n_qubits": None}},
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("stored") / "checkpoint"
    save_checkpoint(path, CHECKPOINT)
    return path.read_bytes()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    save_checkpoint(path, CHECKPOINT)
    loaded = load_checkpoint(path)
    assert loaded.history == CHECKPOINT.history
    assert loaded.identity == CHECKPOINT.identity
    for group in ("module", "optimizer", "best"):
        before, after = getattr(CHECKPOINT, group), getattr(loaded, group)
        assert before.keys() == after.keys()
        for name, tensor in before.items():
            assert tensor.numpy().tobytes() == after[name].numpy().tobytes()
            assert (tensor.dtype, tensor.shape) == (after[name].dtype, after[name].shape)
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint"]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=3 * settings().max_examples,
)
@given(data=st.data())
def test_a_flipped_bit_is_noticed(stored: bytes, tmp_path: Path, data: st.DataObject) -> None:
    """Anywhere: safetensors alone would read a changed weight."""
    position = data.draw(st.integers(0, len(stored) - 1))
    damaged = bytearray(stored)
    damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    with pytest.raises(RunError, match=r"is damaged|newer"):
        load_checkpoint(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.2, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_noticed(stored: bytes, tmp_path: Path, share: float) -> None:
    path = tmp_path / "truncated"
    path.write_bytes(stored[: int(share * len(stored))])
    with pytest.raises(RunError, match=r"checkpoint .*truncated is damaged"):
        load_checkpoint(path)
    path.write_bytes(stored + b"\0")
    with pytest.raises(RunError, match="is damaged"):
        load_checkpoint(path)


FOREIGN = {
    "zip": b"PK\x03\x04 not ours",
    "bytes": bytes(range(256)) * 9,
    "weights": save({"weight": torch.ones(2)}),
    "no JSON": save({}, metadata={"state": "not JSON", "sha256": ""}),
    "list": save({}, metadata={"state": "[]", "sha256": ""}),
    "empty": save({}, metadata={"state": "{}", "sha256": ""}),
    "null": save({}, metadata={"state": '{"schema_version": null}', "sha256": ""}),
    "text": save({}, metadata={"state": '{"schema_version": "1"}', "sha256": ""}),
    "no hash": save({}, metadata={"state": '{"schema_version": 1}'}),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(RunError, match=r"checkpoint .*foreign is damaged"):
        load_checkpoint(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is damaged"):
        load_checkpoint(tmp_path)


def test_a_newer_schema_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "newer"
    state = {"schema_version": SCHEMA_VERSION + 1, "something": "new"}
    save_file({}, path, metadata={"state": json.dumps(state)})
    with pytest.raises(
        RunError, match=f"has schema version {SCHEMA_VERSION + 1}.*use a newer qmoe-qiskit"
    ):
        load_checkpoint(path)


def test_the_checkpoint_of_another_model_is_refused(tmp_path: Path, moons: Any) -> None:
    """Identity and hash are right, the tensors are not: nothing is trained on from there."""
    path = tmp_path / "checkpoint"
    model = QMoEClassifier("linear", max_epochs=2, random_state=0, checkpoint=path).fit(*moons)
    good = load_checkpoint(path)
    wrong = [
        {"module": {}},
        {"module": {name: torch.ones(7) for name in good.module}},
        {"optimizer": {"x": torch.ones(1)}},
    ]
    for change in wrong:
        parts = {**vars(good), **change}
        save_checkpoint(path, Checkpoint(**parts))
        with pytest.raises(RunError, match="does not fit the model"):
            model.set_params(max_epochs=3).resume(*moons)


def test_an_optimizers_state_is_put_back() -> None:
    def trained(steps: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        module = torch.nn.Linear(3, 2).double()
        adam = torch.optim.Adam(module.parameters(), lr=0.1)
        take(module, adam, steps)
        return module, adam

    def take(module: torch.nn.Module, adam: torch.optim.Optimizer, steps: int) -> None:
        for _ in range(steps):
            adam.zero_grad()
            module(torch.ones(1, 3, dtype=torch.float64)).square().sum().backward()
            adam.step()

    module, adam = trained(3)
    other, fresh = trained(0)
    other.load_state_dict(module.state_dict())
    restore_optimizer(fresh, {k: v.clone() for k, v in optimizer_tensors(adam).items()})
    take(module, adam, 4)
    take(other, fresh, 4)
    np.testing.assert_array_equal(module.weight.detach().numpy(), other.weight.detach().numpy())
