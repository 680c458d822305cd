"""A turn of the loop must cost the same however many deliveries the ledger holds."""

from pathlib import Path
from typing import Any

from sqlalchemy import event

from campaigns.channel import ChannelName
from tests.trouble.house import customer, living, sms_channel
from tests.trouble.servers import HttpProvider, sms_taken


def test_no_statement_of_a_turn_reads_every_delivery(tmp_path: Path) -> None:
    said: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, statement: str, given: Any, _x: Any, many: bool) -> None:
        if "deliveries" in statement and not many:
            said.append((statement, given))

    with (
        HttpProvider(lambda number, _request: sms_taken(number)) as provider,
        living(tmp_path, {ChannelName.SMS: sms_channel(provider.port)}) as house,
    ):
        house.import_rows([customer(number) for number in range(5)])
        house.launch(ChannelName.SMS)
        event.listen(house.engine.ledger.engine, "before_cursor_execute", listen)
        house.turn()
        house.works.loop.next_wake()
        event.remove(house.engine.ledger.engine, "before_cursor_execute", listen)
        assert len(said) > 10
        with house.engine.ledger.read() as tx:
            plans = {
                (statement, str(step[3]))
                for statement, given in said
                for step in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            }
    assert {(said, step) for said, step in plans if step.startswith("SCAN deliveries")} == set()
