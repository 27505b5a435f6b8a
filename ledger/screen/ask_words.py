"""This file holds what answers to the auditor's questions are told in: sentences, counts, column heads, headings."""

from typing import Final

Pair = tuple[str, str]
"""English and Chinese."""

QUESTIONS: Final[dict[str, Pair]] = {
    "a": (
        "The whole life of this bag, in order: who, when, where, on which document.",
        "该血袋的全部经历，依序：何人、何时、何地、依据何单据。",
    ),
    "b": ("Where is it now, and what was its fate?", "现在何处，去向如何？"),
    "c": ("All bags of this donation, and their fates.", "该次献血的全部血袋及其去向。"),
    "d": ("All donations in this pool, and all recipients of it.", "该混合血袋含哪些献血，用于哪些受血者。"),
    "e": ("Who received blood from this donor since D?", "自某日起，谁输注过该献血者的血液？"),
    "f": (
        "What did this patient receive, and what were its donors' results?",
        "该患者输注了什么，其献血者的检测结果如何？",
    ),
    "g": (
        "What is out of the centre, or issued, without a confirmed fate for more than N days?",
        "哪些血袋出库或发出超过 N 天仍无确认的去向？",
    ),
    "h": ("Was it released before all mandatory results were final?", "是否在全部必检结果定论之前放行？"),
    "i": (
        "Was it ever outside its temperature range, and for how many minutes in all?",
        "是否曾超出储存温度范围，累计多少分钟？",
    ),
    "j": (
        "Was it in date when transfused, by the rule in force when it was made?",
        "按制备时有效的规则，输注时是否在有效期内？",
    ),
    "k": ("Was its group compatible, and did typing ever disagree?", "血型是否相容，定型是否曾不一致？"),
    "l": (
        "What did the record say on day T, and who changed what, and why?",
        "某日的记录如何，何人因何更改了什么？",
    ),
    "m": (
        "All bags that a lot, device, operator or process run touched.",
        "某批号、设备、操作者或制备批次涉及的全部血袋。",
    ),
    "n": (
        "Was anything removed or altered since the last audit? (This is `verify`.)",
        "自上次审计以来有无删减或更改？（即 verify。）",
    ),
    "o": ("Does the stock equal the sum of the facts?", "库存是否等于全部记录之和？"),
    "p": (
        "Bags from outside: the sender's number and ours.",
        "外部来源的血袋：对方编号与本方编号。",
    ),
    "q": ("Mock recall: its effectiveness, and how long it took.", "模拟召回：有效率与耗时。"),
    "r": (
        "Which hospital messages are rejected or unmatched and still open?",
        "哪些医院消息被拒收或未匹配，尚未处理？",
    ),
}

SENTENCES: Final[dict[str, tuple[Pair, ...]]] = {
    "a": (
        (
            "{subject} has {facts} on record, from {first_at} to {last_at}.",
            "{subject} 共有 {facts}，自 {first_at} 至 {last_at}。",
        ),
        ("Its status is {status}.", "状态：{status}。"),
        ("{unread} could not be read.", "无法读取：{unread}。"),
    ),
    "b": (("The record names {bags} for {subject}: {by_status}.", "{subject} 有 {bags}：{by_status}。"),),
    "c": (
        ("Donation {donation} became {bags}: {by_fate}.", "献血 {donation} 制成 {bags}：{by_fate}。"),
        ("Donor {donor} gave it.", "献血者：{donor}。"),
        ("It was collected in {facility}.", "采集机构：{facility}。"),
        ("The collection was at {collected_at} UTC.", "采集时间：{collected_at}（UTC）。"),
    ),
    "d": (
        ("{subject} holds blood of {donations}, given by {donors}.", "{subject} 含 {donations}，来自 {donors}。"),
        ("{recipients} received blood from it or from what was made of it.", "其本身及其制品用于 {recipients}。"),
        ("{aliquots} came of it.", "由其制成 {aliquots}。"),
    ),
    "e": (
        (
            "Blood of {subject} reached {recipients}, in {bags} of {donations}.",
            "{subject} 的血液用于 {recipients}，涉及 {bags}、{donations}。",
        ),
        ("Donations from {since} UTC on are counted.", "统计 {since}（UTC）起的献血。"),
        ("{unconfirmed} went out without a confirmed fate.", "另有 {unconfirmed} 已发出而无确认的去向。"),
        ("{open_alerts} about them stood open.", "尚未办结的警示：{open_alerts}。"),
    ),
    "f": (
        (
            "{subject} had {transfusions}, of {bags} from {donations}.",
            "{subject} 接受 {transfusions}，共 {bags}，来自 {donations}。",
        ),
        ("Of these donations {reactive} had a reactive result.", "其中检测有反应性的献血数：{reactive}。"),
    ),
    "g": (
        (
            "{bags} went out more than {days} days ago and had no confirmed fate.",
            "{bags} 发出超过 {days} 天，仍无确认的去向。",
        ),
        (
            "To a facility: {to_facility}; to a patient: {to_patient}.",
            "发往机构：{to_facility}；发往患者：{to_patient}。",
        ),
        ("The fate of {presumed} is only presumed.", "其中 {presumed} 的去向仅为推定。"),
    ),
    "h": (
        (
            "{bags} had {released}, {early} of them before all mandatory results were final.",
            "{bags} 有 {released}，其中在必检结果定论之前放行：{early}。",
        ),
        ("Of {unknown} the facts do not tell.", "记录无法说明者：{unknown}。"),
    ),
    "i": (
        (
            "{breached} of {bags} left the storage range, for {minutes} minutes in all.",
            "{bags}中有 {breached} 曾超出储存温度范围，累计 {minutes} 分钟。",
        ),
    ),
    "j": (
        (
            "Of {transfused}, {in_date} came in date and {expired} after expiry.",
            "{transfused}中，有效期内 {in_date}，过期后 {expired}。",
        ),
        ("Of {unknown} no expiry is known.", "失效时间未知：{unknown}。"),
    ),
    "k": (
        (
            "Of {transfusions} and {issues}, {compatible} fitted the recipient's group, {incompatible} did not;"
            " {unknown} cannot be judged.",
            "{transfusions}、{issues}中，血型相容 {compatible}，不相容 {incompatible}，无法判断 {unknown}。",
        ),
        ("Typing disagreed {disagreements}.", "定型不一致：{disagreements}。"),
    ),
    "l": (
        (
            "Up to position {position} the record on {subject} holds {facts}.",
            "截至第 {position} 位，关于 {subject} 有 {facts}。",
        ),
        ("{changes} had changed it by then.", "此前的更正：{changes}。"),
        ("{later} came after.", "此后的更正：{later}。"),
        ("{unread} could not be read.", "无法读取：{unread}。"),
    ),
    "m": (
        ("{subject} touched {bags}.", "{subject} 涉及 {bags}。"),
        (
            "In stock: {in_stock}; transfused: {transfused}; out: {out}.",
            "在库：{in_stock}；已输注：{transfused}；已离开：{out}。",
        ),
    ),
    "o": (
        (
            "The stock of {bags} was counted anew from their facts: {differing}.",
            "已由记录重新统计 {bags} 的库存：{differing}。",
        ),
        ("{unread} could not be read, and neither counts them.", "无法读取而双方均未计入：{unread}。"),
    ),
    "p": (("{bags} came from outside this ledger.", "{bags} 来自本账本之外。"),),
    "q": (
        (
            "{subject} reached {bags}; the whereabouts of {located} are known, of {unlocated} not: {effectiveness} %.",
            "{subject} 涉及 {bags}；下落已知 {located}，未知 {unlocated}，有效率 {effectiveness} %。",
        ),
        ("The answer took {seconds} s.", "耗时 {seconds} 秒。"),
    ),
    "recall": (
        (
            "{subject} reached {bags}; the whereabouts of {located} are known, of {unlocated} not.",
            "{subject} 涉及 {bags}；下落已知 {located}，未知 {unlocated}。",
        ),
        ("The answer took {seconds} s.", "耗时 {seconds} 秒。"),
    ),
}
"""By letter, sentence after sentence; one of which some detail is not known is not said."""

QUIET: Final = frozenset(
    {"ask.d.sentence.2", "ask.e.sentence.2", "ask.g.sentence.2", "ask.h.sentence.1"}
    | {"ask.j.sentence.1", "ask.l.sentence.2", "ask.a.sentence.2", "ask.l.sentence.3", "ask.e.sentence.3"}
    | {"ask.o.sentence.1"}
)
"""Sentences that are said only when there is something to tell of."""

NONE: Final[dict[str, Pair]] = {
    "b": ("The record names no bag for {subject}.", "{subject} 没有血袋。"),
    "c": ("Donation {donation} has no bag on record.", "献血 {donation} 没有血袋记录。"),
    "e": ("Nobody on record received blood of {subject}.", "没有人输注 {subject} 血液的记录。"),
    "f": ("{subject} received nothing on record.", "{subject} 没有输注记录。"),
    "g": (
        "No bag went out more than {days} days ago without a confirmed fate.",
        "没有发出超过 {days} 天而无确认去向的血袋。",
    ),
    "i": ("None of {bags} ever left the storage range.", "{bags} 均未超出储存温度范围。"),
    "j": ("Nothing of {subject} was transfused.", "{subject} 没有输注记录。"),
    "k": ("Nothing of {subject} was issued or given to a patient.", "{subject} 未发给或用于任何患者。"),
    "p": ("No bag that was asked about came from outside this ledger.", "所查血袋均非来自本账本之外。"),
}
"""What takes the place of a letter's first sentence when there is nothing to tell of."""

NOTHING_OF: Final[dict[str, str]] = {
    "b": "bags", "c": "bags", "e": "recipients", "f": "transfusions", "g": "bags", "i": "breached", "j": "transfused",
    "k": "transfusions", "p": "bags",
}  # fmt: skip
"""By letter, which count is zero then."""

COUNTED: Final[dict[str, tuple[str, str, str, str, str]]] = {
    # none, one and many in English; none and any in Chinese
    "facts": ("no fact", "1 fact", "{count} facts", "0 条记录", "{count} 条记录"),
    "bags": ("no bag", "1 bag", "{count} bags", "0 袋", "{count} 袋"),
    "donations": ("no donation", "1 donation", "{count} donations", "0 次献血", "{count} 次献血"),
    "donors": ("no known donor", "1 donor", "{count} donors", "0 位献血者", "{count} 位献血者"),
    "recipients": ("no recipient", "1 recipient", "{count} recipients", "0 位受血者", "{count} 位受血者"),
    "aliquots": ("no further bag", "1 further bag", "{count} further bags", "0 袋", "{count} 袋"),
    "unconfirmed": ("no bag", "1 bag", "{count} bags", "0 袋", "{count} 袋"),
    "transfusions": ("no transfusion", "1 transfusion", "{count} transfusions", "0 次输注", "{count} 次输注"),
    "j.transfused": ("no transfusion", "1 transfusion", "{count} transfusions", "0 次输注", "{count} 次输注"),
    "unread": ("no fact", "1 fact", "{count} facts", "0 条记录", "{count} 条记录"),
    "open_alerts": ("no alert", "1 alert", "{count} alerts", "0 条", "{count} 条"),
    "issues": ("no further issue", "1 further issue", "{count} further issues", "另 0 次发血", "另 {count} 次发血"),
    "reactive": ("none", "1", "{count}", "0 次", "{count} 次"),
    "presumed": ("no bag", "1 bag", "{count} bags", "0 袋", "{count} 袋"),
    "h.unknown": ("none", "1", "{count}", "0 次", "{count} 次"),
    "released": ("no release", "1 release", "{count} releases", "0 次放行", "{count} 次放行"),
    "early": ("none", "1", "{count}", "0 次", "{count} 次"),
    "breached": ("none", "1", "{count}", "0 袋", "{count} 袋"),
    "disagreements": ("nowhere", "in one place", "in {count} places", "0 处", "{count} 处"),
    "changes": ("no correction", "1 correction", "{count} corrections", "0 次", "{count} 次"),
    "later": ("no correction", "1 correction", "{count} corrections", "0 次", "{count} 次"),
    "differing": ("it equals the view", "1 shelf differs", "{count} shelves differ", "与视图一致", "{count} 处不一致"),
}  # fmt: skip

COLUMNS: Final[dict[str, Pair]] = {
    "about_version": ("of version", "所涉版本"),
    "act": ("act", "行为"),
    "alert": ("alert", "警示"),
    "alerted_at": ("alerted", "警示时间"),
    "at": ("at", "时间"),
    "bag": ("bag", "血袋"),
    "bags": ("bags", "袋数"),
    "basis": ("basis", "依据"),
    "breaches": ("breaches", "超限次数"),
    "by": ("by", "人员"),
    "caused_by": ("caused by", "起因"),
    "celsius_max": ("highest °C", "最高 °C"),
    "celsius_min": ("lowest °C", "最低 °C"),
    "closed_at": ("closed", "办结时间"),
    "collected_at": ("collected", "采集时间"),
    "compatible": ("compatible", "相容"),
    "component": ("component", "成分"),
    "consignee": ("sent to", "收货方"),
    "corrected": ("corrected", "更正"),
    "crossmatch": ("crossmatch", "交叉配血"),
    "crossmatched_at": ("crossmatched", "配血时间"),
    "custody": ("who had it", "经手"),
    "days": ("days", "天数"),
    "device": ("device", "设备"),
    "directly": ("directly", "直接涉及"),
    "document": ("document", "单据"),
    "donation": ("donation", "献血编号"),
    "donations": ("donations", "献血编号"),
    "donor": ("donor", "献血者"),
    "early": ("too early", "过早"),
    "expired": ("expired", "已过期"),
    "expires_at": ("expires", "失效时间"),
    "expiry_rule": ("rule", "规则"),
    "facility": ("facility", "机构"),
    "fate": ("fate", "去向"),
    "field": ("field", "字段"),
    "final_at": ("results final", "结果定论"),
    "first_at": ("first", "最早"),
    "group": ("group", "血型"),
    "happened_at": ("time (UTC)", "时间（UTC）"),
    "hold_cause": ("cause", "原因"),
    "holds": ("holds", "暂停数"),
    "hospital": ("hospital", "医院"),
    "how": ("how", "方式"),
    "in_date": ("in date", "有效期内"),
    "in_facts": ("in facts", "记录合计"),
    "in_view": ("in view", "视图所示"),
    "is": ("is", "改为"),
    "kind": ("kind", "种类"),
    "label_expires_at": ("label says", "标签失效"),
    "last_at": ("last", "最近"),
    "late_by_minutes": ("minutes late", "逾期分钟"),
    "leg": ("leg", "环节"),
    "located": ("located", "下落已知"),
    "made_by": ("made by", "制备过程"),
    "marker": ("marker", "检测项目"),
    "measure": ("measure", "单位"),
    "minutes": ("minutes", "分钟"),
    "missing": ("not final", "未定论项目"),
    "modified_expires_at": ("modified, until", "处理后失效"),
    "name": ("what", "事项"),
    "of": ("of", "类别"),
    "outcome": ("outcome", "结论"),
    "outside_rule": ("minutes outside", "超限分钟"),
    "panel": ("panel", "检测结论"),
    "parents": ("from", "来源血袋"),
    "patient": ("patient", "患者"),
    "patient_group": ("patient's group", "患者血型"),
    "patient_rhd": ("patient's RhD", "患者 RhD"),
    "place": ("place", "位置"),
    "position": ("position", "记录位置"),
    "presumed": ("presumed", "推定"),
    "quantity": ("quantity", "数量"),
    "quantity_in_facts": ("quantity in facts", "记录中数量"),
    "quantity_in_view": ("quantity in view", "视图中数量"),
    "reactive": ("reactive", "有反应性"),
    "reason": ("reason", "原因"),
    "received_at": ("received", "接收时间"),
    "received_by": ("received by", "接收人员"),
    "recorded_at": ("recorded (UTC)", "记录时间（UTC）"),
    "released_at": ("released", "放行时间"),
    "reported": ("reported", "他处报告"),
    "results": ("results", "检测结果"),
    "rhd": ("RhD", "RhD 血型"),
    "rule_expires_at": ("rule says", "规则失效"),
    "said": ("said", "所述"),
    "says": ("details", "详情"),
    "sender": ("sender", "发送方"),
    "sender_bag": ("sender's number", "对方编号"),
    "sender_release": ("sender's release", "对方放行"),
    "sender_released_at": ("released there", "对方放行时间"),
    "since": ("since", "起始"),
    "stands": ("still so", "仍然如此"),
    "status": ("status", "状态"),
    "stream": ("on", "对象"),
    "table": ("by table", "依据表"),
    "target_version": ("names version", "指名版本"),
    "transfused_at": ("transfused", "输注时间"),
    "version": ("version", "版本"),
    "via": ("through", "经由"),
    "was": ("was", "原为"),
    "where": ("where", "地点"),
    "why": ("why", "理由"),
    "within_rule": ("within the rule", "符合规则"),
}

HEADINGS: Final[dict[str, Pair]] = {
    "added": ("Reached now, and not then", "现在涉及而当时未涉及"),
    "alerts": ("Alerts", "警示"),
    "breaches": ("Breaches", "温度超限"),
    "changed": ("Changed between then and now", "其间的变化"),
    "changes": ("What had been changed by then", "此前的更正"),
    "disagreements": ("Where typing disagreed", "定型不一致之处"),
    "gone": ("Reached then, and no more", "当时涉及而现在不再涉及"),
    "later": ("What was changed after", "此后的更正"),
    "now": ("As known now", "按现在所知"),
    "recipients": ("Who received of it", "受血者"),
    "then": ("As known then", "按当时所知"),
    "unread": ("What could not be read", "无法读取的记录"),
    "unconfirmed": ("Out, and without a confirmed fate", "已发出而无确认的去向"),
}

CODES: Final[dict[str, Pair]] = {
    "made_from": ("made from one", "由其制成"),
    "abo": ("ABO does not fit", "ABO 不相容"),
    "abo_minor": ("ABO fits, yet is not the patient's own", "ABO 相容但非同型"),
    "abo_unknown": ("an ABO group is unknown", "ABO 血型未知"),
    "rhd": ("RhD does not fit", "RhD 不相容"),
    "rhd_minor": ("RhD fits, yet is not the patient's own", "RhD 相容但非同型"),
    "rhd_unknown": ("an RhD type is unknown", "RhD 未知"),
    "component_unknown": ("the component is unknown", "成分未知"),
    "crossmatch": ("the crossmatch was incompatible", "交叉配血不相容"),
    "compatible": ("compatible", "相容"),
    "incompatible": ("incompatible", "不相容"),
    "transfused": ("transfused", "已输注"),
    "label": ("label", "标签"),
    "donation": ("donation", "献血"),
    "donor": ("donor", "献血者"),
    "red_cells": ("red cells", "红细胞"),
    "whole_blood": ("whole blood", "全血"),
    "plasma": ("plasma", "血浆"),
    "platelets": ("platelets", "血小板"),
    "consignee": ("consignee", "收货方"),
    "facility": ("facility", "机构"),
    "patient": ("patient", "患者"),
    "presumed": ("patient, presumed", "患者（推定）"),
    "ward": ("ward", "病区"),
    "above": ("above", "高于上限"),
    "acceptable": ("acceptable", "合格"),
    "arrived": ("arrived", "已到达"),
    "below": ("below", "低于下限"),
    "by_sender": ("by the sender", "由发送方放行"),
    "closed": ("closed", "已办结"),
    "distributed": ("on the way", "在途"),
    "emergency_released": ("emergency release", "紧急放行"),
    "indeterminate": ("indeterminate", "不确定"),
    "issued": ("issued", "已发血"),
    "nonreactive": ("nonreactive", "无反应性"),
    "open": ("open", "未结"),
    "pending": ("pending", "待定"),
    "reactive": ("reactive", "有反应性"),
    "released": ("release", "放行"),
    "reported": ("reported release", "他处放行"),
    "unacceptable": ("unacceptable", "不合格"),
    "within": ("within", "正常"),
}

SAYINGS: Final[dict[str, Pair]] = {
    "ask.unknown": (
        "there is no question {question}; the questions are: {known}",
        "没有问题 {question}；可用问题：{known}",
    ),
    "ask.subject_missing": (
        "question {letter} is about {subjects}: name it, as in `bloodledger ask {letter} {example}`",
        "问题 {letter} 针对 {subjects}：请写明，例如 bloodledger ask {letter} {example}",
    ),
    "ask.subject_needless": (
        "question {letter} is about the whole ledger: leave {subject} out",
        "问题 {letter} 针对整个账本：请去掉 {subject}",
    ),
    "ask.option_needless": (
        "question {letter} takes no {option}; it takes: {known}",
        "问题 {letter} 不接受 {option}；可用选项：{known}",
    ),
    "ask.not_yet": (
        "this version of the ledger keeps no hospital messages yet, so none can be open",
        "本版本的账本尚不保存医院消息，因此没有待处理的消息",
    ),
    "ask.list": ("What an auditor asks:", "审计问题："),
    "ask.about": ("about {subjects}", "针对 {subjects}"),
    "ask.options": ("options {options}", "选项 {options}"),
    "ask.complete": (
        "ledger {ledger}, complete up to position {position}",
        "账本 {ledger}，截至第 {position} 位",
    ),
    "ask.digest": ("view digest {digest}", "视图摘要 {digest}"),
    "ask.known_at": ("as known at {known_at} UTC", "按 {known_at}（UTC）时所知"),
    "ask.at": ("as of {at} UTC", "以 {at}（UTC）为准"),
    "ask.view_further": (
        "the view itself goes on to position {complete_to}",
        "视图本身已至第 {complete_to} 位",
    ),
    "ask.more": ("… more rows: {count} (all with --json)", "… 另有 {count} 行（--json 可列出全部）"),
    "ask.sealed": ("sealed", "已封存"),
    "ask.no_difference": ("Then and now the answer is the same.", "当时与现在的答案相同。"),
    "ask.yes": ("yes", "是"),
    "ask.no": ("no", "否"),
    "ask.fate_none": ("no fate yet", "尚无去向"),
    "known.future": (
        "nothing can be known at {known_at} yet: now is {now}",
        "{known_at} 尚未到来，不可能有所知：现在是 {now}",
    ),
    "known.before": (
        "at {known_at} nothing was known yet: the first fact was recorded at {first}",
        "{known_at} 时尚无任何记录：首条记录记于 {first}",
    ),
    "known.empty": (
        "at {known_at} nothing was known yet: the ledger holds no fact",
        "{known_at} 时尚无任何记录：账本为空",
    ),
    "progress.ask": ("looking", "查询中"),
}

ASKED: Final[dict[str, Pair]] = {
    **SAYINGS,
    **{f"ask.question.{letter}": words for letter, words in QUESTIONS.items()},
    **{
        f"ask.{letter}.sentence.{number}": words
        for letter, sentences in SENTENCES.items()
        for number, words in enumerate(sentences)
    },
    **{f"ask.{letter}.none": words for letter, words in NONE.items()},
    **{f"ask.counted.{noun}.none": (words[0], words[3]) for noun, words in COUNTED.items()},
    **{f"ask.counted.{noun}.one": (words[1], words[4].replace("{count}", "1")) for noun, words in COUNTED.items()},
    **{f"ask.counted.{noun}.many": (words[2], words[4]) for noun, words in COUNTED.items()},
    **{f"ask.column.{key}": words for key, words in COLUMNS.items()},
    **{f"ask.code.{code}": words for code, words in CODES.items()},
    **{f"ask.heading.{key}": words for key, words in HEADINGS.items()},
}
