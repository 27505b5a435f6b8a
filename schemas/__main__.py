"""This file holds `python -m schemas freeze`: it adds new files to frozen.json, and changes none."""

import sys

from schemas.frozen import freeze

if __name__ == "__main__":
    if sys.argv[1:] != ["freeze"]:
        sys.exit("usage: python -m schemas freeze")
    for wire in freeze():
        print(f"frozen: {wire}")
