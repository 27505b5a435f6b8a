"""This file holds the structures beside the label's main ones: tests, supplies, people, processors, lots."""

from stdnum.iso7064 import mod_37_2

from .bad_scan import Words
from .dates import calendar_day, time_of_day
from .din import FACILITY
from .layout import (
    ANY_CASE_DIGIT,
    DIGIT,
    FIN_LATER,
    PRINTABLE,
    UPPER,
    UPPER_DIGIT,
    Alphabet,
    Element,
    Json,
    Layout,
    Part,
    as_read,
    element,
)

# Source: ST-001 section 2.4.27 and table 18 [RT019]: a digit for two markers, 3 * first + second.
_MARKERS = (
    ("hiv_antibody", "hiv_p24"),
    ("hiv_genome", "hcv_antibody"),
    ("hcv_antigen", "hcv_genome"),
    ("hbc_antibody", "hbs_antigen"),
    ("hbv_genome", "htlv_antibody"),
    ("syphilis_antibody", "cmv_antibody"),
    ("cmv_genome", "ebv_genome"),
    ("wnv_genome", "parvo_b19_antibody"),
    ("parvo_b19_genome", "chagas_antibody"),
    ("hev_genome", ""),
)
_RESULTS = (None, "negative", "positive")


def _judge_markers(part: Part) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for place, digit in enumerate(part["markers"]):
        pair = _MARKERS[place] if place < len(_MARKERS) else ("", "")
        first, second = divmod(int(digit), 3)
        if digit == "9" or (first and not pair[0]) or (second and not pair[1]):
            words = Words("a result code of ST-001 table 18", "ST-001 表 18 的结果代码")
            raise part.bad("reserved", "markers", words, place)
        found |= {name: _RESULTS[n] for name, n in zip(pair, (first, second), strict=True) if name and n}
    return {"markers": part["markers"], "results": found}


def _judge_birth(part: Part) -> dict[str, Json]:
    return {"location": part["location"], "date": calendar_day(part, "year", "month", "day")}


def _judge_month(part: Part) -> dict[str, Json]:
    if not "01" <= part["month"] <= "12":
        raise part.bad("no_such_day", "month", Words("a month 01-12", "月份 01-12"))
    return {"month": f"{part['year']}-{part['month']}"}


def _judge_flexible(part: Part) -> dict[str, Json]:
    if part["zone"] not in "12":
        raise part.bad("wrong_character", "zone", Words("1 (local) or 2 (UTC)", "1（当地）或 2（UTC）"))
    if part["reserved"] != "0":
        raise part.bad("reserved", "reserved", Words("0", "0"))
    day = calendar_day(part, "year", "month", "day")
    zone = "local" if part["zone"] == "1" else "utc"
    return {"zone": zone, "kind": part["kind"], "date": day, "time": time_of_day(part)}


def _judge_grid(part: Part) -> dict[str, Json]:
    checked = part["organisation"] + part["donor"]
    right = f"{mod_37_2.checksum(mod_37_2.calc_check_digit(checked)):02}"
    if part["checksum"] != right:
        raise part.bad("wrong_checksum", "checksum", Words(f"{right} for this number", f"此号码的 {right}"))
    return dict(part.elements)


def _judge_chain(part: Part) -> dict[str, Json]:
    if part["literal"] != "CH":
        raise part.bad("wrong_character", "literal", Words("CH", "CH"))
    return {name: value for name, value in part.elements.items() if name != "literal"}


_KINDS: dict[str, Alphabet] = {
    "9": DIGIT,
    "A": UPPER,
    "X": UPPER_DIGIT,
    "x": ANY_CASE_DIGIT,
    "p": PRINTABLE,
}
_WHOLE = {"FACILITY": FACILITY, "PROCESSOR": Element("facility", (FIN_LATER,) * 5)}


def _elements(shape: str) -> tuple[Element, ...]:
    """Spell out a shape: FACILITY, or name:KIND with the width behind the kind."""
    found = []
    for word in shape.split():
        name, _, kind = word.partition(":")
        found.append(_WHOLE[name] if not kind else element(name, _KINDS[kind[0]], int(kind[1:])))
    return tuple(found)


def _layout(number: str, en: str, zh: str, identifier: str, shape: str) -> Layout:
    judge = _JUDGES.get(number, as_read)
    return Layout(number, Words(en, zh), identifier, _elements(shape), judge, _TAILS.get(number))


_JUDGES = {
    "024": _judge_birth,
    "026": _judge_month,
    "027": _judge_markers,
    "031": _judge_flexible,
    "039": _judge_grid,
    "040": _judge_chain,
}
# The structures without a fixed length say in front how much follows.
_TAILS = {
    "025": ("patient", ANY_CASE_DIGIT, lambda part: int(part["length"])),
    "029": ("dimensions", DIGIT, lambda part: 14 * int(part["segments"])),
    "030": ("antigens", DIGIT, lambda part: 10 * int(part["segments"])),
}
_YMD = "year:94 month:92 day:92"

# Source: ST-001 sections 2.4.10 to 2.4.40, the section's last number being the structure's; retired
# structures are still read, so that what follows them on an old label is found.
SUPPLEMENTARY = (
    _layout("010", "special testing", "特殊检测", "&(", "code:X5"),
    _layout("011", "red cell antigens (retired)", "红细胞抗原（已停用）", "={", "antigens:p18"),
    _layout("012", "red cell antigens, general", "红细胞抗原（通用）", "=\\", "antigens:918"),
    _layout("013", "red cell antigens, Finnish", "红细胞抗原（芬兰）", "&\\", "antigens:918"),
    _layout("014", "platelet antigens", "血小板抗原", "&{", "antigens:918"),
    _layout("015", "HLA-A and -B alleles (retired)", "HLA-A/B 等位基因（已停用）", "=[", "alleles:p18"),
    _layout("016", "HLA-DRB1 alleles (retired)", "HLA-DRB1 等位基因（已停用）", '="', "alleles:p18"),
    _layout("017", "container maker", "血袋制造商", "=)", "container:x1 maker:X2 catalogue_number:x7"),
    _layout("018", "container lot", "血袋批号", "&)", "lot:x10"),
    _layout("019", "donor number", "献血者编号", "=;", "FACILITY donor:916"),
    _layout("020", "staff number", "工作人员编号", "='", "FACILITY staff:X6"),
    _layout("021", "maker of another item", "其他物品制造商", "=-", "maker:X2 catalogue_number:x8"),
    _layout("022", "lot of another item", "其他物品批号", "&-", "lot:x10"),
    _layout("024", "patient's date of birth", "患者出生日期", "=#", f"location:92 {_YMD}"),
    _layout("025", "patient number", "患者编号", "&#", "location:92 length:92"),
    _layout("026", "expiry month", "失效年月", "=]", "year:94 month:92"),
    _layout("027", "infection markers", "输血传播感染标志物", '&"', "markers:918"),
    _layout("028", "consignment", "发运", "=$", "FACILITY year:92 serial:95 container:92 containers:92"),
    _layout("029", "dimensions", "尺寸与容量", "&$", "segments:92"),
    _layout("030", "red cell antigens with history", "红细胞抗原及检测史", "&%", "segments:93"),
    _layout("031", "date and time", "日期时间", "=(", f"zone:91 reserved:91 kind:92 {_YMD} hour:92 minute:92"),
    _layout("033", "processing facility", "加工机构", "&+", "PROCESSOR facility_code:X6"),
    _layout("034", "processor's product", "加工产品码", "=/", "PROCESSOR facility_code:X6 description:X5"),
    _layout("035", "MPHO lot", "人源医疗产品批号", "&,1", "lot:X18"),
    _layout("036", "MPHO supplemental number", "人源医疗产品补充编号", "&,2", "number:X18"),
    _layout("037", "registered donor (retired)", "登记捐献者（已停用）", "&,3", "organisation:94 donor:X15"),
    _layout("039", "registered donor GRID", "登记捐献者 GRID", "&:", "organisation:94 donor:X13 checksum:92"),
    _layout("040", "chain of identity", "身份链标识", "&/", "literal:A2 FACILITY year:92 sequence:X6"),
)
