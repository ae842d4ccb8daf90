"""Requests and answers of the routes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; its path lacks the prefix of the API."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises a refusal if it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise RefusalError(400, 1211, f"The body is not JSON: {error}.") from error

    def form(self) -> dict[str, str]:
        """The fields of a form."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    def one(self, name: str) -> str | None:
        """The value of a query parameter that is given once."""
        return self.query.get(name, [None])[0]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class RefusalError(Exception):
    """A request is answered with an error in IBM's form.

    Args:
        status: HTTP status.
        code: Code in IBM's registry of errors.
        message: Text of the error.
        headers: Further headers of the answer.
    """

    def __init__(
        self, status: int, code: int, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}

    def answer(self) -> Answer:
        """The answer to send."""
        error = {"code": self.code, "message": str(self), "solution": "", "more_info": ""}
        return as_json(
            {"errors": [error], "trace": "loopback"}, status=self.status, headers=self.headers
        )


def as_json(document: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer with a document."""
    kind = {"Content-Type": "application/json"}
    return Answer(status=status, body=json.dumps(document).encode(), headers=kind | (headers or {}))


def as_text(text: str) -> Answer:
    """Answer with text."""
    return Answer(body=text.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})


NOTHING = Answer(status=204)
