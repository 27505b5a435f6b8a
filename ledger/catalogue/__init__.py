"""This file holds the names of the site data room: YAML in, the domain's catalogue out."""

from .broken import BrokenCatalogue
from .loader import EXAMPLE, load_catalogue

__all__ = ["EXAMPLE", "BrokenCatalogue", "load_catalogue"]
