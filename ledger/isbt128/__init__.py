"""This file holds the names of the ISBT 128 reader: pure, never repairing, printing back what it read."""

from .bad_scan import BadScan
from .bag_name import BagName, check, check_din
from .blood_group import BloodGroup, parse_blood_group
from .dates import parse_label_expiry
from .din import check_character, is_container, parse_keyed, type3_flags
from .label import as_bag
from .layout import Structure
from .reader import Scan, scan

__all__ = [
    "BadScan",
    "BagName",
    "BloodGroup",
    "Scan",
    "Structure",
    "as_bag",
    "check",
    "check_character",
    "check_din",
    "is_container",
    "parse_blood_group",
    "parse_keyed",
    "parse_label_expiry",
    "scan",
    "type3_flags",
]
