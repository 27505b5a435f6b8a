"""This file holds nothing: `ledger` is the write side, from a command to a durable fact."""
