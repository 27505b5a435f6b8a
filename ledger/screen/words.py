"""This file holds every word that the command line says to people, in English and Chinese."""

from typing import Final

from ledger.screen.ask_words import ASKED
from ledger.screen.help_words import HELP
from ledger.screen.kafka_words import KAFKA
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
    "fault.data_file": ("this file cannot be used: {what}", "此文件无法使用：{what}"),
    "fault.error": ("error", "错误"),
    # -- the command line itself
    "usage.help": ("see `{path} --help`", "参见 {path} --help"),
    "usage.missing": ("{what} is missing, as in `{example}`", "缺少 {what}，例如 {example}"),
    "usage.bad": ("{what} cannot be that: {why}", "{what} 的值无效：{why}"),
    "usage.one_of": ("it is one of {known}", "应为 {known} 之一"),
    "usage.range": ("it is {whole} from {low} to {high}", "应为 {low} 至 {high} 的{whole}"),
    "usage.whole": ("a whole number", "整数"),
    "usage.number": ("a number", "数字"),
    "usage.open": ("any", "任意"),
    "usage.no_option": ("there is no option {option}", "没有选项 {option}"),
    "usage.no_command": ("there is no command {command}", "没有命令 {command}"),
    "usage.other": ("{why}", "用法有误：{why}"),
    "usage.not_a_time": (
        "{found} is not a time such as 2026-03-01T08:00:00+08:00",
        "{found} 不是时间；写法如 2026-03-01T08:00:00+08:00",
    ),
    "usage.no_offset": (
        "{found} has no offset or no sensible year: write 2026-03-01T08:00:00+08:00",
        "{found} 缺少时区偏移或年份不合理；写法如 2026-03-01T08:00:00+08:00",
    ),
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
    "stock.bands": ("Safe bands", "安全库存"),
    "stock.band": ("safe", "安全范围"),
    "stock.level": ("level", "水平"),
    "stock.level.below": ("below", "低于下限"),
    "stock.level.within": ("within", "正常"),
    "stock.level.above": ("above", "高于上限"),
    "stock.any_group": ("all", "全部"),
    "stock.forecast": ("What expires, day by day", "逐日到期"),
    "stock.day": ("day", "日期"),
    # -- trace
    "trace.title": ("{subject}, complete up to position {position}", "{subject}，截至第 {position} 位"),
    "trace.not_found": (
        "up to position {position} nothing is recorded about {subject}; check its number",
        "截至第 {position} 位，没有关于 {subject} 的记录；请核对编号",
    ),
    "trace.bad_subject": (
        "{subject} is no bag, DIN, donor:…, patient:…, lot:…, device:…, operator:…, run:… or facility:…: {why}",
        "{subject} 不是血袋、献血编号、donor:…、patient:…、lot:…、device:…、operator:…、run:… 或 facility:…：{why}",
    ),
    "trace.two_formats": (
        "--json and --format {format} are two forms: give one of them",
        "--json 与 --format {format} 是两种格式：请只给出其一",
    ),
    "trace.cycle": (
        "bags that are said to be made from each other: {bags}",
        "记录称互相制成的血袋：{bags}",
    ),
    "trace.cut": (
        "cut at the depth asked for; bags from which the lineage goes on ({count}): {bags}",
        "已按所给深度截断：来龙去脉自 {count} 袋继续：{bags}",
    ),
    "trace.lineage": ("Lineage", "来龙去脉"),
    "trace.no_bags": ("no bags", "没有血袋"),
    "known.window": (
        "--until {until} is before --since {since}: name them the other way round",
        "--until {until} 早于 --since {since}：请调换",
    ),
    "views.anew": ("note: {why}: they are made anew from the facts", "提示：{why}，已由记录重新生成"),
    "views.anew.version": (
        "the views were of version {was}, this program makes version {now}",
        "视图为第 {was} 版，本程序生成第 {now} 版",
    ),
    "views.anew.ledger": ("the views were of ledger {was}, not {now}", "视图属于账本 {was}，而非 {now}"),
    "views.anew.cut": (
        "the views had applied position {was}, which this ledger does not hold",
        "视图曾处理第 {was} 位，而本账本没有该位",
    ),
    "views.anew.other": (
        "the views had applied another fact at position {was} than this ledger holds",
        "视图在第 {was} 位处理的记录与本账本不同",
    ),
    "fault.views_outdated": (
        "{what}; ask without --no-catch-up, and they are made",
        "{what}；请不带 --no-catch-up 再查，即会生成",
    ),
    "views.outdated.none": ("there are no views yet", "尚无视图"),
    "views.outdated.version": (
        "the views are of version {was}, not of this program's",
        "视图为第 {was} 版，与本程序不符",
    ),
    "views.outdated.ledger": ("the views are of another ledger, {was}", "视图属于另一账本 {was}"),
    "trace.life": ("What happened", "经过"),
    "trace.pool": ("also from {others}", "同时来自 {others}"),
    "trace.again": ("shown above", "见上"),
    "trace.more": ("… {count} more bags (all with --json)", "… 另有 {count} 袋（--json 可列出全部）"),
    "trace.more_facts": ("… {count} more facts (all with --json)", "… 另有 {count} 条（--json 可列出全部）"),
    "trace.hold": ("held: {cause} ({scope})", "暂停使用：{cause}（{scope}）"),
    "trace.nonconformity": ("nonconformity: {text}", "不符合项：{text}"),
    "trace.from_donor": ("from donor {donor}", "献血者 {donor}"),
    "trace.to_patient": ("to patient {patient}", "受血者 {patient}"),
    "trace.expires": ("expires {at}", "{at} 到期"),
    "trace.expired": ("EXPIRED {at}", "已于 {at} 过期"),
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
    # -- rebuild
    "rebuild.equal": (
        "The views made anew say the same as those before, row by row, and are live: version {version} after"
        " {replaces}, complete up to position {position}.",
        "重建的视图与原视图逐行一致，现已启用：第 {version} 版（原第 {replaces} 版），截至第 {position} 位。",
    ),
    "rebuild.first": (
        "There were no views of this ledger; they are made now: version {version}, complete up to position {position}.",
        "原先没有此账本的视图，现已建立：第 {version} 版，截至第 {position} 位。",
    ),
    "rebuild.accepted": (
        "Switched, as accepted: views of version {version} after {replaces}, complete up to position {position}."
        " The first differences:",
        "已按确认切换：第 {version} 版视图（原第 {replaces} 版），截至第 {position} 位。首批差异：",
    ),
    "rebuild.kept": (
        "NOT switched: the views made anew (version {version}) differ from the live ones at position {position}."
        " The first differences:",
        "未切换：重建的视图（第 {version} 版）与现用视图在第 {position} 位不一致。首批差异：",
    ),
    "rebuild.other": (
        "Another rebuild switched meanwhile; live are views of version {version}, complete up to position {position}.",
        "另一次重建已先行切换；现用视图为第 {version} 版，截至第 {position} 位。",
    ),
    "rebuild.difference": ("table {table}, {row}: {what}", "表 {table}，{row}：{what}"),
    "rebuild.field": ("{field} is {live} live, {rebuilt} anew", "{field} 现为 {live}，重建为 {rebuilt}"),
    "rebuild.only": ("a row of the {which} views alone: {row}", "仅{which}视图有此行：{row}"),
    "rebuild.live": ("live", "现用"),
    "rebuild.new": ("new", "重建"),
    "rebuild.damaged_live": (
        "rows of the live views were altered behind the ledger's back: {tables}",
        "现用视图中有行被绕过账本更改：{tables}",
    ),
    "rebuild.damaged_new": (
        "rows of the new views are not as they were written, so they are thrown away: {tables}",
        "重建的视图中有行与写入不符，已弃用：{tables}",
    ),
    "rebuild.remedy": (
        "The live views stay. `bloodledger rebuild --accept` switches to the new ones: their rows come from the"
        " facts alone.",
        "现用视图保持不变。bloodledger rebuild --accept 可切换至重建的视图：其各行仅来自记录。",
    ),
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
        "{path} can be used: catalogue {id}, {products} products, {processes} processes, {panels} panels,"
        " {bands} bands",
        "{path} 可用：目录 {id}，{products} 种产品，{processes} 个过程，{panels} 套检测项目，{bands} 条安全库存",
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
        "  {program} --ledger {path} ask f patient:{patient}\n"
        "  {program} --ledger {path} verify",
        "\n请继续查看：\n"
        "  {program} --ledger {path} trace {bag}\n"
        "  {program} --ledger {path} trace patient:{patient}\n"
        "  {program} --ledger {path} stock --at 2006-01-09T00:00:00+08:00\n"
        "  {program} --ledger {path} ask f patient:{patient}\n"
        "  {program} --ledger {path} verify",
    ),
    # -- simulation and report
    "progress.simulate": ("living through the scenario", "推演情景"),
    "progress.check": ("holding the answers against the truth", "对照真实情况核对答案"),
    "progress.report": ("adding up the year", "汇总全年"),
    "simulate.unknown": (
        "there is no scenario {name}; known are {known}, or name a file that ends in .yaml",
        "没有情景 {name}；已有 {known}，或给出以 .yaml 结尾的文件",
    ),
    "simulate.held": (
        "the ledger held {held} of {windows} windows already: it went on from there",
        "账本已有 {windows} 个批次中的 {held} 个：从该处继续",
    ),
    "simulate.sent": ("{commands} commands sent: {outcomes}", "已发送 {commands} 条命令：{outcomes}"),
    "simulate.surprise": (
        "{request} {command}: {outcome}, and should have been {expected}: {why}",
        "{request} {command}：结果为 {outcome}，应为 {expected}：{why}",
    ),
    "simulate.facts": (
        "{facts} facts in the ledger and its views; {seconds} s, {rate} facts/s",
        "账本及视图中共 {facts} 条记录；用时 {seconds} 秒，每秒 {rate} 条",
    ),
    "simulate.root": ("tree root {root}", "树根 {root}"),
    "simulate.true": ("Every answer is true: {compared}", "所有答案均与真实情况一致：{compared}"),
    "simulate.untrue": (
        "{failures} answers are not as it truly was ({compared}):",
        "有 {failures} 个答案与真实情况不符（{compared}）：",
    ),
    "report.title": (
        "Report on {year}, from the facts up to position {position}",
        "{year} 年报告（截至位置 {position} 的记录）",
    ),
    "report.kind": ("Donations", "采集种类"),
    "report.donations": ("Donations", "人次"),
    "report.opening": ("Opening", "期初"),
    "report.made": ("Made", "制备"),
    "report.received": ("Received", "接收"),
    "report.supplied": ("Supplied", "供应"),
    "report.transferred": ("Transferred", "调剂"),
    "report.discarded": ("Discarded", "报废"),
    "report.expired": ("Expired", "过期"),
    "report.consumed": ("Consumed", "消耗"),
    "report.used_otherwise": ("Used otherwise", "其他使用"),
    "report.closing": ("Closing", "期末"),
    "report.shipments": ("Shipments", "调剂批次"),
    "report.shipped": (
        "{shipments} shipments between centres, {bags} bags",
        "站间调剂 {shipments} 批，血袋 {bags} 个",
    ),
    "report.scenario": ("Figures of {scenario} beside the facts", "情景 {scenario} 的数字与记录对照"),
    "report.figure": ("Figure", "指标"),
    "report.of": ("Of", "对象"),
    "report.facts": ("Facts", "记录"),
    "report.file": ("Scenario", "情景"),
    "report.source": ("Source", "来源"),
    "report.quantity": ("Quantity", "数量"),
    "report.published": ("Supplied", "供应合计"),
    "report.supplied_to": ("Given to", "输注给"),
    "report.equal": ("equal", "一致"),
    "report.differs": ("differs", "不符"),
    # -- drill
    "drill.good": (
        "Every recall found everything and nothing else: {seeds} worlds from seed {first}, {commands} commands, "
        "{facts} facts.",
        "每次召回均无遗漏、无多余：自种子 {first} 起 {seeds} 个世界，{commands} 条命令，{facts} 条记录。",
    ),
    "drill.bad": (
        "The drill failed: {missed} missed, {extra} too much; {seeds} worlds from seed {first}, {commands} commands, "
        "{facts} facts.",
        "演练未通过：遗漏 {missed}，多余 {extra}；自种子 {first} 起 {seeds} 个世界，{commands} 条命令，"
        "{facts} 条记录。",
    ),
    "drill.short": (
        "Nothing was missed, nothing too much, but not every kind of trouble happened: {seeds} worlds from seed "
        "{first}, {commands} commands, {facts} facts.",
        "无遗漏、无多余，但并非每类差错都出现过：自种子 {first} 起 {seeds} 个世界，{commands} 条命令，{facts} 条记录。",
    ),
    "drill.recalled": (
        "Recalled {recalls} donors, lots and devices: {bags} bags, used ones included, and {patients} patients.",
        "召回献血者、批号和设备 {recalls} 次：涉及血袋 {bags} 个（含已使用者）、患者 {patients} 名。",
    ),
    "drill.trouble": ("What went wrong in these worlds", "这些世界中出过的差错"),
    "drill.never": (
        "Never happened: {kind}. Of that this drill says nothing; take more seeds.",
        "未曾出现：{kind}。本次演练对此无从判断，请增加种子数。",
    ),
    "drill.wrong": ("seed {seed}, {subject}, as known {known_at}:", "种子 {seed}，{subject}，所知截至 {known_at}："),
    "drill.missed": ("missed: {what}", "遗漏：{what}"),
    "drill.extra": ("too much: {what}", "多余：{what}"),
    "drill.now": ("now", "现在"),
    "drill.surprise": (
        "seed {seed}: {command} should be {expected} and was {outcome}. {why}",
        "种子 {seed}：{command} 应为 {expected}，实为 {outcome}。{why}",
    ),
    # -- progress
    "progress.drill": ("drilling", "演练中"),
    "progress.record": ("recording", "记录中"),
    "progress.import": ("importing", "导入中"),
    "progress.verify": ("checking", "核验中"),
    "progress.rebuild": ("making the views anew", "重建视图"),
    "progress.catch_up": ("bringing the views up to date", "更新视图"),
}

WORDS: Final[dict[str, tuple[str, str]]] = {**SAID, **ASKED, **KAFKA, **HELP, **NOUNS}


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
