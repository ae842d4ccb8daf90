"""The files of a site: what was agreed, the initial model, and the site's own rows."""

from dataclasses import asdict
from pathlib import Path

import torch

from qmoe_qiskit import limits
from qmoe_qiskit.errors import RunError
from qmoe_qiskit.federated.client import Client, ClientSettings
from qmoe_qiskit.io.atomic import remove_parts
from qmoe_qiskit.io.checked_tensors import read_tensors, write_tensors
from qmoe_qiskit.train.classifier import QMoEClassifier
from qmoe_qiskit.train.rows import TargetRows

_INITIAL, _ROWS = "initial.safetensors", "rows.safetensors"
_OWN, _COMMON = "own", "common"


def write_site(
    folder: Path,
    settings: ClientSettings,
    model: QMoEClassifier,
    rows: TargetRows,
    common: TargetRows | None,
) -> None:
    """Write what a site needs to take part.

    Raises:
        RunError: If a file cannot be written.
    """
    model.save(folder / _INITIAL, overwrite=True)
    kinds = {_OWN: rows, _COMMON: common}
    tensors = {
        f"{kind}/{name}": torch.from_numpy(array)
        for kind, one in kinds.items()
        if one is not None
        for name, array in (("features", one.features_NF), ("codes", one.targets_N))
    }
    try:
        write_tensors(folder / _ROWS, {"client": asdict(settings)}, tensors)
    except OSError as error:
        raise RunError(f"{str(folder / _ROWS)!r} cannot be written: {error.strerror}") from error


def read_site(folder: Path) -> Client:
    """Return the client whose files `write_site` wrote.

    Raises:
        OSError: If a file is missing or cannot be read.
        RunError: If the model cannot be read.
        ValueError: If the rows are damaged.
    """
    remove_parts(folder)
    state, tensors = read_tensors(folder / _ROWS, "rows of a site", limits.RUN_BYTES)

    def rows(kind: str) -> TargetRows | None:
        if f"{kind}/codes" not in tensors:
            return None
        return TargetRows(
            features_NF=tensors[f"{kind}/features"].numpy(),
            targets_N=tensors[f"{kind}/codes"].numpy(),
        )

    own = rows(_OWN)
    if own is None:
        raise ValueError("the site has no rows")
    model = QMoEClassifier.load(folder / _INITIAL)
    return Client(ClientSettings(**state["client"]), model, own, rows(_COMMON), folder)
