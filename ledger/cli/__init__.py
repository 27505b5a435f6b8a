"""This file holds the command line's table of contents: `main`, with every command in the order help shows them."""

from ledger.cli import asking, auditing, keeping, learning, recording, simulating, streaming
from ledger.cli.demo import demo
from ledger.cli.door import Main
from ledger.cli.drilling import drill

main = Main(
    name="bloodledger",
    commands=[
        recording.record,
        recording.import_,
        asking.trace,
        asking.stock,
        auditing.ask,
        auditing.recall,
        asking.facts,
        keeping.verify,
        keeping.rebuild,
        streaming.topics,
        streaming.relay,
        streaming.project,
        streaming.parked,
        keeping.status,
        keeping.init,
        learning.scan,
        learning.commands,
        learning.schema,
        learning.explain,
        learning.catalogue,
        drill,
        simulating.simulate,
        simulating.report,
        demo,
    ],
)

__all__ = ["main"]
