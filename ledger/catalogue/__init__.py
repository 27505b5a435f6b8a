"""This file holds the names of the site data room: YAML in, the domain's catalogue out."""

from .loader import EXAMPLE, load_catalogue

__all__ = ["EXAMPLE", "load_catalogue"]
