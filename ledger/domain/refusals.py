"""This file holds the refusals: each a clause that is true when it is raised, with what would make it succeed."""

from typing import Any, ClassVar

REFUSALS: dict[str, type["Refusal"]] = {}
"""Every refusal by its stable code."""


class Refusal(Exception):
    """The domain said no. Nothing was stored; the same request may succeed later.

    Shape: `code` is the class's name; `where` the field or stream it is about; texts in English and Chinese.
    """

    en: ClassVar[str]
    zh: ClassVar[str]
    remedy_en: ClassVar[str]
    remedy_zh: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        REFUSALS[cls.__name__] = cls

    def __init__(self, where: str, **about: Any) -> None:
        super().__init__(where)
        self.where = where
        self.about = about

    @property
    def code(self) -> str:
        return type(self).__name__

    def text(self, lang: str = "en") -> str:
        """What is so."""
        return self._filled(self.zh if lang == "zh" else self.en)

    def remedy(self, lang: str = "en") -> str:
        """What would make it succeed."""
        return self._filled(self.remedy_zh if lang == "zh" else self.remedy_en)

    def _filled(self, template: str) -> str:
        return template.format(where=self.where, **self.about)

    def __str__(self) -> str:
        return f"{self.code}: {self.text()}"


class BagUnknown(Refusal):
    en = "Nothing here says where bag {where} came from."
    zh = "没有血袋 {where} 的来源记录。"
    remedy_en = "Check the number; record its collection, preparation or receipt first."
    remedy_zh = "请核对编号；先登记其采集、制备或接收。"


class BagConsumed(Refusal):
    en = "Bag {where} was used up in a process ({process})."
    zh = "血袋 {where} 已在制备过程（{process}）中用尽。"
    remedy_en = "Use the bags made from it: {children}."
    remedy_zh = "请使用由其制备的血袋：{children}。"


class BagEnded(Refusal):
    en = "Bag {where} has ended: {fate}."
    zh = "血袋 {where} 已有最终去向：{fate}。"
    remedy_en = "Take another bag; if the fate was entered in error, annul it first."
    remedy_zh = "请另选血袋；若去向登记有误，请先撤销该记录。"


class BagHeld(Refusal):
    en = "Bag {where} is under {count} hold(s): {causes}."
    zh = "血袋 {where} 处于 {count} 项暂停使用状态：{causes}。"
    remedy_en = "Have each hold lifted by who may lift it, or take another bag."
    remedy_zh = "请由有权人员逐项解除，或另选血袋。"


class BagExpired(Refusal):
    en = "Bag {where} expired at {expires_at}."
    zh = "血袋 {where} 已于 {expires_at} 过期。"
    remedy_en = "Take another bag; discard this one."
    remedy_zh = "请另选血袋，并报废此袋。"


class BagNotReleased(Refusal):
    en = "Bag {where} is not released."
    zh = "血袋 {where} 尚未放行。"
    remedy_en = "Have it released (ReleaseBag), or take another bag."
    remedy_zh = "请先放行（ReleaseBag），或另选血袋。"


class BagAlreadyReleased(Refusal):
    en = "Bag {where} is released already."
    zh = "血袋 {where} 已经放行。"
    remedy_en = "Nothing needs to be done."
    remedy_zh = "无需再次操作。"


class ReleaseNotStanding(Refusal):
    en = "Bag {where} has no release that could be revoked."
    zh = "血袋 {where} 没有可撤销的放行。"
    remedy_en = "Nothing needs to be done."
    remedy_zh = "无需操作。"


class BagAlreadyIssued(Refusal):
    en = "Bag {where} was issued already, to {to}."
    zh = "血袋 {where} 已发往 {to}。"
    remedy_en = "Take another bag, or record its return first."
    remedy_zh = "请另选血袋，或先登记退回。"


class BagInTransit(Refusal):
    en = "Bag {where} was distributed to {to} and has not arrived."
    zh = "血袋 {where} 已供往 {to}，尚未到达。"
    remedy_en = "Record its arrival (RecordArrival) or its return (ReturnBag) first."
    remedy_zh = "请先登记到达（RecordArrival）或退回（ReturnBag）。"


class BagReserved(Refusal):
    en = "Bag {where} is reserved for another patient."
    zh = "血袋 {where} 已为其他患者预留。"
    remedy_en = "Cancel the reservation first (CancelReservation), or take another bag."
    remedy_zh = "请先取消预留（CancelReservation），或另选血袋。"


class BagNotReserved(Refusal):
    en = "Bag {where} is not reserved."
    zh = "血袋 {where} 未被预留。"
    remedy_en = "Nothing needs to be done."
    remedy_zh = "无需操作。"


class BagBoundToAnotherPatient(Refusal):
    en = "Bag {where} is bound to another recipient."
    zh = "血袋 {where} 已限定给其他受血者。"
    remedy_en = "Take another bag; this one may only be given to the recipient it was collected for."
    remedy_zh = "请另选血袋；此袋只能用于其限定的受血者。"


class BagMissing(Refusal):
    en = "Bag {where} is recorded as missing."
    zh = "血袋 {where} 已登记为丢失。"
    remedy_en = "Record that it was found (ReportFound) first."
    remedy_zh = "请先登记找回（ReportFound）。"


class ReturnedBagMayNotComeBack(Refusal):
    en = "Bag {where} was returned ({leg}); the return policy does not let it come back to stock."
    zh = "血袋 {where} 已退回（{leg}）；按退血规定不得再入库使用。"
    remedy_en = "Discard it (DiscardBag)."
    remedy_zh = "请报废此袋（DiscardBag）。"


class CrossmatchMissing(Refusal):
    en = "Bag {where} has no valid, compatible crossmatch with this patient."
    zh = "血袋 {where} 与该患者没有有效且相合的交叉配血结果。"
    remedy_en = "Record a crossmatch (CrossmatchBag), or name an authoriser and a reason."
    remedy_zh = "请登记交叉配血（CrossmatchBag），或注明授权人和理由。"


class BagNotInspected(Refusal):
    en = "Bag {where} has not passed visual inspection."
    zh = "血袋 {where} 未通过外观检查。"
    remedy_en = "Inspect it (InspectBag)."
    remedy_zh = "请进行外观检查（InspectBag）。"


class LabelNotVerified(Refusal):
    en = "The label of bag {where} has not been verified."
    zh = "血袋 {where} 的标签未经核对。"
    remedy_en = "Scan the label again (VerifyLabel)."
    remedy_zh = "请再次扫描核对标签（VerifyLabel）。"


class DonationUnknown(Refusal):
    en = "Donation {where} is not registered."
    zh = "献血 {where} 未登记。"
    remedy_en = "Record the collection (CollectBag) or the donation (RegisterDonation) first."
    remedy_zh = "请先登记采集（CollectBag）或献血（RegisterDonation）。"


class ResultsOpen(Refusal):
    en = "Donation {where} is not concluded; still open: {open}."
    zh = "献血 {where} 检测尚未完成；未完成项目：{open}。"
    remedy_en = "Record the missing final results (RecordTest, RecordGroup)."
    remedy_zh = "请登记缺少的最终结果（RecordTest、RecordGroup）。"


class DonationNotAcceptable(Refusal):
    en = "Donation {where} is not acceptable: {markers}."
    zh = "献血 {where} 检测不合格：{markers}。"
    remedy_en = "Discard its bags; if a result was entered in error, correct it (Amend, Annul)."
    remedy_zh = "请报废其血袋；若结果录入有误，请更正（Amend、Annul）。"


class GroupDisputed(Refusal):
    en = "The blood group of donation {where} is disputed."
    zh = "献血 {where} 的血型结果不一致。"
    remedy_en = "Settle it: correct the wrong record (Amend, Annul)."
    remedy_zh = "请查明并更正错误记录（Amend、Annul）。"


class DonorDeferred(Refusal):
    en = "The donor of donation {where} is deferred: {causes}."
    zh = "献血 {where} 的献血者被屏蔽：{causes}。"
    remedy_en = "Discard the bag; if the deferral does not reach this donation, say so in it (reaches_back_to)."
    remedy_zh = "请报废血袋；若屏蔽不涉及此次献血，请在屏蔽记录中注明起始时间（reaches_back_to）。"


class ProcessRecordsIncomplete(Refusal):
    en = "Bag {where} was made from {parent}, of which nothing says where it came from."
    zh = "血袋 {where} 由 {parent} 制备，而后者没有来源记录。"
    remedy_en = "Record the missing step first."
    remedy_zh = "请先补记缺少的步骤。"


class BagIsAutologous(Refusal):
    en = "Bag {where} is autologous: it has a release of its own."
    zh = "血袋 {where} 为自体血，须单独放行。"
    remedy_en = "Use ReleaseAutologousBag and name the recipient it is bound to."
    remedy_zh = "请使用 ReleaseAutologousBag 并注明其限定的受血者。"


class BagNotAutologous(Refusal):
    en = "Bag {where} is not autologous."
    zh = "血袋 {where} 不是自体血。"
    remedy_en = "Use ReleaseBag."
    remedy_zh = "请使用 ReleaseBag。"


class OutputsAboveInputs(Refusal):
    en = "What would come out of {process} ({out}) is more than what goes in ({into})."
    zh = "{process} 的产出（{out}）大于投入（{into}）。"
    remedy_en = "Check the quantities; nothing can be made from nothing."
    remedy_zh = "请核对数量；产出不得大于投入。"


class BagIdentityTaken(Refusal):
    en = "Bag {where} exists already: one label, one bag."
    zh = "血袋 {where} 已存在：一签一袋。"
    remedy_en = "Give this container its own number (another division or product code)."
    remedy_zh = "请为该容器使用另外的编号（分袋码或产品码）。"


class PoolNeedsMembers(Refusal):
    en = "A pool needs at least two bags; {count} given."
    zh = "混合至少需要两袋；现有 {count} 袋。"
    remedy_en = "Name all members; for one bag use another process."
    remedy_zh = "请列出全部成员；单袋请使用其他过程。"


class ProductCodeMismatch(Refusal):
    en = "The product code of bag {where} means {catalogue} here, not {given}."
    zh = "血袋 {where} 的产品码在本机构表示 {catalogue}，而不是 {given}。"
    remedy_en = "Check label and component; change the catalogue if it is wrong."
    remedy_zh = "请核对标签与成分；若目录有误请修改目录。"


class HoldNotOpen(Refusal):
    en = "No hold with cause {cause} is open on {where}; open there: {open}."
    zh = "{where} 上没有原因为 {cause} 的暂停；现有：{open}。"
    remedy_en = "Name an open hold by its cause and scope."
    remedy_zh = "请按原因和范围指明一项现有的暂停。"


class ApproverIsActor(Refusal):
    en = "A discard must be approved by another person than {by}."
    zh = "报废须由 {by} 以外的人员批准。"
    remedy_en = "Have a second person approve it (approved_by)."
    remedy_zh = "请由第二人批准（approved_by）。"


class FactUnknown(Refusal):
    en = "There is no fact {where} version {version}."
    zh = "不存在记录 {where} 第 {version} 版。"
    remedy_en = "Look the fact up (bloodledger trace, bloodledger facts) and name its stream and version."
    remedy_zh = "请查询该记录（bloodledger trace、bloodledger facts），并注明流名和版本。"


class FactAlreadyAnnulled(Refusal):
    en = "Fact {where} version {version} is annulled already."
    zh = "记录 {where} 第 {version} 版已被撤销。"
    remedy_en = "To restore it, annul the annulment."
    remedy_zh = "如需恢复，请撤销该撤销记录。"


class FactIsConsequence(Refusal):
    en = "Fact {where} version {version} follows from another: {cause}."
    zh = "记录 {where} 第 {version} 版由另一记录引起：{cause}。"
    remedy_en = "Correct its cause; this one follows."
    remedy_zh = "请更正其起因，此记录会随之更正。"


class FieldNotAmendable(Refusal):
    en = "Field {field} of {where} version {version} cannot be amended so: {why}."
    zh = "{where} 第 {version} 版的字段 {field} 不能如此更正：{why}。"
    remedy_en = "Its fields are: {fields}."
    remedy_zh = "可更正的字段：{fields}。"


class RequestIdReused(Refusal):
    en = "Request id {where} was used before by this sender, for another command."
    zh = "请求号 {where} 已被该发送方用于另一条命令。"
    remedy_en = "Send this command under a new request id."
    remedy_zh = "请换用新的请求号发送此命令。"
