"""This file holds the list of read models, in the order a batch is applied, and their tables' version."""

from projections.readmodels.bags import BAGS
from projections.readmodels.belongings import BELONGINGS
from projections.readmodels.donations import DONATIONS
from projections.readmodels.life import LIFE
from projections.readmodels.lineage import LINEAGE

VERSION = 7
"""Raise it when a table changes, or what a row says of the same facts: other versions are made anew."""

READ_MODELS = (LIFE, BAGS, LINEAGE, BELONGINGS, DONATIONS)
"""The life comes first: it finds the streams that must be retold."""
