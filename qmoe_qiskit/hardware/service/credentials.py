"""Credentials in texts that come from elsewhere: a proxy or a service may echo a request."""

import re
from collections.abc import Iterable

HIDDEN = "<credential>"
# A shorter piece of a credential gives nothing away, and may be an ordinary word.
_PIECE = 12
_RUN = re.compile(rf"[A-Za-z0-9_\-+/=.~%]{{{_PIECE},}}")
# JSON Web Tokens begin with the base64 of '{"'.
_JWT = re.compile(r"eyJ[A-Za-z0-9_\-]{8,}(\.[A-Za-z0-9_\-+/=]*)*")


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without credentials: web tokens, and pieces of the given secrets.

    Args:
        text: The text.
        secrets: API keys and tokens, of which any piece of 12 characters or more is hidden.

    >>> scrub("cannot read Bearer eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjF9.c2lnbmF0dXJl")
    'cannot read Bearer <credential>'
    """
    pieces = {
        secret[k : k + _PIECE]
        for secret in secrets
        for k in range(max(len(secret) - _PIECE + 1, 0))
    }

    def hide(match: re.Match[str]) -> str:
        run = match[0]
        windows = (run[k : k + _PIECE] for k in range(len(run) - _PIECE + 1))
        return HIDDEN if pieces and any(window in pieces for window in windows) else run

    return _RUN.sub(hide, _JWT.sub(HIDDEN, text))


def scrub_chain(error: BaseException, secrets: Iterable[str] = ()) -> None:
    """Scrub the messages of an error and of its causes, which tracebacks show."""
    secrets = list(secrets)
    link: BaseException | None = error
    while link is not None:
        link.args = tuple(scrub(a, secrets) if isinstance(a, str) else a for a in link.args)
        for name in ("message", "_message"):
            text = vars(link).get(name)
            if isinstance(text, str):
                setattr(link, name, scrub(text, secrets))
        link = link.__cause__ or link.__context__
