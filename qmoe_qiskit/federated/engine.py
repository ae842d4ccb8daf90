"""How the coordinator reaches its clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from qmoe_qiskit.federated.client import Client
from qmoe_qiskit.train.classifier import QMoEClassifier


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What came back.

    Attributes:
        replies: Messages by client.
        missing: Why others did not answer, by client.
    """

    replies: Mapping[str, bytes]
    missing: Mapping[str, str]


class Engine(Protocol):
    """Carries messages to clients and back; a context in which the clients live."""

    def __enter__(self) -> Self:
        """Start the clients."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the clients."""

    def ask(self, message: bytes, names: Sequence[str]) -> Answers:
        """Send a message to some clients, and wait until each has answered or cannot."""

    def models(self) -> Mapping[str, QMoEClassifier]:
        """Return the models of the clients after they have finished."""


class LocalEngine:
    """All clients in this process, one after the other: exact, and the oracle of other engines.

    Args:
        clients: The clients.
    """

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = {client.settings.name: client for client in clients}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """See `Engine`."""

    def ask(self, message: bytes, names: Sequence[str]) -> Answers:
        """See `Engine`."""
        replies = {name: self._clients[name].handle(message) for name in names}
        return Answers(replies=replies, missing={})

    def models(self) -> Mapping[str, QMoEClassifier]:
        """See `Engine`."""
        return {name: client.model for name, client in self._clients.items()}
