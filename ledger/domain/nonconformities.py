"""This file holds the nonconformities by code: what each says, in English and Chinese."""

from ledger.domain.catalogue import Names

_ACTS = {
    "released": Names("Released", "放行"),
    "distributed": Names("Distributed", "供血"),
    "issued": Names("Issued", "发血"),
    "transfused": Names("Transfused", "输注"),
    "reserved": Names("Reserved", "预留"),
    "modified": Names("Modified", "处理"),
    "processed": Names("Used in a process", "用于制备"),
    "discarded": Names("Discarded", "报废"),
    "destroyed": Names("Destroyed", "销毁"),
    "sent_for_fractionation": Names("Sent for fractionation", "送制药"),
    "used_for_quality_control": Names("Used for quality control", "用于质控"),
    "returned": Names("Returned", "退回"),
}

_STATES = {
    "held": Names("while a hold stood", "时处于暂停使用状态"),
    "expired": Names("after it had expired", "时已过期"),
    "consumed": Names("after it had been used up in a process", "时已在制备中用尽"),
    "not_released": Names("without a release", "时未放行"),
    "after_end": Names("after it had a final fate", "时已有最终去向"),
}

_PAIRS = {
    "released": ("held", "expired", "consumed", "after_end"),
    "distributed": ("held", "expired", "consumed", "not_released", "after_end"),
    "issued": ("held", "expired", "consumed", "not_released", "after_end"),
    "transfused": ("held", "expired", "consumed", "not_released", "after_end"),
    "reserved": ("held",),
    "modified": ("held", "expired", "consumed", "after_end"),
    "processed": ("held", "expired", "consumed", "after_end"),
    "discarded": ("consumed", "after_end"),
    "destroyed": ("consumed", "after_end"),
    "sent_for_fractionation": ("consumed", "after_end"),
    "used_for_quality_control": ("consumed", "after_end"),
    "returned": ("after_end",),
}

NONCONFORMITIES: dict[str, Names] = {
    f"{act}_{state}": Names(f"{_ACTS[act].en} {_STATES[state].en}.", f"{_ACTS[act].zh}{_STATES[state].zh}。")
    for act, states in _PAIRS.items()
    for state in states
} | {
    "bag_unknown": Names("Nothing says where the bag came from.", "没有该血袋的来源记录。"),
    "identity_conflict": Names("Two containers or donations claim one number.", "同一编号对应两个容器或两次献血。"),
    "correction_of_unknown": Names("A correction came whose target is not known.", "收到的更正找不到其对象。"),
    "happened_in_future": Names("It is said to have happened in the future.", "所述时间在未来。"),
    "seen_after_end": Names("Seen in stock after it had been used up or had ended.", "用尽或已有去向后仍在库中出现。"),
    "component_quality_failed": Names("A component quality test failed.", "成分质量检测不合格。"),
    "temperature_out_of_range": Names("The bag was out of its temperature range.", "储存温度超出范围。"),
    "quantity_not_conserved": Names("More came out of a process than went in.", "制备产出大于投入。"),
    "released_uninspected": Names("Released without a passed inspection.", "未通过外观检查即放行。"),
    "released_label_unverified": Names("Released without a verified label.", "标签未核对即放行。"),
    "released_unacceptable": Names("Released although a result was not acceptable.", "检测不合格仍放行。"),
    "released_before_results": Names("Released before all mandatory results were final.", "必检项目未完成即放行。"),
    "released_donor_deferred": Names("Released although the donor was deferred.", "献血者被屏蔽仍放行。"),
    "emergency_release_results_open": Names("Emergency release, results still open.", "紧急放行，检测结果未出。"),
    "distributed_twice": Names("Distributed while it was out already.", "已外供时再次供血。"),
    "issued_missing": Names("Issued while it was recorded as missing.", "登记丢失期间发血。"),
    "issued_reserved_for_another": Names("Issued while reserved for another patient.", "为他人预留期间发血。"),
    "distributed_missing": Names("Distributed while it was recorded as missing.", "登记丢失期间供血。"),
    "distributed_reserved": Names("Distributed while reserved for a patient.", "预留期间供血。"),
    "processed_missing": Names("Used in a process while recorded as missing.", "登记丢失期间用于制备。"),
    "processed_while_out": Names("Used in a process while it was out.", "外供期间用于制备。"),
    "processed_consumed": Names("Used in a process after it had been used up.", "用尽后再次用于制备。"),
    "pool_of_one": Names("A pool with a single member.", "混合成分只有一个成员。"),
    "issued_twice": Names("Issued while it was issued already.", "已发出时再次发血。"),
    "issued_bound_to_another": Names("Issued to another than the recipient it is bound to.", "发给非限定的受血者。"),
    "arrived_not_distributed": Names("Arrived without having been distributed.", "无供血记录而到达。"),
    "arrived_elsewhere": Names("Arrived at another place than it was sent to.", "到达地点与发往地点不符。"),
    "returned_not_issued": Names("Returned from a ward without having been issued.", "未发血而由病区退回。"),
    "returned_not_distributed": Names(
        "Returned from a hospital without having been distributed.", "未供血而由医院退回。"
    ),
    "transfused_not_issued": Names("Transfused without having been issued.", "未发血即输注。"),
    "transfused_to_wrong_patient": Names(
        "Transfused to another patient than it was issued for.", "输注对象与发血对象不符。"
    ),
    "transfused_to_another_patient": Names("Transfused to two patients.", "同一血袋输注给两名患者。"),
    "transfused_bound_to_another": Names(
        "Transfused to another than the recipient it is bound to.", "输注给非限定的受血者。"
    ),
    "transfused_incompatible": Names("Transfused although the crossmatch was incompatible.", "配血不合仍输注。"),
    "transfused_more_than_held": Names("More was transfused than the bag held.", "输注量大于血袋容量。"),
    "discarded_without_second_person": Names("Discarded without a second person's approval.", "报废未经第二人批准。"),
    "donation_unknown": Names("Results came for a donation that is not registered.", "未登记的献血出现检测结果。"),
    "group_disputed": Names("Blood group results of the donation disagree.", "该献血的血型结果不一致。"),
    "group_disagrees_with_history": Names(
        "The blood group disagrees with the donor's history or the label.", "血型与献血者既往记录或标签不一致。"
    ),
}
"""Every nonconformity the rules raise."""
