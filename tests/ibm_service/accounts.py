"""IBM Cloud around the service: API keys and tokens, the instance with its plan, and its usage."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass, field

from ibm_service.messages import Answer, RefusalError, Request, as_json

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/account:instance::"
PRICING = {"open": "free", "premium": "subscription", "flex": "subscription", "payg": "paygo"}


@dataclass(kw_only=True)
class Account:
    """One API key with one instance.

    Attributes:
        api_key: What the client has to know.
        plan: "open", "premium", "flex" or "payg".
        allowance: QPU seconds; at this consumption no more jobs are accepted.
        consumed: QPU seconds charged.
        token_lifetime: How long a token is valid, in s.
    """

    api_key: str
    plan: str
    allowance: float
    token_lifetime: float = 3600.0
    consumed: float = 0.0
    _tokens: dict[str, float] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        if self.plan not in PRICING:
            raise ValueError(f"unknown plan {self.plan!r}: use one of {', '.join(PRICING)}")

    def charge(self, seconds: float) -> None:
        """Add to what was consumed."""
        with self._lock:
            self.consumed += seconds

    def expire_tokens(self) -> None:
        """From now on every token that was given out is refused."""
        with self._lock:
            self._tokens.clear()

    def authorize(self, request: Request) -> None:
        """Refuse a request that has no valid token, or that is for another instance."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        with self._lock:
            valid = scheme.lower() == "bearer" and self._tokens.get(token, 0.0) > time.time()
        if not valid:
            raise RefusalError(401, 1201, "Invalid credentials: no token, or an expired one.")
        if request.headers.get("service-crn", CRN) != CRN:
            raise RefusalError(403, 1200, "You are not authorized to use this instance.")

    def token(self, request: Request) -> Answer:
        """POST /identity/token."""
        if request.form().get("apikey") != self.api_key:
            refusal = {
                "errorCode": "BXNIM0415E",
                "errorMessage": "Provided API key could not be found.",
            }
            return as_json(refusal, status=400)
        now = int(time.time())
        until = now + self.token_lifetime
        parts = ({"alg": "HS256"}, {"iat": now, "exp": int(until), "jti": secrets.token_hex(8)})
        coded = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts]
        signature = base64.urlsafe_b64encode(secrets.token_bytes(16))
        token = b".".join(part.rstrip(b"=") for part in (*coded, signature)).decode()
        with self._lock:
            self._tokens[token] = until
        return as_json(
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": int(self.token_lifetime),
                "expiration": int(until),
            }
        )

    def search(self, _: Request) -> Answer:
        """POST /v3/resources/search: the instances of the account."""
        instance = {
            "crn": CRN,
            "name": "loopback",
            "doc": {"extensions": [{"name": "allocation"}]},
            "service_plan_unique_id": self.plan,
            "tags": [],
        }
        return as_json({"items": [instance], "limit": 100})

    def catalog(self, _: Request, plan: str) -> Answer:
        """GET the catalogue's entry of a plan."""
        entry = {
            "id": plan,
            "overview_ui": {"en": {"display_name": plan.capitalize()}},
            "metadata": {"pricing": {"type": PRICING.get(plan, "unknown")}},
        }
        return as_json(entry)

    def usage(self, *, over: bool = False) -> Answer:
        """GET /instances/usage; `over` claims that the limit is reached."""
        consumed = max(self.consumed, self.allowance) if over else self.consumed
        return as_json(
            {
                "instance_id": CRN,
                "plan_id": self.plan,
                "usage_consumed_seconds": consumed,
                "usage_limit_seconds": self.allowance,
                "usage_allocation_seconds": self.allowance,
                "usage_limit_reached": consumed >= self.allowance,
            }
        )
