"""This file holds the door of the bag aggregate: facts.py, decisions.py and consequences.py make one class.

The bag has some fifty facts, so the fixed order facts → decisions → consequences is three files here.
"""

from ledger.domain.bag.decisions import Bag
from ledger.domain.bag.parts import BLOCKED_BY_HOLD, Attribute, Break, Cause, Hold, Notice

__all__ = ["BLOCKED_BY_HOLD", "Attribute", "Bag", "Break", "Cause", "Hold", "Notice"]
