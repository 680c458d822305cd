"""PostgreSQL: what its clock shows, however long the way to it is."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import make_url

from dispatcher.clock import SharedClock
from dispatcher.ledger import Ledger
from dispatcher.ledger.server_clock import ask_time

PACKET_SECONDS = 0.1


@contextmanager
def long_way(url: str, packet_seconds: float) -> Iterator[str]:
    """The same database at the end of a line on which each packet takes that long."""
    there = make_url(url)
    loop = asyncio.new_event_loop()
    carrying = threading.Thread(target=loop.run_forever, name="line")
    carrying.start()

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while packet := await source.read(65536):
                await asyncio.sleep(packet_seconds)
                target.write(packet)
        finally:
            target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        folder = there.query.get("host")
        opening: Any = (
            asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{there.port or 5432}")
            if folder
            else asyncio.open_connection(there.host, there.port or 5432)
        )
        beyond, back = await opening
        await asyncio.gather(carry(reader, back), carry(beyond, writer), return_exceptions=True)

    async def start() -> asyncio.Server:
        return await asyncio.start_server(serve, "127.0.0.1", 0)

    async def stop(server: asyncio.Server) -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    port = server.sockets[0].getsockname()[1]
    try:
        here = there.set(host="127.0.0.1", port=port).difference_update_query(["host"])
        yield here.render_as_string(hide_password=False)
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        carrying.join(10)
        loop.close()


def test_the_first_answer_is_right_though_connecting_takes_long(postgres_url: str) -> None:
    """Half of what connecting takes was believed to be the clock's: half a second too early."""
    with long_way(postgres_url, PACKET_SECONDS) as url, closing(Ledger(url)) as ledger:
        clock = SharedClock(lambda: ask_time(ledger), every_seconds=60)
        clock.stop()
        ahead = clock.now() - datetime.now(UTC)
    assert abs(ahead) < timedelta(seconds=PACKET_SECONDS)
