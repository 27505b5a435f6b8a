"""This file holds the names of the room of data files: strict YAML in; dataclasses out, or where and what is wrong."""

from .broken import BrokenFile, Place

__all__ = ["BrokenFile", "Place"]
