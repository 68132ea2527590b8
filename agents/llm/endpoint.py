"""Where a provider is, and the key it is asked with."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence

import httpx

from medenv.agents.llm.secret import Secret
from medenv.errors import InputError

__all__ = ["find_key", "split_endpoint"]


def split_endpoint(base_url: str) -> tuple[str, Secret | None]:
    """Split a base URL into the URL without credentials or trailing slash, and the credentials (None if it has none).

    Raises:
        ValueError: It is no http or https URL.
    """
    shown = base_url.rpartition("@")[2]
    if not base_url.startswith(("http://", "https://")):
        raise InputError(f"base URL {shown!r} must begin with http:// or https://")
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise InputError(f"base URL {shown!r} can't be used: {error}") from None
    secret = Secret(base64.b64encode(url.userinfo).decode(), "Basic") if url.userinfo else None
    return str(url.copy_with(userinfo=b"")).rstrip("/"), secret


def find_key(names: Sequence[str]) -> Secret:
    """Read the key from the first of these environment variables that is set; an empty `Secret` if none is.

    Raises:
        ValueError: No HTTP header can hold it.
    """
    for name in names:
        # Never a plain local: a traceback may show those.
        if secret := Secret(os.environ.get(name, "").strip()):
            if not secret.fits_header:
                raise InputError(
                    f"the key in the environment variable {name!r} has characters that no HTTP header can hold"
                )
            return secret
    return Secret(None)
