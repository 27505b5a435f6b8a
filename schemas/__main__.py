"""This file holds `python -m schemas freeze`: it adds new schema files to frozen.json and never changes a frozen one."""

import sys

from schemas.frozen import freeze

if __name__ == "__main__":
    if sys.argv[1:] != ["freeze"]:
        sys.exit("usage: python -m schemas freeze")
    for wire in freeze():
        print(f"frozen: {wire}")
