"""Where a provider is, and the key it is asked with."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence

import httpx
from medenv.agents.llm.wire import Secret

__all__ = ["key_of", "place_of"]


def place_of(base_url: str) -> tuple[str, Secret | None]:
    """A base URL without the credentials in it, and those.

    Raises:
        ValueError: It is no http or https URL.
    """
    shown = base_url.rpartition("@")[2]
    if not base_url.startswith(("http://", "https://")):
        raise ValueError(f"base URL {shown!r} must begin with http:// or https://")
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"base URL {shown!r} can't be used: {error}") from None
    secret = Secret(base64.b64encode(url.userinfo).decode(), "Basic") if url.userinfo else None
    return str(url.copy_with(userinfo=b"")).rstrip("/"), secret


def key_of(names: Sequence[str]) -> Secret:
    """The key in the first of these environment variables that is set, or none.

    Raises:
        ValueError: No HTTP header can hold it.
    """
    for name in names:
        # Never a plain local: a traceback may show those.
        if secret := Secret(os.environ.get(name, "").strip()):
            if not secret.fits_header:
                raise ValueError(
                    f"the key in the environment variable {name!r} has characters that no HTTP header can hold"
                )
            return secret
    return Secret(None)
