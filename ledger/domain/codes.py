"""This file holds the codes that fields of facts may take, where they are a closed list: for amendments."""

GROUPS = ("A", "B", "O", "AB")
RHDS = ("positive", "negative", "weak")

_GROUPS = {"group": GROUPS, "rhd": RHDS}
_KINDS = {"kind": ("whole_blood", "apheresis_platelets", "apheresis_plasma", "apheresis_granulocytes")}
_PURPOSES = {"purpose": ("allogeneic", "autologous", "directed")}

CODES: dict[str, dict[str, tuple[str, ...]]] = {
    "bag.collected": {**_GROUPS, **_KINDS, **_PURPOSES},
    "bag.prepared": {**_GROUPS, **_PURPOSES},
    "bag.received": {**_GROUPS, **_PURPOSES},
    "bag.labelled": {**_GROUPS, **_PURPOSES},
    "bag.modified": {"method": ("thaw", "warm", "open")},
    "bag.quality_tested": {
        "test": ("culture", "component_quality"),
        "result": ("negative", "positive", "pass", "fail"),
    },
    "bag.released": {"basis": ("full_panel", "sender", "emergency", "autologous")},
    "bag.crossmatched": {"result": ("compatible", "incompatible")},
    "bag.returned": {"leg": ("ward_to_bank", "hospital_to_centre")},
    "donation.registered": {**_KINDS, **_PURPOSES, "outcome": ("completed", "partial", "failed")},
    "donation.tested": {
        "result": ("nonreactive", "reactive", "acceptable", "unacceptable", "indeterminate"),
        "stage": ("initial", "repeat", "supplemental", "confirmatory"),
    },
    "donation.grouped": _GROUPS,
    "donor.assessed": {"outcome": ("eligible", "not_eligible")},
    "recipient.grouped": _GROUPS,
}
"""By fact (wire name without version) and field."""


def check_code(fact: str, field: str, value: object) -> None:
    """Refuse a code that is not of the list.

    Errors: ValueError, naming the codes.
    """
    allowed = CODES.get(fact, {}).get(field)
    if allowed is not None and value is not None and value not in allowed:
        raise ValueError(f"one of {', '.join(allowed)} is needed")
