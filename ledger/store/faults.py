"""This file holds the store's one fault: the database, its disk or its network would not do what was asked."""

from eventsourcing.persistence import PersistenceError


class StoreFault(PersistenceError):
    """Says what was tried, on what, and what was in the way; nothing was half written."""

    def __init__(self, trying: str, cause: str) -> None:
        super().__init__(f"{trying}: {cause}")
        self.trying, self.cause = trying, cause


class NoLedger(StoreFault):
    """There is no ledger at `where`, and what was asked needs one: who only reads makes none by a slip of the pen."""

    def __init__(self, where: str) -> None:
        super().__init__(f"opening the ledger at {where}", "there is none")
        self.where = where
