"""A server that answers chat completions slowly, in a process of its own, and tells how many requests it held at a time.

Started as ``python slow_model.py SECONDS REPLIES``; prints ``ready URL``, and the figures as JSON under ``/held``.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

LOOK = "GET Patient?_count=20"
DONE = "FINISH([])"


class Held:
    """How many requests are under way, summed over time."""

    def __init__(self) -> None:
        self.now = self.most = self.requests = 0
        self.area, self.began, self.changed = 0.0, 0.0, 0.0

    def change(self, by: int) -> None:
        at = time.perf_counter()
        if not self.requests:
            self.began = self.changed = at
        self.area += self.now * (at - self.changed)
        self.now, self.changed = self.now + by, at
        self.most = max(self.most, self.now)
        self.requests += by > 0

    def told(self) -> dict[str, float]:
        seconds = self.changed - self.began
        return {
            "mean": self.area / seconds if seconds else 0.0,
            "most": self.most,
            "requests": self.requests,
            "seconds": seconds,
        }


def application(seconds: float, replies: int) -> Starlette:
    """Make a chat server whose replies take `seconds` each and end an episode at the `replies`-th."""
    held = Held()

    async def complete(request: Request) -> JSONResponse:
        held.change(1)
        try:
            body = await request.json()
            said = sum(message["role"] == "assistant" for message in body["messages"])
            await asyncio.sleep(seconds)
        finally:
            held.change(-1)
        message = {"role": "assistant", "content": DONE if said + 1 >= replies else LOOK}
        usage = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
        return JSONResponse({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage})

    async def tell(request: Request) -> JSONResponse:
        return JSONResponse(held.told())

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"]), Route("/held", tell)])


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"ready http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(application(float(sys.argv[1]), int(sys.argv[2])), log_level="warning", access_log=False)
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
