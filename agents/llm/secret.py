"""Keys of providers: they show in no repr, log, error or answer."""

from __future__ import annotations

import logging
from typing import Any
from weakref import WeakSet

__all__ = ["Secret", "watch", "without_keys"]


class Secret:
    """A key that shows itself in no repr, log or traceback.

    Args:
        value: The key; None or empty for none.
        scheme: How an Authorization header names its kind.
    """

    def __init__(self, value: str | None, scheme: str = "Bearer") -> None:
        self._value, self._scheme = value, scheme

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret([key])" if self._value else "Secret(none)"

    def reveal(self) -> str | None:
        """Return the key itself; None if there is none."""
        return self._value

    @property
    def authorization(self) -> str:
        """What stands in an Authorization header."""
        return f"{self._scheme} {self._value}"

    @property
    def fits_header(self) -> bool:
        """Whether an HTTP header can hold it."""
        return self._value is None or (self._value.isascii() and self._value.isprintable())

    def safe(self, text: str) -> str:
        """Text for people (an error, a log) without the key, should a provider have echoed it."""
        return text.replace(self._value, "[key]") if self._value and len(self._value) >= 4 else text

    def safe_answer(self, text: str) -> str:
        """Take the key out of a model's answer, unless it is a word that the model could have said.

        Such words are the keys of servers that need none: ``EMPTY``, ``none``, ``not-needed``.
        """
        key = self._value or ""
        long = len(key) >= 8 and (key.startswith("sk-") or any(char.isdigit() for char in key))
        return text.replace(key, "[key]") if long or len(key) >= 16 else text

    def __reduce__(self) -> Any:
        raise TypeError("a key is not pickled")


class _Redaction(logging.Filter):
    """Takes keys out of what the HTTP libraries log: they show an answer's headers before anybody else sees them."""

    LOGGERS = tuple(
        f"{core}.{part}" for core in ("httpcore", "httpcore2") for part in ("http11", "http2", "connection", "proxy")
    )

    def __init__(self) -> None:
        super().__init__()
        self._secrets: WeakSet[Secret] = WeakSet()

    def watch(self, secret: Secret) -> None:
        """Take this key out too, as long as it is in use."""
        if not self._secrets:
            for name in self.LOGGERS:
                logging.getLogger(name).addFilter(self)  # adding it again changes nothing
        self._secrets.add(secret)

    def safe(self, text: str) -> str:
        """Take the keys in use out of a text."""
        for secret in self._secrets:
            text = secret.safe(text)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without keys."""
        told = record.getMessage()
        safe = self.safe(told)
        if safe != told:
            record.msg, record.args = safe, ()
        return True


_REDACTION = _Redaction()


def watch(secret: Secret) -> None:
    """Take a key out of what the HTTP libraries log, and of what `without_keys` is given, as long as it is in use."""
    _REDACTION.watch(secret)


def without_keys(text: str) -> str:
    """Return a text for people without any key that is in use."""
    return _REDACTION.safe(text)
