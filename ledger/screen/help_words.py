"""This file holds what `--help` says, in English and Chinese: about commands, options, and by example."""

from typing import Final

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "bloodledger": (
        "A traceability ledger for blood, from vein to vein: every bag's life is a chain of facts nobody can alter.",
        "从血管到血管的血液追溯账本：每袋血的经历是一串无人能更改的记录。",
    ),
    "record": (
        "Record commands, one JSON object a line. They come from FILE or from standard input (-). Every line is "
        "answered in its place; a line that is refused or malformed stores nothing and stops nobody. Sending a file "
        "again is safe for ever: what was recorded is answered `repeated`.",
        "逐行记录命令，每行一个 JSON 对象。来自 FILE 或标准输入（-）。各行按序应答；"
        "被拒绝或格式错误的行不存入任何数据，"
        "也不影响其他行。重复发送同一文件始终安全：已记录的内容应答为 repeated。",
    ),
    "import": (
        "Import a validated history. It comes from FILE or standard input (-), in the form that `facts` prints: all "
        "of the file or nothing. Positions are given anew.",
        "导入经过核验的历史。来自 FILE 或标准输入（-），格式与 facts 的输出相同："
        "整个文件全部导入或全不导入。位置重新编排。",
    ),
    "facts": (
        "Print the stored facts in order. One JSON object a line: all of them, or those of some streams.",
        "按序输出已存记录。每行一个 JSON 对象：全部，或仅限某些流。",
    ),
    "schema": (
        "Print the JSON Schema of a command, or of all of them.",
        "输出某条命令或全部命令的 JSON Schema。",
    ),
    "topics": (
        "Make the topics on Kafka, or check them. Facts stay for ever, the stock is compacted, and the count of "
        "partitions is fixed when they are made; a topic that breaks this is refused. BLOODLEDGER_KAFKA names the "
        "cluster.",
        "在 Kafka 上创建或检查主题。事实永久保留，库存主题压缩保留，分区数在创建时固定；"
        "不符合约定的主题会被拒绝（BLOODLEDGER_KAFKA 指定集群）。",
    ),
    "relay": (
        "Send every fact to Kafka, in order. It runs until stopped (Ctrl-C, SIGTERM) and goes on where it was; one "
        "relay of a ledger is active, another one started stands by. While Kafka is away the ledger goes on "
        "recording, and what was recorded is sent afterwards.",
        "将每条事实按序发送至 Kafka。持续运行直至停止（Ctrl-C、SIGTERM），并从上次处继续；"
        "每个账本只有一个转发进程在工作，另启的进程待命。Kafka 不可用时账本照常记录，恢复后补发。",
    ),
    "project": (
        "Bring what is on Kafka into the views, and the stock to its topic. It runs until stopped (Ctrl-C, SIGTERM); "
        "several at once share the partitions when the views are in PostgreSQL. It needs Kafka and BLOODLEDGER_VIEWS, "
        "and no ledger; where BLOODLEDGER_LEDGER names one, the views are of that one. Exit code 1: a partition stands "
        "still, since numbers of its chain are missing.",
        "将 Kafka 上的内容写入视图，并将库存发送至其主题。持续运行直至停止（Ctrl-C、SIGTERM）；"
        "视图位于 PostgreSQL 时可同时运行多个，分担各分区。只需 Kafka 和 BLOODLEDGER_VIEWS，不需要账本；"
        "若 BLOODLEDGER_LEDGER 指定了账本，则视图属于该账本。退出码 1：某分区停止，因其链中缺号。",
    ),
    "parked": (
        "Show what nobody could read, and what waits behind it. Bags that rest on such a fact do not count as "
        "available. Exit code 1 while there is something.",
        "显示无法读取的内容及其后等待的内容。依赖此类事实的血袋不计为可用。存在此类内容时退出码为 1。",
    ),
    "scan": (
        "Read what a scanner sent (ISBT 128). It says which structures, and which bag. Several texts are scans of one "
        "label. With - each line of standard input is a scan. A bad scan is never repaired.",
        "读取扫描内容（ISBT 128）。说明含哪些数据结构，是哪个血袋。给出多段内容时视为同一标签的多次扫描；"
        "用 - 时标准输入的每行为一次扫描。错误的扫描不会被修补。",
    ),
    "trace": (
        "Trace a bag, donation, donor, patient, lot, device, operator, run or facility both ways. What it was made "
        "from, what was made from it, and everything that happened. SUBJECT is a bag (DIN=PRODUCT or DIN#N), a DIN, "
        "donor:P, patient:P, lot:ID, lot:KIND:ID, device:D, operator:O, run:R or facility:F.",
        "双向追溯血袋、献血、献血者、受血者、批号、设备、操作者、批次或机构。由何制备、制成何物，以及全部经过。"
        "SUBJECT 为血袋（DIN=PRODUCT 或 DIN#N）、献血编号、donor:P、patient:P、lot:ID、lot:KIND:ID、device:D、"
        "operator:O、run:R 或 facility:F。",
    ),
    "stock": (
        "Show what is in stock. Bags and exact quantities by facility, component, group and status; how the site's "
        "safe bands are met; with --forecast what expires day by day.",
        "显示库存。按机构、成分、血型和状态列出袋数与准确数量；对照本机构的安全库存；"
        "给出 --forecast 时逐日列出到期数量。",
    ),
    "ask": (
        "Ask an auditor's question. By its letter or name, about SUBJECT: a bag, DIN, donor:P, patient:P, lot:ID, "
        "device:D, operator:O, run:R or facility:F. Without QUESTION the questions are listed. Exit code 1: damage "
        "found, stock and facts differ, or nothing known.",
        "提出审计问题。以字母或名称提问，SUBJECT 为血袋、献血编号、donor:P、patient:P、lot:ID、device:D、operator:O、"
        "run:R 或 facility:F。不给 QUESTION 时列出全部问题。退出码 1：发现损坏、库存与记录不一致，或无所知。",
    ),
    "recall": (
        "Find every bag that a donor, donation, lot, device, operator, run or facility reached. Where each is, who had "
        "it, what became of it; with --known-at as known then and as known now, with the difference.",
        "找出献血者、献血、批号、设备、操作者、批次或机构涉及的全部血袋。各在何处、何人经手、去向如何；"
        "给出 --known-at 时，列出当时所知、现在所知及其差异。",
    ),
    "verify": (
        "Check everything the ledger holds. Facts, tree, streams, requests, index; the first bad fact is named. Keep "
        "the output elsewhere: with --since it proves later that nothing up to it was cut or changed.",
        "核验账本的全部内容。记录、树、流、请求和索引；指出首条有问题的记录。请将输出另行保存："
        "日后用 --since 可证明截至当时的内容未被删减或更改。",
    ),
    "rebuild": (
        "Make the views anew, compare, switch. Beside the live ones, which go on answering; a stopped rebuild goes on "
        "where it was. Exit code 1: the two differ and the live ones stay; --accept switches all the same.",
        "重建视图，比对，切换。与现用视图并行，期间照常应答；中断后可续。"
        "退出码 1：两者不一致，保留现用视图；--accept 则仍然切换。",
    ),
    "init": ("Begin an empty ledger.", "建立空账本。"),
    "status": (
        "Say which ledger this is, how far it goes, where its files are.",
        "说明账本的编号、进度及其文件位置。",
    ),
    "commands": ("List everything that can be recorded.", "列出可记录的全部命令。"),
    "explain": (
        "Say in words what a code means. Of a refusal, a nonconformity, a bad scan or malformed input.",
        "用文字解释代码。拒绝、不符合项、扫描错误或格式错误。",
    ),
    "catalogue": (
        "Work on the site's catalogue of products, processes and panels.",
        "处理本机构的产品、过程与检测目录。",
    ),
    "catalogue check": (
        "Check a catalogue, a folder or a file. What is wrong is named with file, line and field.",
        "检查目录（文件夹或文件）。有误时指出文件、行与字段。",
    ),
    "drill": (
        "Drill recalls in worlds where everything goes wrong. A donor, a lot and a device of each are recalled, in a "
        "ledger in memory, and compared with where the blood physically went. Exit code 1: something was missed, found "
        "though it is not so, or never went wrong.",
        "在处处出错的模拟世界中演练召回。每个世界召回一名献血者、一个批号和一台设备，账本在内存中，"
        "结果与血液的实际去向比对。退出码 1：有遗漏、有多余，或有差错类型未曾出现。",
    ),
    "simulate": (
        "Let a simulated world live in a ledger, by sending commands. SCENARIO is a name or a file that ends in .yaml; "
        "without one the scenarios are listed. One seed gives the same ledger for ever; run again on an interrupted "
        "ledger it goes on where it stopped. At the end every answer is held against what physically happened. Exit "
        "code 1: an answer is not true.",
        "让模拟世界通过发送命令在账本中运行。SCENARIO 为情景名称或以 .yaml 结尾的文件；不给出时列出已有情景。"
        "同一种子始终得到相同的账本；在中断的账本上再次运行会从中断处继续。结束时将所有答案与实际情况核对。"
        "退出码 1：有答案与实际不符。",
    ),
    "report": (
        "Report on a year, from the facts. Donations, and for each component the way from opening to closing stock: "
        "opening + made + received = supplied + transferred + discarded + expired + consumed + used otherwise + "
        "closing. With --scenario its own figures stand beside those of the facts.",
        "根据记录生成年度报告。包括采集情况，以及各成分从期初到期末的去向："
        "期初 + 制备 + 接收 = 供应 + 调剂 + 报废 + 过期 + 消耗 + 其他使用 + 期末。"
        "给出 --scenario 时，其数字与记录并列。",
    ),
    "demo": (
        "Watch real donations become bags, components, and reach patients. In a new ledger, traced both ways.",
        "观看真实献血如何成为血袋、成分并用于患者。在新账本中，双向追溯。",
    ),
}

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "bloodledger": ("bloodledger demo", "bloodledger record day.jsonl", "bloodledger trace A999926123456=E0336V00"),
    "record": (
        "bloodledger record day.jsonl",
        "scanner | bloodledger record - --window 1",
        "bloodledger record day.jsonl --json | grep refused",
    ),
    "import": ("bloodledger facts --json > history.jsonl", "bloodledger import history.jsonl --ledger copy.db"),
    "facts": (
        "bloodledger facts",
        "bloodledger facts A999926123456=E0336V00",
        "bloodledger facts --name bag.issued --limit 10",
    ),
    "schema": ("bloodledger schema CollectBag", "bloodledger schema > commands.schema.json"),
    "scan": ("bloodledger scan '=410301602203855=<E5445000'", "bloodledger scan '=410301602203855' '=<E5445000'"),
    "trace": (
        "bloodledger trace A999926123456=E0336V00",
        "bloodledger trace A999926123456",
        "bloodledger trace donor:D-1",
        "bloodledger trace lot:filter:F-2026-17 --json",
        "bloodledger trace donor:D-1 --format dot > lineage.dot",
        "bloodledger trace donor:D-1 --known-at 2026-03-01T08:00:00+08:00",
    ),
    "stock": (
        "bloodledger stock",
        "bloodledger stock --at 2026-03-01T08:00:00+08:00 --expiring-within 3",
        "bloodledger stock --known-at 2026-03-01T08:00:00+08:00 --forecast 7",
    ),
    "ask": (
        "bloodledger ask",
        "bloodledger ask a A999926123456=E0336V00",
        "bloodledger ask e donor:D-1 --since 2026-03-01T00:00:00+08:00",
        "bloodledger ask g --days 14 --leg to_patient",
        "bloodledger ask stock_equals_facts --known-at 2026-03-01T08:00:00+08:00 --json",
    ),
    "recall": (
        "bloodledger recall lot:filter:F-2026-17",
        "bloodledger recall operator:t-1 --since 2026-03-01T00:00:00+08:00 --until 2026-03-02T00:00:00+08:00",
        "bloodledger recall donor:D-1 --known-at 2026-03-01T08:00:00+08:00",
    ),
    "verify": ("bloodledger verify --json > today.json", "bloodledger verify --since today.json"),
    "topics": (
        "export BLOODLEDGER_KAFKA=localhost:9092",
        "bloodledger topics --partitions 12 --replication 3",
    ),
    "relay": ("bloodledger relay", "bloodledger relay --until-caught-up"),
    "project": (
        "export BLOODLEDGER_VIEWS=postgresql://blood@localhost/views",
        "bloodledger project",
        "bloodledger project --until-caught-up",
    ),
    "parked": (
        "bloodledger parked",
        "bloodledger parked --retry",
        "bloodledger parked --dismiss blood.facts.v1/3:1204 --reason 'sent by hand'",
    ),
    "rebuild": ("bloodledger rebuild", "bloodledger rebuild --accept"),
    "init": ("bloodledger init --ledger centre.db",),
    "status": ("bloodledger status",),
    "commands": ("bloodledger commands",),
    "explain": ("bloodledger explain BagHeld", "bloodledger explain transfused_expired --lang zh"),
    "catalogue check": ("bloodledger catalogue check our-catalogue/",),
    "drill": ("bloodledger drill", "bloodledger drill --seeds 1000 --first 20 --json"),
    "simulate": (
        "bloodledger simulate",
        "bloodledger simulate zhangjiakou-2023 --ledger year.db",
        "bloodledger simulate zhangjiakou-2023 --ledger days.db --seed 7 --days 10 --json",
    ),
    "report": (
        "bloodledger report --year 2023 --scenario zhangjiakou-2023 --ledger year.db",
        "bloodledger report --year 2023 --facility A1307 --json",
    ),
    "demo": ("bloodledger demo",),
}

OPTIONS: Final[dict[str, tuple[str, str]]] = {
    "ledger": (
        "The ledger: a file or a postgresql:// URL (else BLOODLEDGER_LEDGER, else ./bloodledger.db).",
        "账本：文件或 postgresql:// 地址（否则取 BLOODLEDGER_LEDGER，再否则为 ./bloodledger.db）。",
    ),
    "lang": ("Language of what people read: en or zh.", "界面语言：en 或 zh。"),
    "json": (
        "Print JSON, for programs; --no-json prints for people even in a pipe.",
        "输出 JSON，供程序使用；--no-json 即使在管道中也按人读格式输出。",
    ),
    "window": ("Lines that share one commit.", "共用一次提交的行数。"),
    "from": ("First position to print.", "起始位置。"),
    "name": ("Only facts of this name, with or without its version.", "仅限此名称的记录，可带或不带版本。"),
    "limit": ("Print at most so many.", "最多输出条数。"),
    "open_sealed": ("Also print sealed texts whose key is here.", "同时输出密钥在本处的封存文字。"),
    "catch_up": (
        "Bring the views to the ledger's last position first (the default); --no-catch-up answers from where they are.",
        "先将视图更新至账本的最后位置（默认）；--no-catch-up 则按视图现状回答。",
    ),
    "facts": (
        "Also tell everything that happened (the default); --no-facts leaves it out.",
        "同时列出全部经过（默认）；--no-facts 则不列。",
    ),
    "at": (
        "Business time by which bags are expired and ages count, RFC 3339 with offset; now when not given.",
        "判断到期与时长所依据的业务时间，RFC 3339 带时区偏移；未给出时为当前时间。",
    ),
    "known_at": (
        "Recorded time, RFC 3339 with offset: answer from what was on record then; all that is when not given.",
        "记录时间，RFC 3339 带时区偏移：按当时已有的记录回答；未给出时按全部记录。",
    ),
    "since_when": (
        "Only what was collected, made or done from then on, RFC 3339 with offset.",
        "仅限此时起采集、制备或发生者，RFC 3339 带时区偏移。",
    ),
    "since_or_file": (
        "Only from then on, RFC 3339 with offset; of question n an earlier output of verify.",
        "仅限此时起，RFC 3339 带时区偏移；问题 n 则为 verify 此前的输出文件。",
    ),
    "until": (
        "Only what was collected, made or done until then, RFC 3339 with offset.",
        "仅限此时前采集、制备或发生者，RFC 3339 带时区偏移。",
    ),
    "depth": (
        "End after so many processes each way; what lies beyond is said.",
        "每个方向至多追溯的过程数；其后尚有者会说明。",
    ),
    "format": (
        "text for people; dot (Graphviz), graphml or csv of the lineage, for other programs.",
        "text 供人阅读；dot（Graphviz）、graphml 或 csv 为来龙去脉，供其他程序使用。",
    ),
    "forecast": (
        "Also what expires on each of so many days.",
        "同时列出今后若干天中每天到期的数量。",
    ),
    "days": (
        "Only what is out for more than so many days; 14 when not given.",
        "仅限发出超过若干天者；未给出时为 14。",
    ),
    "leg": (
        "Only this leg: to_facility (distributed, arrived) or to_patient (issued).",
        "仅限此环节：to_facility（distributed、arrived）或 to_patient（issued）。",
    ),
    "expiring_within": ("Days within which an expiry counts as near.", "视为临近到期的天数。"),
    "facility": ("Only this facility.", "仅限此机构。"),
    "component": ("Only this component.", "仅限此成分。"),
    "group": ("Only this blood group (ABO).", "仅限此 ABO 血型。"),
    "status": ("Only this status.", "仅限此状态。"),
    "all": ("Also bags that are stock no more.", "同时包括已不在库存中的血袋。"),
    "since": (
        "An earlier output of verify, to prove that nothing up to it was cut or changed.",
        "verify 此前的输出，用以证明截至当时的内容未被删减或更改。",
    ),
    "accept": (
        "Switch also when the views made anew say something else.",
        "即使重建的视图有所不同也切换。",
    ),
    "partitions": ("Partitions of topics that are made (6 when not given).", "所创建主题的分区数（默认 6）。"),
    "replication": (
        "Copies of each partition (the broker's default when not given).",
        "每个分区的副本数（默认由服务器决定）。",
    ),
    "until_caught_up": ("End when all there is has been dealt with.", "处理完现有内容后即结束。"),
    "of_ledger": ("Whose facts, where the topics carry several ledgers.", "主题承载多个账本时，指定取哪个账本的事实。"),
    "consumer_group": (
        "The consumer group (the one of these views when not given).",
        "消费者组（默认为这些视图自己的组）。",
    ),
    "stock_topic": (
        "Send the stock to its topic; one set of views of a ledger should.",
        "将库存发送至其主题；每个账本应由一套视图负责。",
    ),
    "retry": ("Read it once more, after a fix.", "修复后重新读取。"),
    "dismiss": (
        "A record that is no fact, and does not matter: its donation goes on.",
        "某条记录不是事实且无关紧要：其献血继续处理。",
    ),
    "dismiss_reason": ("Why it does not matter.", "为何无关紧要。"),
    "recheck": (
        "First compare every record on the topics with the ledger, and send what is missing there.",
        "先将主题上的每条记录与账本核对，并补发缺失的内容。",
    ),
    "seed": ("What makes this world differ from others of its scenario.", "使该世界区别于同一情景其他世界的种子。"),
    "sim_days": ("Only the first so many days.", "仅限最初若干天。"),
    "check": (
        "Hold the ledger's answers against what truly happened.",
        "将账本的答案与实际发生的情况核对。",
    ),
    "year": ("The calendar year.", "年份。"),
    "scenario": ("Beside the facts show the figures of this scenario.", "将此情景的数字与记录并列。"),
    "report_facility": ("The stock of this facility alone.", "仅限此机构的库存。"),
    "seeds": ("How many worlds.", "世界的数量。"),
    "first_seed": ("The first world's seed; the others follow.", "首个世界的种子；其余依次递增。"),
    "version": ("Show the version and exit.", "显示版本并退出。"),
    "help": ("Show this message and exit.", "显示本说明并退出。"),
    "examples": ("Examples:", "示例："),
    "usage": ("Usage", "用法"),
}

HELP: Final[dict[str, tuple[str, str]]] = {
    **{f"help.{name}": words for name, words in COMMANDS.items()},
    **{f"option.{name}": words for name, words in OPTIONS.items()},
}
