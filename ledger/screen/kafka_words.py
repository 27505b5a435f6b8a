"""This file holds what is said about Kafka, in English and Chinese."""

from typing import Final

KAFKA: Final[dict[str, tuple[str, str]]] = {
    "stock.stale": (
        "partition {place} of the facts stands still (number {first} is missing): what is said of its bags may be old",
        "事实分区 {place} 已停止（缺第 {first} 号）：其血袋的信息可能已过时",
    ),
    "topics.name": ("topic", "主题"),
    "topics.partitions": ("partitions", "分区"),
    "topics.replication": ("copies", "副本"),
    "topics.settings": ("settings", "配置"),
    "topics.made": ("state", "状态"),
    "topics.new": ("made now", "刚创建"),
    "topics.there": ("was there", "已存在"),
    "relayed.done": (
        "relayed up to position {position}: {sent} records sent, {behind} facts to go",
        "已转发至第 {position} 位：发送 {sent} 条，尚余 {behind} 条",
    ),
    "projected.done": (
        "the views are complete up to position {position}: {applied} facts applied now, {duplicates} came twice",
        "视图完整至第 {position} 位：本次应用 {applied} 条，重复到达 {duplicates} 条",
    ),
    "standing.gap": (
        "{place} stands still: numbers {numbers} are missing. `bloodledger relay --recheck` sends them again",
        "{place} 停止：缺少第 {numbers} 号。bloodledger relay --recheck 可补发",
    ),
    "standing.altered": (
        "{place} stands still: number {numbers} is not what the ledger sent. `bloodledger relay --recheck` mends it",
        "{place} 停止：第 {numbers} 号与账本所发不符。bloodledger relay --recheck 可补发",
    ),
    "standing.forked": (
        "{place} stands still: another fact came under number {numbers}, which was applied before. The topic is of "
        "another history; do not use these views until it is known which",
        "{place} 停止：已应用的第 {numbers} 号之下出现另一条事实。主题属于另一段历史；查明之前请勿使用这些视图",
    ),
    "parked.none": ("nothing is parked, and no partition stands still", "没有搁置的记录，也没有停止的分区"),
    "parked.fact": (
        "{stream} version {version} (position {position}, {name}) cannot be read: {reason}; {waiting} facts wait "
        "behind it",
        "{stream} 第 {version} 版（位置 {position}，{name}）无法读取：{reason}；其后有 {waiting} 条等待",
    ),
    "parked.stray": (
        "{place}:{offset} (key {key}) is no fact: {reason}",
        "{place}:{offset}（键 {key}）不是事实：{reason}",
    ),
    "parked.remedy": (
        "Bags that rest on these do not count as available. After a fix: `bloodledger parked --retry`. A record that "
        "is no fact and does not matter: `bloodledger parked --dismiss TOPIC/PARTITION:OFFSET --reason TEXT`.",
        "依赖于此的血袋不计为可用。修复后：bloodledger parked --retry。"
        "若某条记录不是事实且无关紧要：bloodledger parked --dismiss TOPIC/PARTITION:OFFSET --reason TEXT。",
    ),
    "parked.reason_missing": ("--dismiss needs a --reason", "--dismiss 需要 --reason"),
    "parked.no_place": (
        "{found} is no TOPIC/PARTITION:OFFSET such as blood.facts.v1/3:1204",
        "{found} 不是 TOPIC/PARTITION:OFFSET，例如 blood.facts.v1/3:1204",
    ),
    "parked.no_such": ("no record is parked at {found}", "{found} 处没有搁置的记录"),
    "fault.several_ledgers": (
        "the topics carry several ledgers ({ledgers}): say which one with --of",
        "主题承载多个账本（{ledgers}）：请用 --of 指定",
    ),
    "fault.fed_otherwise": (
        "the views at {where} are fed from the ledger itself: name others for Kafka to feed (BLOODLEDGER_VIEWS)",
        "{where} 的视图由账本直接供给：请为 Kafka 另行指定视图（BLOODLEDGER_VIEWS）",
    ),
    "fault.publishing": (
        "the stock could not be sent to its topic ({what}); what changed is kept, and sent next time",
        "库存未能发送至其主题（{what}）；变更已保留，下次发送",
    ),
    "fault.transport": (
        "Kafka: {what}; nothing is lost: facts are recorded all the same and sent once it is mended",
        "Kafka：{what}；没有丢失任何内容：事实照常记录，排除故障后继续发送",
    ),
    "fault.forked": (
        "the topic is of another history: at {place} another fact stands under number {number} of this ledger. Nothing "
        "was sent over it. Was a copy of the ledger relayed there, or the ledger restored from before? Compare with "
        "`facts`, and relay to a new cluster or new topics",
        "主题属于另一段历史：在 {place}，本账本的第 {number} 号之下是另一条事实。未发送任何内容。"
        "是否曾转发过账本的副本，或账本曾从备份恢复？请与 facts 对照，并转发至新的集群或新的主题",
    ),
    "fault.promise": (
        "topic {topic} breaks its promise: {why}",
        "主题 {topic} 不符合约定：{why}",
    ),
    "promise.missing": (
        "it is not there, or this user may not see it; run `bloodledger topics`",
        "主题不存在，或此用户无权查看；请运行 bloodledger topics",
    ),
    "promise.partitions": (
        "it has {found} partitions, {expected} are expected: their count is fixed for ever, since a key would change "
        "its partition",
        "有 {found} 个分区，应为 {expected} 个：分区数一经创建即固定，否则键会改变所在分区",
    ),
    "promise.setting": ("{why} is {found}, {expected} is expected", "{why} 为 {found}，应为 {expected}"),
}
