"""This file holds group commit: many callers at once, threads or coroutines, share one batch and one commit."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import NamedTuple, Self

from ledger.commands.answer import Answer
from ledger.commands.command import Command
from ledger.commands.committer import Committer

LARGEST_BATCH = 512
"""Commands in one commit at most, so that the first caller does not wait for all."""

Reply = Callable[[Answer | BaseException], None]


class _Waiting(NamedTuple):
    """A command and how its caller is told."""

    command: Command
    reply: Reply
    loop: asyncio.AbstractEventLoop | None


class GroupCommit:
    """Hands commands to the committer in order of arrival; what arrives during a commit makes the next batch.

    `submit` is for threads, `commit` for coroutines. Both answer only when the command is durable or refused.
    """

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        self._waiting: deque[_Waiting] = deque()
        self._arrived = threading.Condition()
        self._open = True
        self._worker = threading.Thread(target=self._work, name="group-commit", daemon=True)
        self._worker.start()

    def submit(self, command: Command) -> Future[Answer]:
        """For threads: the answer, when it is there."""
        future: Future[Answer] = Future()

        def reply(result: Answer | BaseException) -> None:
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

        self._enqueue(_Waiting(command, reply, None))
        return future

    async def commit(self, command: Command) -> Answer:
        """For coroutines: wait for the answer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def reply(result: Answer | BaseException) -> None:
            if future.done():  # the caller gave up waiting; the command was carried out all the same
                return
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

        self._enqueue(_Waiting(command, reply, loop))
        return await future

    def _enqueue(self, waiting: _Waiting) -> None:
        with self._arrived:
            if not self._open:
                raise RuntimeError("the ledger is closed")
            self._waiting.append(waiting)
            self._arrived.notify()

    def _work(self) -> None:
        while True:
            with self._arrived:
                while not self._waiting:
                    if not self._open:
                        return
                    self._arrived.wait()
                size = min(len(self._waiting), LARGEST_BATCH)
                batch = [self._waiting.popleft() for _ in range(size)]
            _tell(batch, self._outcomes(batch))

    def _outcomes(self, batch: list[_Waiting]) -> list[Answer | BaseException]:
        try:
            return list(self._committer.commit([each.command for each in batch]))
        except Exception as error:  # a defect: every caller is told, none waits for ever
            return [error] * len(batch)

    def close(self) -> None:
        """Commit what waits, then stop."""
        with self._arrived:
            self._open = False
            self._arrived.notify()
        self._worker.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _tell(batch: list[_Waiting], results: list[Answer | BaseException]) -> None:
    """Answer every caller; those of one event loop with one wake-up, as a wake-up each costs more than the commit."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Reply, Answer | BaseException]]] = {}
    for waiting, result in zip(batch, results, strict=True):
        if waiting.loop is None:
            waiting.reply(result)
        else:
            by_loop.setdefault(waiting.loop, []).append((waiting.reply, result))
    for loop, replies in by_loop.items():
        try:
            loop.call_soon_threadsafe(_reply_all, replies)
        except RuntimeError:  # that loop is closed: nobody is left to be told, and the facts are durable
            continue


def _reply_all(replies: list[tuple[Reply, Answer | BaseException]]) -> None:
    for reply, result in replies:
        reply(result)
