"""This file holds the door of the bag aggregate: facts.py, consequences.py and decisions.py make one class.

The bag has some fifty facts, so the fixed order facts → decisions → consequences is three files here.
"""

from ledger.domain.bag.consequences import BLOCKED_BY_HOLD, Attribute, Break, Cause, Hold, Notice
from ledger.domain.bag.decisions import Bag

__all__ = ["BLOCKED_BY_HOLD", "Attribute", "Bag", "Break", "Cause", "Hold", "Notice"]
