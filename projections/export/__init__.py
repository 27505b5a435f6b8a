"""This file holds nothing: each module here is one form in which a trace's lineage leaves the ledger."""
