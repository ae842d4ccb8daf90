"""Answers that a service should not give, as changes of those of the stand-in.

Each takes a request and its answer to the answer that is sent, see the fault "rewrite".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ibm_service.messages import Answer, Request, as_json

Change = Callable[[Request, Answer], Answer]


def of_rows(change: Callable[[list[Any]], list[Any]]) -> Change:
    """Change the rows of a list of jobs, and the count with them."""

    def changed(_: Request, answer: Answer) -> Answer:
        document = json.loads(answer.body)
        rows = change(document["jobs"])
        return as_json({**document, "jobs": rows, "count": document["count"] + len(rows) - 1})

    return changed


def with_created(moment: object) -> Change:
    return of_rows(lambda rows: [{**row, "created": moment} for row in rows])


def one_at_a_time(request: Request, answer: Answer) -> Answer:
    """Pages of one row: the same job twice, as offsets show it while jobs arrive, and no more."""
    document = json.loads(answer.body)
    skip = int(request.one("offset") or 0)
    rows = [*document["jobs"]] if skip == 0 else document["jobs"] or ROWS
    ROWS[:] = rows
    return as_json({**document, "jobs": rows[:1] if skip < 2 else [], "count": 2})


ROWS: list[Any] = []

LISTS: dict[str, Change] = {
    "a job twice": of_rows(lambda rows: rows * 2),
    "pages of one row": one_at_a_time,
    "no creation time": of_rows(
        lambda rows: [{k: v for k, v in row.items() if k != "created"} for row in rows]
    ),
    "a number as time": with_created(1.7e9),
    "junk as time": with_created("yesterday"),
    "no time": with_created(None),
    "jobs of others": of_rows(
        lambda rows: [*({**row, "id": "d" + "0" * 19, "tags": ["mine"]} for row in rows), *rows]
    ),
}


USAGES: dict[str, Any] = {
    "none": None,
    "infinite": {"qpu_charge_time_seconds": "Infinity", "status": "complete"},
    "negative": {"qpu_charge_time_seconds": -3.0, "status": "complete"},
    "a list": [],
    "true": {"qpu_charge_time_seconds": True, "status": "complete"},
}


def odd_charge(name: str, _: Request, answer: Answer) -> Answer:
    """Spoil the usage of a job's metrics."""
    document = json.loads(answer.body)
    document["usage"] = USAGES[name]
    document["timestamps"] = None if name == "none" else document.get("timestamps")
    return replace(answer, body=json.dumps(document).replace('"Infinity"', "Infinity").encode())


def cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


RESULTS: dict[str, Callable[[bytes], bytes]] = {
    "cut": cut,
    "empty": lambda _: b"",
    "another document": lambda _: b'{"data": []}',
    "a list": lambda _: b"[]",
    "fewer rows": lambda body: body.replace(b"[", b"[[", 1),
}


def odd_result(name: str, _: Request, answer: Answer) -> Answer:
    """Damage a result."""
    return replace(answer, body=RESULTS[name](answer.body))


def echo(status: int, request: Request, _: Answer) -> Answer:
    """Quote the request, as proxies do."""
    token = request.headers.get("authorization", "no token at all").partition(" ")[2]
    said = f"bad request: {request.headers} ... {token[7:60]} {token[-30:]}"
    error = {"code": 1, "message": said, "solution": "", "more_info": ""}
    return as_json({"errors": [error], "trace": token}, status=status)


ODD: list[dict[str, Any]] = [
    *({"on": "GET /jobs", "change": change} for change in LISTS.values()),
    *({"on": "GET /jobs/*/metrics", "change": partial(odd_charge, name)} for name in USAGES),
    *({"on": "GET /jobs/*/results", "change": partial(odd_result, name)} for name in RESULTS),
    *(
        {"on": on, "change": partial(echo, status)}
        for on in ("GET /backends", "GET /jobs/*/results", "GET /jobs/*/metrics", "POST /jobs")
        for status in (400, 502)
    ),
]
"""Faults of the kind "rewrite", one of each."""
