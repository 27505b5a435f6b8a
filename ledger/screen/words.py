"""This file holds every word that the command line says to people, in English and Chinese."""

from typing import Final

from ledger.screen.help_words import HELP
from ledger.screen.noun_words import NOUNS

SAID: Final[dict[str, tuple[str, str]]] = {
    # -- faults: what happened, where, and what to do
    "fault.no_ledger": (
        "there is no ledger at {where}: record something there first, or name another one"
        " (--ledger, BLOODLEDGER_LEDGER)",
        "{where} 处没有账本：请先在此记录，或另行指定（--ledger、BLOODLEDGER_LEDGER）",
    ),
    "fault.store": ("{what}", "存储出错：{what}"),
    "fault.store_remedy": (
        "nothing was half written; send the same again once it is mended",
        "没有写入一半的数据；排除故障后可重新发送",
    ),
    "fault.views": ("the views are not available: {what}", "视图不可用：{what}"),
    "fault.key_destroyed": (
        "the key of {subject} was destroyed: nothing more can be sealed under it",
        "{subject} 的密钥已销毁：无法再用其封存内容",
    ),
    "fault.outside": ("{what}", "系统出错：{what}"),
    "fault.defect": (
        "a defect of this program, not of your input: {what} (at {place}). Please report it with the command you gave; "
        "sending the same request again is safe",
        "这是本程序的缺陷，并非输入有误：{what}（位于 {place}）。请连同所用命令一并报告；重复发送相同请求是安全的",
    ),
    "fault.setting": (
        "setting {name} is {found!r}: {expected} is expected",
        "设置 {name} 为 {found!r}：应为 {expected}",
    ),
    "fault.catalogue": ("the catalogue cannot be used: {what}", "目录无法使用：{what}"),
    "fault.error": ("error", "错误"),
    # -- record
    "outcome.recorded": ("recorded", "已记录"),
    "outcome.repeated": ("repeated", "重复"),
    "outcome.refused": ("refused", "已拒绝"),
    "outcome.malformed": ("malformed", "格式错误"),
    "outcome.fault": ("fault", "故障"),
    "record.line": ("line {line}", "第 {line} 行"),
    "record.already": ("already on record from position {position}", "此前已记录，自第 {position} 位起"),
    "record.facts": ("{count} facts, positions {first}–{last}", "{count} 条记录，位置 {first}–{last}"),
    "record.fact": ("position {first}", "位置 {first}"),
    "record.where": ("where: {where}", "位置：{where}"),
    "record.remedy": ("what to do: {remedy}", "处理办法：{remedy}"),
    "record.summary": ("{total} lines: {parts}", "共 {total} 行：{parts}"),
    "record.nothing": ("no lines", "没有内容"),
    "record.stopped": (
        "stopped behind line {line}: the store is not available; run the same again,"
        " what was recorded is only repeated",
        "在第 {line} 行后停止：存储不可用；请重新运行，已记录的内容只会标为重复",
    ),
    "record.waiting": ("reading lines from the terminal; end with Ctrl-D", "正在从终端读取；按 Ctrl-D 结束"),
    # -- import
    "import.done": (
        "imported {facts} facts, positions {first}–{last}; tree of {size} facts, root {root}",
        "已导入 {facts} 条记录，位置 {first}–{last}；树含 {size} 条记录，根 {root}",
    ),
    "import.empty": ("nothing to import", "没有可导入的内容"),
    "import.refused": ("line {line}, {where}: {text}", "第 {line} 行，{where}：{text}"),
    # -- facts
    "facts.none": ("no facts", "没有记录"),
    "facts.name_unknown": ("no fact is called {name}", "没有名为 {name} 的记录"),
    # -- scan
    "scan.structure": ("structure", "数据结构"),
    "scan.name": ("name", "名称"),
    "scan.text": ("text", "内容"),
    "scan.says": ("says", "含义"),
    "scan.bag": ("bag {bag}", "血袋 {bag}"),
    "scan.din": ("donation {din}", "献血 {din}"),
    "scan.remedy": ("Scan the label again; never correct a number by guess.", "请重新扫描标签；切勿凭猜测更正编号。"),
    "scan.not_text": ("{where}: not text in UTF-8", "{where}：不是 UTF-8 文本"),
    # -- stock
    "stock.title": ("Stock at {at}, complete up to position {position}", "{at} 的库存，截至第 {position} 位"),
    "stock.none": ("Nothing in stock, up to position {position}.", "截至第 {position} 位，没有库存。"),
    "stock.facility": ("facility", "机构"),
    "stock.component": ("component", "成分"),
    "stock.group": ("group", "血型"),
    "stock.status": ("status", "状态"),
    "stock.bags": ("bags", "袋数"),
    "stock.quantity": ("quantity", "数量"),
    "stock.expiring": ("in {days} d", "{days} 天内到期"),
    "stock.expired": ("expired", "已过期"),
    "stock.earliest": ("first expiry", "最早到期"),
    # -- trace
    "trace.title": ("{subject}, complete up to position {position}", "{subject}，截至第 {position} 位"),
    "trace.not_found": (
        "up to position {position} nothing is recorded about {subject}; check its number",
        "截至第 {position} 位，没有关于 {subject} 的记录；请核对编号",
    ),
    "trace.bad_subject": (
        "{subject} is no bag, DIN, donor:…, patient:… or lot:…: {why}",
        "{subject} 不是血袋、献血编号、donor:…、patient:… 或 lot:…：{why}",
    ),
    "trace.lineage": ("Lineage", "来龙去脉"),
    "trace.no_bags": ("no bags", "没有血袋"),
    "trace.life": ("What happened", "经过"),
    "trace.time": ("time", "时间"),
    "trace.what": ("what", "事项"),
    "trace.who": ("who", "人员"),
    "trace.stream": ("on", "对象"),
    "trace.detail": ("details", "详情"),
    "trace.pool": ("also from {others}", "同时来自 {others}"),
    "trace.again": ("shown above", "见上"),
    "trace.more": ("… {count} more bags (all with --json)", "… 另有 {count} 袋（--json 可列出全部）"),
    "trace.more_facts": ("… {count} more facts (all with --json)", "… 另有 {count} 条（--json 可列出全部）"),
    "trace.hold": ("held: {cause} ({scope})", "暂停使用：{cause}（{scope}）"),
    "trace.nonconformity": ("nonconformity: {text}", "不符合项：{text}"),
    "trace.from_donor": ("from donor {donor}", "献血者 {donor}"),
    "trace.to_patient": ("to patient {patient}", "受血者 {patient}"),
    "trace.expires": ("expires {at}", "{at} 到期"),
    "trace.at": ("at {facility}", "在 {facility}"),
    "trace.parked": (
        "cannot be read: {stream} version {version}: {reason}",
        "无法读取：{stream} 第 {version} 版：{reason}",
    ),
    "trace.corrected.amended": ("amended", "已更正"),
    "trace.corrected.annulled": ("annulled", "已撤销"),
    # -- verify
    "verify.ok": (
        "Whole: {size} facts up to position {position}, nothing changed, left out or added.",
        "完好：共 {size} 条记录，截至第 {position} 位，没有更改、遗漏或增添。",
    ),
    "verify.root": ("root {root}", "根 {root}"),
    "verify.since": (
        "Everything of the earlier output ({size} facts) is still there, unchanged.",
        "此前输出（{size} 条记录）中的内容全部仍在，未被更改。",
    ),
    "verify.since_bad": (
        "NOT as in the earlier output: something of its {size} facts was cut or changed.",
        "与此前输出不符：其 {size} 条记录中有被删减或更改者。",
    ),
    "verify.damage": ("DAMAGED. The first bad fact: {place}", "已受损。首条有问题的记录：{place}"),
    "verify.damage_elsewhere": ("DAMAGED: {what}", "已受损：{what}"),
    "verify.place": (
        "position {position}, {stream} version {version}: {what}",
        "第 {position} 位，{stream} 第 {version} 版：{what}",
    ),
    "verify.remedy": (
        "Keep this file as it is, restore a backup beside it, and compare the two from that position on.",
        "请原样保留此文件，另行恢复备份，并自该位置起比对。",
    ),
    "verify.bad_since": ("not an earlier output of verify: {why}", "不是 verify 此前的输出：{why}"),
    "verify.problem": ("also: {what}", "另有：{what}"),
    # -- house-keeping
    "init.done": ("a new ledger at {path}, id {ledger}", "已在 {path} 建立新账本，编号 {ledger}"),
    "init.there": (
        "there is a ledger at {path} already, id {ledger}, {size} facts",
        "{path} 处已有账本，编号 {ledger}，共 {size} 条记录",
    ),
    "status.ledger": ("ledger", "账本"),
    "status.path": ("path", "路径"),
    "status.size": ("facts", "记录数"),
    "status.position": ("position", "位置"),
    "status.root": ("root", "根"),
    "status.recorded_at": ("last recorded", "最近记录"),
    "status.views": ("views", "视图"),
    "status.views_position": ("views complete up to", "视图截至"),
    "status.keys": ("keys", "密钥"),
    "status.catalogue": ("catalogue", "目录"),
    "status.lang": ("language", "语言"),
    "commands.decision": ("decision", "决定"),
    "commands.observation": ("observation", "观察"),
    "schema.unknown": ("there is no command {name}; the commands are: {known}", "没有命令 {name}；可用命令：{known}"),
    "explain.unknown": ("no code is called {code}.{close}", "没有代码 {code}。{close}"),
    "explain.close": (" Did you mean {close}?", "是否指 {close}？"),
    "explain.refusal": ("a refusal", "拒绝"),
    "explain.nonconformity": ("a nonconformity", "不符合项"),
    "explain.scan": ("a bad scan", "扫描错误"),
    "explain.malformed": ("malformed input", "格式错误"),
    "explain.history": ("an import that was not taken", "未接受的导入"),
    "explain.remedy": ("what helps: {remedy}", "处理办法：{remedy}"),
    "catalogue.ok": (
        "{path} can be used: catalogue {id}, {products} products, {processes} processes, {panels} panels",
        "{path} 可用：目录 {id}，{products} 种产品，{processes} 个过程，{panels} 套检测项目",
    ),
    "demo.where": ("a new ledger at {path}", "新账本位于 {path}"),
    "demo.label": (
        "1. One real label, seen in China: {scans}, expiry {expiry}. Its bag from donor to patient:",
        "一、一张真实的中国血袋标签：{scans}，失效 {expiry}。该血袋从献血者到患者的全过程：",
    ),
    "demo.week": (
        "2. One real week, 1 to 8 January 2006: {donations} donations in {rows} published rows (facility and day),"
        " each collected, tested, separated, labelled, released; some reach a patient:",
        "二、真实的一周（2006 年 1 月 1 日至 8 日）：公布的 {rows} 行（机构、日期）共 {donations} 人次，"
        "逐一采集、检测、分离、贴签、放行，部分用于患者：",
    ),
    "demo.sending": ("commands of the week", "一周的命令"),
    "demo.sent": ("{commands} commands sent: {outcomes}", "已发送 {commands} 条命令：{outcomes}"),
    "demo.equal": (
        "counted by facility and day, {equal} of {rows} rows equal the published ones, by group and by kind",
        "按机构和日期统计，{rows} 行中有 {equal} 行与公布数据一致（血型与采集种类）",
    ),
    "demo.next": (
        "\nSee for yourself:\n"
        "  {program} --ledger {path} trace {bag}\n"
        "  {program} --ledger {path} trace patient:{patient}\n"
        "  {program} --ledger {path} stock --at 2006-01-09T00:00:00+08:00\n"
        "  {program} --ledger {path} verify",
        "\n请继续查看：\n"
        "  {program} --ledger {path} trace {bag}\n"
        "  {program} --ledger {path} trace patient:{patient}\n"
        "  {program} --ledger {path} stock --at 2006-01-09T00:00:00+08:00\n"
        "  {program} --ledger {path} verify",
    ),
    # -- progress
    "progress.record": ("recording", "记录中"),
    "progress.import": ("importing", "导入中"),
    "progress.verify": ("checking", "核验中"),
    "progress.catch_up": ("bringing the views up to date", "更新视图"),
}

WORDS: Final[dict[str, tuple[str, str]]] = {**SAID, **HELP, **NOUNS}


class Say:
    """Says words by their key, in one language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, key: str, **details: object) -> str:
        """The words with their details filled in. Errors: KeyError, so that a test finds what has no words."""
        text = WORDS[key][self.lang == "zh"]
        return text.format(**details) if details else text

    def known(self, key: str, otherwise: str) -> str:
        """The words of a code, or the code itself when a site or a later version brings its own."""
        words = WORDS.get(key)
        return words[self.lang == "zh"] if words is not None else otherwise
