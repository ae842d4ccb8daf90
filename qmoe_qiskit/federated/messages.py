"""Messages between coordinator and clients: a line of JSON, then weights as float64."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from qmoe_qiskit.typing import FloatArray

_END = b"\n"


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """What a client is asked to do.

    Attributes:
        task: "train": measure with the shared weights, then train. "finish": measure, and keep the
            model.
        number: Number of the round, from 1.
        shared_V: The shared weights.
    """

    task: str
    number: int
    shared_V: FloatArray

    def encode(self) -> bytes:
        """Return the message as bytes."""
        return _encode({"task": self.task, "number": self.number}, self.shared_V)

    @classmethod
    def decode(cls, message: bytes) -> Self:
        """Read a message; ValueError if it is none."""
        head, shared_V = _decode(message)
        return cls(task=str(head["task"]), number=int(head["number"]), shared_V=shared_V)


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What a client tells beside its weights.

    Attributes:
        number: Number of the round.
        n_rows: Number of training rows.
        loss: Training loss of the last local epoch, nat; NaN if the client did not train.
        own: Accuracy on the client's own rows, with the weights that it was sent.
        common: Accuracy on the common test rows; NaN without any.
    """

    number: int
    n_rows: int
    loss: float
    own: float
    common: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Reply:
    """A client's answer.

    Attributes:
        measures: What the client measured.
        shared_V: The shared weights after the client's training.
        error: Why the client could not do it, or "".
    """

    measures: Measures
    shared_V: FloatArray
    error: str = ""

    def encode(self) -> bytes:
        """Return the message as bytes."""
        numbers = {k: None if v != v else v for k, v in asdict(self.measures).items()}  # noqa: PLR0124
        return _encode({**numbers, "error": self.error} if self.error else numbers, self.shared_V)

    @classmethod
    def decode(cls, message: bytes, n_weights: int) -> Self:
        """Read a message; ValueError if it is none, or has another number of weights."""
        head, shared_V = _decode(message)
        error = str(head.pop("error", ""))
        if not error and len(shared_V) != n_weights:
            raise ValueError(f"{len(shared_V)} weights instead of {n_weights}")
        measures = Measures(
            number=int(head["number"]),
            n_rows=int(head["n_rows"]),
            loss=_number(head["loss"]),
            own=_number(head["own"]),
            common=_number(head["common"]),
        )
        return cls(measures=measures, shared_V=shared_V, error=error)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _encode(head: Mapping[str, Any], shared_V: FloatArray) -> bytes:
    line = json.dumps(head, separators=(",", ":"), allow_nan=False).encode()
    return line + _END + np.asarray(shared_V, dtype="<f8").tobytes()


def _decode(message: bytes) -> tuple[dict[str, Any], FloatArray]:
    line, _, weights = bytes(message).partition(_END)
    try:
        head: dict[str, Any] = dict(json.loads(line))
        shared_V = np.frombuffer(weights, dtype="<f8").astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"not a message of a federation: {error}") from error
    return head, shared_V
