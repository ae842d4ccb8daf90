"""Files of tensors and a JSON text, in safetensors' format, that show whether they changed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from qmoe_qiskit.errors import RunError
from qmoe_qiskit.io.atomic import write_atomically

SCHEMA_VERSION = 1
Tensors = dict[str, Tensor]


def write_tensors(path: Path, state: Mapping[str, Any], tensors: Tensors) -> None:
    """Write tensors and a state in JSON types, atomically, as one file.

    Raises:
        OSError: If the file cannot be written.
    """
    tensors = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({"schema_version": SCHEMA_VERSION, **state})
    write_atomically(path, save(tensors, {"state": text, "sha256": _digest(text, tensors)}))


def read_tensors(path: Path, what: str) -> tuple[dict[str, Any], Tensors]:
    """Return the state and the tensors of a file.

    Args:
        path: Path of the file.
        what: What the file is, with its path, for messages.

    Raises:
        OSError: If the file is missing or cannot be read.
        RunError: If its schema is newer.
        ValueError: If it is damaged, or no such file; the message says how.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            text = metadata["state"]
            state = json.loads(text)
            version = state["schema_version"]
            if version > SCHEMA_VERSION:
                raise RunError(
                    f"{what} has schema version {version}, this program reads up to "
                    f"{SCHEMA_VERSION}: use a newer qmoe-qiskit"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if _digest(text, tensors) != metadata["sha256"]:
                raise ValueError("its contents do not match its hash")
    except (KeyError, SafetensorError, TypeError) as error:
        raise ValueError(str(error)) from error
    return state, tensors


def _digest(state: str, tensors: Tensors) -> str:
    """Hash everything: safetensors does not notice a flipped bit."""
    digest = hashlib.sha256(state.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
