"""This file holds the heart's table of contents: every aggregate and every fact by its wire name."""

from ledger.domain.aggregate import FACTS, Correction, Fact, LedgerAggregate
from ledger.domain.bag import Bag
from ledger.domain.donation import Donation
from ledger.domain.donor import Donor
from ledger.domain.hold import Hold
from ledger.domain.recipient import Recipient

__all__ = ["FACTS", "Bag", "Correction", "Donation", "Donor", "Fact", "Hold", "LedgerAggregate", "Recipient"]
