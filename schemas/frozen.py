"""This file holds the freezing of schemas: the SHA-256 of every released file, which must never change.

The fingerprint in the stored bytes does not see logical types, so a changed scale or unit would pass it; the
hash of the file's bytes does see them.
"""

import hashlib
import json
from pathlib import Path

from schemas.errors import SchemaError
from schemas.files import AVRO

FROZEN = Path(__file__).parent / "frozen.json"
FOLDERS = (AVRO, Path(__file__).parent / "kafka")
"""Facts, and what travels beside them on Kafka."""


def hashes() -> dict[str, str]:
    """SHA-256 of each schema file there is, by wire name."""
    files = sorted(path for folder in FOLDERS for path in folder.glob("*.avsc"))
    return {path.name.removesuffix(".avsc"): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def frozen() -> dict[str, str]:
    """SHA-256 of each frozen schema, by wire name."""
    recorded: dict[str, str] = json.loads(FROZEN.read_text()) if FROZEN.exists() else {}
    return recorded


def broken() -> list[str]:
    """Wire names whose frozen file was changed or is gone."""
    now = hashes()
    return [wire for wire, digest in frozen().items() if now.get(wire) != digest]


def freeze() -> list[str]:
    """Freeze the files that are not yet; answer their wire names.

    Errors: SchemaError when a frozen file was changed: write a new version beside it instead.
    """
    if changed := broken():
        raise SchemaError(f"frozen schemas were changed: {', '.join(changed)}; add a new version instead")
    known, now = frozen(), hashes()
    FROZEN.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
    return [wire for wire in now if wire not in known]
