"""This file holds the door for `python -m ledger.cli`."""

from ledger.cli import main

main()
