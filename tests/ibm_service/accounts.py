"""IBM Cloud: API keys, tokens, and the instances that they give access to."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterable

from leak_check import ACCESS

from ibm_service.instances import PRICING, Instance
from ibm_service.messages import Answer, RefusalError, Request, as_json


class Account:
    """One API key, and the instances that it gives access to.

    Args:
        api_key: The key that the client must send.
        instances: At least one instance; the first serves requests that name none.
        token_lifetime: Validity of a token in seconds.

    Attributes:
        instances: The instances by name.
    """

    def __init__(
        self, api_key: str, instances: Iterable[Instance], *, token_lifetime: float = 3600.0
    ) -> None:
        self.api_key = api_key
        self.token_lifetime = token_lifetime
        self.instances = {instance.name: instance for instance in instances}
        self._tokens: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def first(self) -> Instance:
        """The first instance."""
        return next(iter(self.instances.values()))

    @property
    def consumed(self) -> float:
        """QPU seconds charged to the first instance."""
        return self.first.consumed

    @consumed.setter
    def consumed(self, seconds: float) -> None:
        self.first.consumed = seconds

    @property
    def allowance(self) -> float:
        """QPU seconds that the first instance may use."""
        return self.first.allowance

    @allowance.setter
    def allowance(self, seconds: float) -> None:
        self.first.allowance = seconds

    def expire_tokens(self) -> None:
        """Refuse every token that was issued so far."""
        with self._lock:
            self._tokens.clear()

    def authorize(self, request: Request) -> None:
        """Refuse a request without a valid token, or for an unknown instance."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        with self._lock:
            valid = scheme.lower() == "bearer" and self._tokens.get(token, 0.0) > time.time()
        if not valid:
            raise RefusalError(401, 1201, "Invalid credentials: no token, or an expired one.")
        self.instance_of(request)

    def instance_of(self, request: Request) -> Instance:
        """The instance that a request names, or the first."""
        crn = request.headers.get("service-crn", self.first.crn)
        for instance in self.instances.values():
            if instance.crn == crn:
                return instance
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
        signature = base64.urlsafe_b64encode(ACCESS.encode() + secrets.token_bytes(16))
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
        return as_json(
            {"items": [instance.found() for instance in self.instances.values()], "limit": 100}
        )

    def catalog(self, _: Request, plan: str) -> Answer:
        """GET the catalogue's entry of a plan."""
        entry = {
            "id": plan,
            "overview_ui": {"en": {"display_name": plan.capitalize()}},
            "metadata": {"pricing": {"type": PRICING.get(plan, "unknown")}},
        }
        return as_json(entry)
