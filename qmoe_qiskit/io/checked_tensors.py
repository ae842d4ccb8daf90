"""Files of tensors and a JSON text, in safetensors' format, that show whether they changed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from qmoe_qiskit.errors import RunError
from qmoe_qiskit.io.atomic import write_atomically
from qmoe_qiskit.io.regular_files import read_regular

SCHEMA_VERSION = 1
Tensors = dict[str, Tensor]
# What reading bytes that are no such file may raise.
_FAULTS = (
    AttributeError, LookupError, RecursionError, SafetensorError, TypeError, UnicodeError,
)  # fmt: skip


def write_tensors(path: Path, state: Mapping[str, Any], tensors: Tensors) -> None:
    """Write tensors and a state in JSON types, atomically, as one file.

    Raises:
        OSError: If the file cannot be written.
    """
    tensors = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({"schema_version": SCHEMA_VERSION, **state})
    write_atomically(path, save(tensors, {"state": text, "sha256": _digest(text, tensors)}))


def read_tensors(path: Path, what: str, at_most: int) -> tuple[dict[str, Any], Tensors]:
    """Return the state and the tensors of a file.

    Args:
        path: Path of the file.
        what: What the file is, with its path, for messages.
        at_most: The largest size that is read, in bytes.

    Raises:
        OSError: If the file is missing or cannot be read.
        RunError: If its schema is newer.
        ValueError: If it is damaged, or no such file; the message says how.
    """
    try:
        data = read_regular(path, at_most)
        tensors = load(data)
        metadata = _metadata(data)
        text = metadata["state"]
        state = json.loads(text)
        version = state["schema_version"]
        if version > SCHEMA_VERSION:
            raise RunError(
                f"{what} has schema version {version}, this program reads up to "
                f"{SCHEMA_VERSION}: use a newer qmoe-qiskit"
            )
        if _digest(text, tensors) != metadata["sha256"]:
            raise ValueError("its contents do not match its hash")
    except _FAULTS as error:
        raise ValueError(str(error)) from error
    return state, tensors


def _metadata(data: bytes) -> dict[str, str]:
    """Return the text beside the tensors: safetensors reads it from a path alone."""
    length = int.from_bytes(data[:8], "little")
    metadata: dict[str, str] = json.loads(data[8 : 8 + length])["__metadata__"]
    return metadata


def _digest(state: str, tensors: Tensors) -> str:
    """Hash everything: safetensors does not notice a flipped bit."""
    digest = hashlib.sha256(state.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
