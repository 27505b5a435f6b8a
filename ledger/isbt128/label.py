"""This file holds the step from what was scanned to the bag that the label names."""

from .bad_scan import BadScan, Words
from .bag_name import BagName
from .din import DIN
from .layout import Structure
from .product import DIVISIONS, PRODUCT
from .reader import Scan


def as_bag(*scans: Scan) -> BagName:
    """Name the bag whose DIN and product code (and product divisions) were scanned.

    Shape: one concatenated scan, or several scans of the same label in any order.
    Errors: `BadScan` without a DIN or a product code, with two different ones, with flags of a
      sample tube or a record, or when division 99 and structure 032 do not go together.
    Source: ST-001 sections 2.4.1, 2.4.3 and 2.4.32.
    Example:
        >>> from ledger.isbt128.reader import scan
        >>> str(as_bag(scan("=410301602203855"), scan("=<E5445000")))
        '4103016022038=E5445000'
    """
    found = [structure for one in scans for structure in one.structures]
    dins = [structure for structure in found if "din" in structure.fields and structure.number in ("001", "")]
    din = _the_one(dins, "din", ("no_din", "two_dins"), DIN.label)
    for label in dins:
        _refuse_sample(label)
    products = [structure for structure in found if structure.number == PRODUCT.number]
    product = _the_one(products, "product", ("no_product", "two_products"), PRODUCT.label)
    divisions = [structure for structure in found if structure.number == DIVISIONS.number]
    if products[0].fields["needs_divisions"]:
        division = _the_one(divisions, "divisions", ("division_needed", "two_divisions"), DIVISIONS.label)
        return BagName(din, product, division)
    if divisions:
        words = Words("product code ending in 99", "以 99 结尾的产品码")
        raise BadScan("division_not_allowed", DIVISIONS.label, divisions[0].position, words, product)
    return BagName(din, product)


def _refuse_sample(label: Structure) -> None:
    if label.fields.get("is_container") is False:
        words = Words("flags of a bag", "血袋的标志字符")
        flags = label.elements["flags"]
        raise BadScan("sample_or_record", DIN.label, label.position + len(label.text()) - 2, words, flags)


def _the_one(found: list[Structure], field: str, codes: tuple[str, str], words: Words) -> str:
    """Give the value on which all structures that name this label agree."""
    values = [str(structure.fields[field]) for structure in found]
    if not values:
        raise BadScan(codes[0], words, 1, Words("one", "一个"), "")
    for structure, value in zip(found, values, strict=True):
        if value != values[0]:
            raise BadScan(codes[1], words, structure.position, Words(values[0], values[0]), value)
    return values[0]
