"""This file holds what an audit can find: one bad place, named as far as it can be."""

from typing import Any, NamedTuple


class Finding(NamedTuple):
    """Something that is not as it was written. Whatever is not known is None."""

    what: str
    position: int | None = None
    leaf: int | None = None
    stream: str | None = None
    version: int | None = None

    def printed(self) -> dict[str, Any]:
        """As `verify` prints it."""
        # A damaged column may hold bytes, or text that is not UTF-8.
        text = None if self.stream is None else str(self.stream).encode("utf-8", "replace").decode()
        return {
            "position": self.position,
            "leaf": self.leaf,
            "stream": text,
            "version": self.version,
            "what": self.what,
        }


def by_position(finding: Finding) -> tuple[bool, int]:
    """Order of findings: the first fact first, what is about no fact last."""
    return finding.position is None, finding.position or 0


def number(value: Any) -> bool:
    """Whether a column holds an integer, and not what a damaged one may hold instead."""
    return type(value) is int
