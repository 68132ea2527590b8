"""Ctrl-C ends what runs, whatever it does or waits for, and leaves the loop closed."""

import asyncio
import signal
import threading

import pytest

from medenv.cli.interrupts import run_interruptible


def test_what_runs_to_its_end_gives_its_result():
    async def main():
        await asyncio.sleep(0)
        return 7

    assert run_interruptible(main()) == 7


@pytest.mark.parametrize("where", ["main", "task", "thread"])
def test_ctrl_c_is_not_kept_waiting(where):
    tidied, never = [], threading.Event()

    async def stubborn():
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                tidied.append("asked")

    async def interrupted():
        signal.raise_signal(signal.SIGINT)

    async def main():
        others = [asyncio.create_task(stubborn())]
        await asyncio.sleep(0)
        if where == "main":
            await interrupted()
        elif where == "task":
            others.append(asyncio.create_task(interrupted()))
        else:
            waiting = asyncio.get_running_loop().run_in_executor(None, never.wait)
            threading.Timer(0, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
            await waiting
        await asyncio.gather(*others)

    try:
        with pytest.raises(KeyboardInterrupt):
            run_interruptible(main())
    finally:
        never.set()
    assert "asked" in tidied
