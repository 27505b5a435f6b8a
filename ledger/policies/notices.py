"""This file holds who must be told of a hold: the consignee of a bag that is out, the recipient of a used one."""

from ledger.domain import Bag, Recipient
from ledger.domain.bag import Hold, Notice
from ledger.policies.holds import origin_of
from ledger.store.workspace import Workspace

INTERNAL = frozenset({"returned", "inspection_failed", "label_check_failed", "storage_breach", "identity_conflict"})
"""Holds for the house's own work; they say nothing about the donation."""


def settle_notices(ws: Workspace, bag: Bag) -> None:
    """Open what must be open and close what no longer need be; what a person closed stays closed."""
    if not bag.holds and not bag.notices:
        return
    wanted = {notice.id: notice for hold in bag.holds.values() for notice in _needed(bag, hold)}
    for name, notice in wanted.items():
        known = bag.notices.get(name)
        if known is None or known.outcome in ("superseded", "withdrawn"):
            _open(ws, bag, notice)
    for name, notice in list(bag.notices.items()):
        if name not in wanted and notice.outcome is None:
            close(ws, bag, notice, "superseded" if notice.hold in bag.holds else "withdrawn")


def _needed(bag: Bag, hold: Hold) -> list[Notice]:
    """The notices one hold calls for; those of a lifted hold stay as they are until a person closes them."""
    if hold.cause in INTERNAL:
        return []
    if bag.transfusions:
        needed = [_notice("recipient", patient, hold) for patient in sorted(bag.given_to())]
    elif bag.fate is None and bag.consumed is None and (consignee := _consignee(bag)):
        needed = [_notice("consignee", consignee, hold)]
    else:
        return []
    return [each for each in needed if hold.open or each.id in bag.notices]


def _consignee(bag: Bag) -> str:
    if bag.custody == "issued" and bag.issued is not None:
        return bag.consignee or bag.issued.to
    return bag.consignee or ""


def _notice(kind: str, addressee: str, hold: Hold) -> Notice:
    return Notice(f"{hold.id}>{kind}:{addressee}", kind, addressee, hold.id, hold.cause)


def _open(ws: Workspace, bag: Bag, notice: Notice) -> None:
    opened = ws.record(
        bag,
        Bag.NoticeOpened,
        caused_by=origin_of(notice.hold),
        notice=notice.id,
        addressee_kind=notice.addressee_kind,
        addressee=notice.addressee,
        hold=notice.hold,
        hold_cause=notice.cause,
    )
    if notice.addressee_kind == "recipient":
        ws.record(
            ws.recipient(notice.addressee),
            Recipient.Alerted,
            caused_by=opened,
            alert=_alert(bag, notice),
            bag=bag.id,
            hold=notice.hold,
            hold_cause=notice.cause,
        )


def close(ws: Workspace, bag: Bag, notice: Notice, outcome: str, reason: str | None = None) -> None:
    """Close a notice, and the alert that came with it."""
    closed = ws.record(
        bag,
        Bag.NoticeClosed,
        caused_by=origin_of(notice.hold) if reason is None else None,
        notice=notice.id,
        addressee_kind=notice.addressee_kind,
        addressee=notice.addressee,
        outcome=outcome,
        reason=ws.sealed(reason),
    )
    if notice.addressee_kind == "recipient":
        recipient = ws.recipient(notice.addressee)
        if _alert(bag, notice) in recipient.alerts:
            ws.record(
                recipient,
                Recipient.AlertClosed,
                caused_by=closed,
                alert=_alert(bag, notice),
                bag=bag.id,
                outcome=outcome,
                reason=ws.sealed(reason, recipient.id),
            )


def _alert(bag: Bag, notice: Notice) -> str:
    """One alert a bag and hold: a patient may have been given several bags of one donation."""
    return f"{bag.id}>{notice.id}"
