"""This file holds the door of the policies: what follows, in the same commit, from the facts a command recorded.

Each policy states what should be so, compares it with what is recorded, and records the difference. So the
outcome does not depend on the order in which observations arrived, and a correction undoes what followed.
"""

from ledger.policies.settle import settle

__all__ = ["settle"]
