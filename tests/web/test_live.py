"""Pages that move by themselves: one look for all who watch, and only what has changed is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path

import pytest

from campaigns.outcome import Outcome
from dispatcher import campaigning
from dispatcher.access import entering
from dispatcher.access.roles import Person, Role
from dispatcher.errors import NotFound
from dispatcher.ledger import staff
from dispatcher.watching.campaign import CampaignWatch
from dispatcher.web import live
from dispatcher.web.campaigns import PIECES
from dispatcher.web.campaigns_words import named
from dispatcher.web.live import Feeds, Show
from tests.web.campaigning import SMS, Office, open_office

STEP_SECONDS = 0.05
# A watch that hangs is a failure, not a wait.
PATIENCE_SECONDS = 20


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as office:
        yield office


class Counted:
    """The look of the campaign's page, counted."""

    def __init__(self, office: Office) -> None:
        self.count = 0
        self._watch = CampaignWatch(office.books.engine, office.campaign_id)

    def __call__(self) -> Show:
        self.count += 1
        picture = self._watch.look()
        return Show(PIECES, {"picture": picture, **named()}, picture.is_over)


def events_in(text: str) -> dict[str, str]:
    """What was sent at once: pieces by name; comments have none."""
    found = {}
    for block in text.split("\n\n"):
        lines = block.split("\n")
        if lines[0].startswith("event: "):
            data = [line.removeprefix("data: ") for line in lines[1:]]
            found[lines[0].removeprefix("event: ")] = "\n".join(data)
    return found


def play(scene: Callable[[], Coroutine[None, None, None]]) -> None:
    """In a thread of its own: where a browser is open, this one has an event loop already."""
    with ThreadPoolExecutor(1) as stage:
        stage.submit(lambda: asyncio.run(scene())).result()


async def next_events(stream: AsyncIterator[str]) -> dict[str, str]:
    """The next that is sent but for comments; empty at the end."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for text in stream:
            if found := events_in(text):
                return found
    return {}


async def until_seen(stream: AsyncIterator[str], wanted: Callable[[dict[str, str]], bool]) -> None:
    while events := await next_events(stream):
        if wanted(events):
            return
    raise AssertionError("the stream ended before")


def person_of(office: Office, role: Role = Role.ADMINISTRATOR) -> tuple[Person, str]:
    token = office.house.token(role)
    person = entering.person_with(office.books.engine, token)
    assert person is not None
    return person, token


def test_however_many_watch_there_is_one_look_and_none_when_all_have_left(office: Office) -> None:
    person, token = person_of(office)
    look = Counted(office)

    async def scene() -> None:
        feeds = Feeds(office.books.engine, STEP_SECONDS)
        streams = [feeds.watch("one", look, person, f"{token}{n // 4}") for n in range(12)]
        for stream in streams:
            assert set(await next_events(stream)) == set(PIECES)
        assert len(feeds.feeds) == 1
        # Twelve came in within a few steps; each by itself would have been a look of its own.
        assert look.count < 12
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while feeds.feeds:
                await asyncio.sleep(STEP_SECONDS)
        seen = look.count
        await asyncio.sleep(4 * STEP_SECONDS)
        assert look.count == seen
        assert not feeds.by_session

    play(scene)


def test_what_is_taken_back_is_looked_at_no_more_whoever_leaves_then(office: Office) -> None:
    person, token = person_of(office)
    looks = []
    error = NotFound("campaign", "1")

    def gone() -> Show:
        looks.append(1)
        raise error

    async def scene() -> None:
        feeds = Feeds(office.books.engine, 20 * STEP_SECONDS)
        streams = [feeds.watch("one", gone, person, f"{token}{n}") for n in range(2)]
        leaver, stayer = (asyncio.create_task(next_events(stream)) for stream in streams)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not looks:
                await asyncio.sleep(STEP_SECONDS)
            await asyncio.sleep(4 * STEP_SECONDS)  # it was heard of; the next look is further off
            leaver.cancel()
            assert await stayer == {}, "it ends, and the browser asks again"
            while feeds.feeds:
                await asyncio.sleep(STEP_SECONDS)
        assert looks == [1]
        assert not feeds.by_session

    play(scene)


def test_only_what_has_changed_is_sent(office: Office) -> None:
    person, token = person_of(office)

    async def scene() -> None:
        feeds = Feeds(office.books.engine, STEP_SECONDS)
        async with aclosing(feeds.watch("one", Counted(office), person, token)) as stream:  # type: ignore[type-var]
            assert set(await next_events(stream)) == set(PIECES)
            await asyncio.to_thread(office.make, SMS, [Outcome.DELIVERED])
            changed: dict[str, str] = {}
            while not {"channels", "newest"} <= set(changed):
                changed |= await next_events(stream)
            assert not {"history", "troubles"} & set(changed)

    play(scene)


def test_who_watches_enough_is_told_so_and_others_are_let_in(office: Office) -> None:
    person, token = person_of(office)

    async def scene() -> None:
        feeds = Feeds(office.books.engine, STEP_SECONDS)
        many = [feeds.watch(n, Counted(office), person, token) for n in range(live.MOST_OF_SESSION)]
        for stream in many:
            await next_events(stream)
        one_more = feeds.watch("more", Counted(office), person, token)
        assert await next_events(one_more) == {"full": ""}
        other = feeds.watch("more", Counted(office), person, "of somebody else")
        assert set(await next_events(other)) == set(PIECES)
        for stream in [*many, other]:
            await stream.aclose()  # type: ignore[attr-defined]

    play(scene)


@pytest.mark.parametrize("how", ["logged out", "another role"])
def test_who_is_out_or_has_another_role_sees_no_more(
    office: Office, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(live, "SESSION_SECONDS", 0.0)
    engine = office.books.engine
    person, token = person_of(office, Role.EDITOR)

    async def scene() -> None:
        feeds = Feeds(engine, STEP_SECONDS)
        stream = feeds.watch("one", Counted(office), person, token)
        assert set(await next_events(stream)) == set(PIECES)
        if how == "logged out":
            await asyncio.to_thread(entering.log_out, engine, token, person)
        else:
            with engine.ledger.write() as tx:
                staff.change(tx, person.id, role=Role.READER.value)
        await until_seen(stream, lambda events: "out" in events)
        assert await next_events(stream) == {}

    play(scene)


def test_the_end_of_a_campaign_is_the_end_of_its_watch(office: Office) -> None:
    person, token = person_of(office)

    async def scene() -> None:
        feeds = Feeds(office.books.engine, STEP_SECONDS)
        stream = feeds.watch("one", Counted(office), person, token)
        await next_events(stream)
        await asyncio.to_thread(
            campaigning.cancel, office.books.engine, office.campaign_id, "tests"
        )
        await until_seen(stream, lambda events: "over" in events)
        assert await next_events(stream) == {}

    play(scene)


def test_a_process_that_stops_lets_everybody_go(office: Office) -> None:
    person, token = person_of(office)

    async def scene() -> None:
        feeds = Feeds(office.books.engine, STEP_SECONDS)
        stream = feeds.watch("one", Counted(office), person, token)
        await next_events(stream)
        office.books.engine.stopping.set()
        assert await next_events(stream) == {}

    play(scene)


def test_over_http_it_is_a_stream_that_no_proxy_holds_back(office: Office) -> None:
    reader = office.house.visit(Role.READER)
    with reader.get(f"{office.path}/live", stream=True) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        assert "no-store" in answer.headers["cache-control"]
        lines = answer.iter_lines(decode_unicode=True)
        assert next(lines) == "retry: 3000"
        assert "event: state" in (next(lines) for _line in range(10))
    office.books.engine.stopping.set()
    assert reader.get(f"{office.path}/live").status_code == 503


def test_a_guest_gets_no_stream(office: Office) -> None:
    headers = {"Accept": "text/event-stream"}
    guest = office.house.guest()
    assert guest.get(f"{office.path}/live", headers=headers).status_code == 401
    assert guest.get("/live", headers=headers).status_code == 401
