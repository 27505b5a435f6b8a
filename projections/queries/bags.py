"""This file holds the rows of bags behind an answer, as known at the position asked about."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec.json import decode

from projections.decode import decimal_text, instant_text
from projections.queries.lineage import incomplete_bags
from projections.readmodels.database import Reading

LAST_MINUTE = 60_000_000
"""An expiry is printed to the minute, and that minute counts. Unit: microseconds."""
ROWS = """SELECT bags.bag, component, thousandths, measure, status, fate, expires_at, facility, place, abo, rhd,
    kind, consignee, holds, nonconformities
    FROM {each} JOIN bags ON bags.bag = each.value AND {known bags}"""


class BagRow(NamedTuple):
    """What the ledger says of one bag. `thousandths` of `measure`; `expires_at` in microseconds."""

    bag: str
    component: str | None = None
    thousandths: int | None = None
    measure: str | None = None
    status: str = "incomplete"
    fate: str | None = None
    expires_at: int | None = None
    facility: str | None = None
    place: str | None = None
    group: str | None = None
    rhd: str | None = None
    kind: str | None = None
    consignee: str | None = None
    holds: list[dict[str, Any]] = []
    nonconformities: list[dict[str, Any]] = []

    def expired(self, at: int) -> bool:
        """Whether the bag has expired by `at` (microseconds); its last minute is good to its end."""
        return self.expires_at is not None and self.expires_at + LAST_MINUTE <= at

    def shown(self) -> dict[str, Any]:
        """In JSON types, in the words of a trace."""
        amount, expires = self.thousandths, self.expires_at
        return {
            "bag": self.bag,
            "component": self.component,
            "quantity": None if amount is None else decimal_text(amount),
            "measure": self.measure,
            "status": self.status,
            "fate": self.fate,
            "expires_at": None if expires is None else instant_text(expires),
            "facility": self.facility,
            "place": self.place,
            "group": self.group,
            "rhd": self.rhd,
            "kind": self.kind,
            "consignee": self.consignee,
            "holds": self.holds,
            "nonconformities": self.nonconformities,
        }


def bags_at(read: Reading, bags: Iterable[str]) -> dict[str, BagRow]:
    """The row of each bag, by name; one that is only told of by others is incomplete, and says nothing else.

    A bag with a fact that could not be read, its own or an ancestor's, is incomplete whatever its row says.
    """
    names = sorted(set(bags))
    rows = {row[0]: _bag_row(row) for row in read.rows(ROWS, [read.each(names)])} if names else {}
    incomplete = incomplete_bags(read) if names else set()
    return {
        bag: rows[bag]._replace(status="incomplete")
        if bag in rows and bag in incomplete
        else rows.get(bag, BagRow(bag))
        for bag in names
    }


def _bag_row(row: tuple[Any, ...]) -> BagRow:
    return BagRow._make((*row[:-2], decode(row[-2]), decode(row[-1])))
