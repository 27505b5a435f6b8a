"""This file holds a line that can be cut: what connects to its port is connected on, until somebody cuts it."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self, TypeVar

CHUNK = 256 * 1024
PATIENCE_SECONDS = 10.0
Answered = TypeVar("Answered")


class Proxy:
    """A port on the loopback that leads to another one."""

    def __init__(self, to: int | None = None) -> None:
        self._to = to
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._at_work: set[asyncio.Task[None]] = set()
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server = self._wait_for(asyncio.start_server(self._came_in, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def to(self, port: int) -> None:
        """Where the other end of new connections is."""
        self._to = port

    def cut(self) -> int:
        """Cut all connections there are; how many there were. New ones are let in until `close_door`."""

        async def cut() -> int:
            here = list(self._open)
            for writer in here:
                writer.transport.abort()
            return len(here) // 2

        return self._wait_for(cut())

    def close_door(self, closed: bool) -> None:
        """Whether new connections are dropped as soon as they come."""
        self._closed = closed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wait_for(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in list(self._at_work):
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)

    def _wait_for(self, work: Coroutine[Any, Any, Answered]) -> Answered:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    # -- one connection --------------------------------------------------------------------------

    async def _came_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "the server runs this in a task"
        self._at_work.add(task)
        # Cancelled when the run ends; asyncio's server would otherwise say so on standard error.
        with suppress(asyncio.CancelledError):
            await self._joined(reader, writer)
        self._at_work.discard(task)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed or self._to is None:
            writer.transport.abort()
            return
        try:
            there, on = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:  # nobody is at the other end: the one who came in is told by being cut off
            writer.transport.abort()
            return
        both = {writer, on}
        self._open |= both
        try:
            await asyncio.gather(_carried(reader, on), _carried(there, writer))
        finally:
            self._open -= both
            for each in both:
                each.transport.abort()


async def _carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry on what comes until one end is closed; then so is the other."""
    with suppress(OSError):
        while some := await reader.read(CHUNK):
            writer.write(some)
            await writer.drain()
    writer.transport.abort() if writer.transport.is_closing() else writer.close()
