"""A way to a server on which each request takes its time: ``slow_proxy.py PORT SECONDS`` prints ``ready URL``, and forwards."""

from __future__ import annotations

import asyncio
import sys


async def main(port: int, seconds: float) -> None:
    async def forward(source: asyncio.StreamReader, target: asyncio.StreamWriter, pause: float) -> None:
        while block := await source.read(65536):
            await asyncio.sleep(pause)
            target.write(block)
            await target.drain()
        target.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(forward(reader, to_there, seconds), forward(there, writer, 0), return_exceptions=True)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(f"ready http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
