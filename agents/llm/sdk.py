"""Providers behind an SDK of the shape that Anthropic's and OpenAI's share."""

from __future__ import annotations

from typing import Any, ClassVar

from medenv.agents.llm.provider import Provider
from medenv.agents.llm.transport import new_client
from medenv.extras import import_optional

__all__ = ["SDKProvider"]


class SDKProvider(Provider):
    """Opens and closes the SDK's asynchronous client, which neither retries nor follows redirects here."""

    module: ClassVar[str]
    """What is imported, and the extra that brings it."""
    client: ClassVar[str]
    """The client's class in it."""
    _client: Any = None

    @classmethod
    def prepare(cls) -> None:
        """See `Provider.prepare`."""
        import_optional(cls.module, cls.module)

    def sdk(self) -> Any:
        """Return the SDK's client, opened at first use."""
        if self._client is None:
            make = getattr(import_optional(self.module, self.module), self.client)
            self._client = make(
                api_key=self.secret.reveal() or "none",
                base_url=self.endpoint,
                timeout=self.timeout,
                max_retries=0,
                http_client=new_client(import_optional("httpx2", self.module), self.secret, self.timeout, self.capture),
            )
        return self._client

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None
