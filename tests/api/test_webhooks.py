"""Other systems hear what happens: signed, again until they heard, and never into a house."""

import base64
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher import campaigning
from dispatcher.access.keys import Scope
from dispatcher.ledger import webhook_posts, webhooks
from dispatcher.ledger.webhook_posts import Post
from dispatcher.ledger.webhooks import Event
from dispatcher.webhooks import keeping
from dispatcher.webhooks import postman as postman_module
from dispatcher.webhooks.address import BadAddress, Place, place_of
from dispatcher.webhooks.connection import ANSWER_SECONDS, post, refuse_houses
from dispatcher.webhooks.keeping import MOST
from dispatcher.webhooks.lookup import addresses_of
from dispatcher.webhooks.postman import BACKOFF, LEASE, POSTS_KEPT, Postman
from dispatcher.webhooks.shares import AT_ONCE, SPARE, Shares
from dispatcher.webhooks.signing import new_secret, signatures
from tests.api.caller import ACCOUNT, PHONE_NUMBER, Town, open_town
from tests.flow.rehearsing import DAY


@dataclass
class Listener:
    """Another system's server. `statuses`: what it answers, one after another, then 204."""

    url: str
    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(body) for _headers, body in self.heard]


@contextmanager
def listening() -> Iterator[Listener]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            other.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status = other.statuses.pop(0) if other.statuses else 204
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", f"{other.url}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_given: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    other = Listener(f"http://127.0.0.1:{server.server_port}/hooks")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield other
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def saying_nothing() -> Iterator[str]:
    """The address of one that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as deaf:
        yield f"http://127.0.0.1:{deaf.getsockname()[1]}/hooks"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture
def town(tmp_path: Path, ledger_url: str) -> Iterator[Town]:
    with open_town(tmp_path, ledger_url, webhooks_to_this_machine=True) as town:
        yield town


def tell(town: Town) -> None:
    """One turn of the postman, to its end."""
    postman = Postman(town.rehearsal.engine)
    with ThreadPoolExecutor(4) as pool:
        postman.turn(pool)


def hook(town: Town, url: str, *events: Event) -> tuple[int, str]:
    return keeping.add(town.rehearsal.engine, url, events or tuple(Event), "tests")


def posts(town: Town, webhook_id: int) -> list[Post]:
    with town.rehearsal.ledger.read() as tx:
        return list(webhook_posts.latest(tx, webhook_id, 100))


def test_the_end_of_a_message_is_told_signed_and_without_personal_data(
    town: Town, listener: Listener
) -> None:
    town.store()
    webhook_id, secret = hook(town, listener.url, Event.MESSAGE_FINISHED)
    message = town.system(Scope.SEND).send().json()["id"]
    town.rehearsal.run(2 * DAY)
    tell(town)
    [event] = listener.events
    assert event["type"] == "message.finished"
    assert isinstance(event["data"], dict)
    assert (event["data"]["message"], event["data"]["state"]) == (message, "reached")
    [(headers, body)] = listener.heard
    for personal in (ACCOUNT, PHONE_NUMBER, "Анна"):
        assert personal.encode() not in body
    # As the specification tells the one who listens to do it.
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    [told] = posts(town, webhook_id)
    assert told.heard_at is not None
    tell(town)
    assert len(listener.heard) == 1


def test_the_vectors_of_the_specification_hold() -> None:
    """From the test of the reference libraries (standard-webhooks)."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    found = signatures([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_campaigns_and_stops_are_told(town: Town, listener: Listener) -> None:
    town.store()
    hook(town, listener.url)
    system = town.system()
    campaign = int(system.send().json()["campaign_id"])
    stop = system.post("/stop-list", {"account": ACCOUNT}).json()["id"]
    engine = town.rehearsal.engine
    campaigning.pause(engine, campaign, "chief")
    campaigning.resume(engine, campaign, "chief")
    campaigning.cancel(engine, campaign, "chief")
    for _event in range(4):
        tell(town)
    told = {str(e["type"]): e["data"] for e in listener.events}
    assert told["recipient.stopped"] == {
        "stop": stop,
        "channel": None,
        "purpose": None,
        "reason": "staff",
    }
    assert told["campaign.paused"] == {"campaign": campaign, "status": "paused"}
    assert told["campaign.finished"] == {"campaign": campaign, "status": "cancelled"}
    assert "message.finished" in told


def test_what_was_not_heard_comes_again_under_the_same_id_for_three_days(
    town: Town, listener: Listener
) -> None:
    webhook_id, _secret = hook(town, listener.url)
    listener.statuses = [500] * 20
    keeping.try_out(town.rehearsal.engine, webhook_id, "tests")
    began, last_try = town.rehearsal.clock.now(), None
    while (due_at := posts(town, webhook_id)[0].due_at) is not None:
        town.rehearsal.clock.move_to(max(due_at, town.rehearsal.clock.now()))
        last_try = town.rehearsal.clock.now()
        tell(town)
    assert len(listener.heard) == len(BACKOFF) + 1
    assert len({headers["webhook-id"] for headers, _body in listener.heard}) == 1
    assert last_try is not None
    assert timedelta(days=3) < last_try - began < timedelta(days=4)
    [given_up] = posts(town, webhook_id)
    assert (given_up.heard_at, given_up.answer) == (None, "500")
    listener.statuses = []
    assert keeping.tell_again(town.rehearsal.engine, webhook_id, given_up.id, "tests")
    tell(town)
    assert posts(town, webhook_id)[0].heard_at is not None


def test_a_postman_that_dies_leaves_what_the_next_one_tells(town: Town, listener: Listener) -> None:
    webhook_id, _secret = hook(town, listener.url)
    keeping.try_out(town.rehearsal.engine, webhook_id, "tests")
    now = town.rehearsal.clock.now()
    with town.rehearsal.ledger.write() as tx:
        assert webhook_posts.claim(tx, webhook_id, "of the dead one", now, now + LEASE, 10)
    tell(town)
    assert listener.heard == []
    town.rehearsal.clock.move_to(now + LEASE)
    tell(town)
    assert len(listener.heard) == 1


def test_any_number_of_listeners_that_say_nothing_hold_up_nobody_else(
    town: Town, listener: Listener
) -> None:
    engine = town.rehearsal.engine
    postman = Postman(engine)
    with ExitStack() as still:
        still.callback(postman.stop)  # when nobody keeps it waiting any more
        for _one in range(MOST - 1):
            webhook_id, _secret = hook(town, still.enter_context(saying_nothing()))
            for _time in range(AT_ONCE):
                keeping.try_out(engine, webhook_id, "tests")
        last, _secret = hook(town, listener.url)
        postman.start()
        for count in range(1, 4):
            keeping.try_out(engine, last, "tests")
            deadline = time.monotonic() + ANSWER_SECONDS / 2
            while len(listener.heard) < count:
                assert time.monotonic() < deadline
                time.sleep(0.02)


def test_what_is_over_is_forgotten_in_portions_and_what_waits_is_kept(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, clock = town.rehearsal.engine, town.rehearsal.clock
    webhook_id, _secret = hook(town, "https://billing.example.com/hooks")
    for _time in range(5):
        keeping.try_out(engine, webhook_id, "tests")
    waits = posts(town, webhook_id)[2]
    with town.rehearsal.ledger.write() as tx:
        webhook_posts.claim(tx, webhook_id, "mine", clock.now(), clock.now() + 60 * DAY, 5)
        for post_ in posts(town, webhook_id):
            if post_.id != waits.id:
                webhook_posts.finish(tx, post_.id, "mine", heard_at=None, due_at=None, answer="500")
    clock.move_to(clock.now() + POSTS_KEPT)
    keeping.try_out(engine, webhook_id, "tests")
    young = posts(town, webhook_id)[0]
    clock.move_to(clock.now() + timedelta(seconds=1))
    monkeypatch.setattr(postman_module, "SWEPT_AT_ONCE", 2)
    postman, left = Postman(engine), []
    for _turn in range(4):
        postman.sweep()
        left.append(len(posts(town, webhook_id)))
    assert left == [4, 3, 2, 2]
    assert [one.id for one in posts(town, webhook_id)] == [young.id, waits.id]


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from([None, True, False]))))
def test_whoever_has_nothing_under_way_has_room_whatever_the_others_have(
    turns: list[tuple[int, bool | None]],
) -> None:
    shares, under_way = Shares(), Counter[int]()
    for webhook_id, was_heard in turns:
        if under_way[webhook_id] and was_heard is not None:
            shares.end(webhook_id, was_heard=was_heard)
            under_way[webhook_id] -= 1
        for _one in range(shares.room(webhook_id)):
            shares.begin(webhook_id)
            under_way[webhook_id] += 1
        assert max(under_way.values()) <= AT_ONCE
        assert sum(max(count - 1, 0) for count in under_way.values()) <= SPARE
        assert all(shares.room(one) for one in range(1, 7) if not under_way[one])


def test_who_hears_gets_more_at_once_and_who_does_not_gets_one() -> None:
    shares = Shares()
    rooms = []
    for was_heard in (True, True, True, True, None, False, True):
        shares.begin(1)
        shares.end(1, was_heard=was_heard)
        rooms.append(shares.room(1))
    assert rooms == [2, 3, 4, 4, 4, 1, 2]


def test_a_resolver_that_is_silent_is_left_behind_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answers = threading.Semaphore(0), threading.Event()

    def silent(*_given: object, **_more: object) -> list[object]:
        asked.release()
        answers.wait()
        return [(0, 0, 0, "", ("192.0.2.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    for _time in range(3):
        with pytest.raises(TimeoutError):
            addresses_of("silent.example.com", 0.01)
    answers.set()
    assert addresses_of("silent.example.com", 5) == ["192.0.2.1"]
    assert asked.acquire(timeout=5)


def test_a_redirect_is_not_followed_and_410_ends_it(town: Town, listener: Listener) -> None:
    webhook_id, _secret = hook(town, listener.url)
    listener.statuses = [302, 410]
    keeping.try_out(town.rehearsal.engine, webhook_id, "tests")
    tell(town)
    assert len(listener.heard) == 1
    due_at = posts(town, webhook_id)[0].due_at
    assert due_at is not None
    town.rehearsal.clock.move_to(due_at)
    tell(town)
    with town.rehearsal.ledger.read() as tx:
        assert webhooks.get(tx, webhook_id, due_at).ended_at is not None


def test_for_a_day_both_secrets_sign(town: Town, listener: Listener) -> None:
    engine = town.rehearsal.engine
    webhook_id, _former = hook(town, listener.url)
    keeping.rotate(engine, webhook_id, "tests")
    keeping.try_out(engine, webhook_id, "tests")
    tell(town)
    town.rehearsal.clock.move_to(town.rehearsal.clock.now() + DAY)
    keeping.try_out(engine, webhook_id, "tests")
    tell(town)
    counts = [len(headers["webhook-signature"].split()) for headers, _body in listener.heard]
    assert counts == [2, 1]


@pytest.mark.parametrize(
    "url",
    [
        "http://billing.example.com/hooks",
        "https://user:word@billing.example.com/",
        "https://",
        "ftp://billing.example.com/",
        "https://billing.example.com/#part",
        "https://billing.example.com:port/",
        "https://билинг.example/",
        "https://billing.example.com/a b",
        "https://billing.example.com:0/",
        "https://billing.example.com:25/",
        "https://billing.example.com:65536/",
        "https://billing..example.com/",
        "https://-billing.example.com/",
        f"https://{'a' * 64}.example.com/",
        f"https://{'a.' * 130}example.com/",
        "https://billing",
        "https://billing/hooks",
        "https://localhost/",
        "https://billing.localhost/",
        "https://billing.local:8443/",
        "https://billing.home.arpa/",
        "https://metadata.google.internal/",
        "https://8.8.8.8/",
    ],
)
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        place_of(url)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://billing.example.com", "billing.example.com", 443),
        ("https://BILLING.example.com:443/hooks", "billing.example.com", 443),
        ("https://billing.example.com:8443/hooks", "billing.example.com", 8443),
        ("https://xn--90aqflb3d1a.xn--p1ai/", "xn--90aqflb3d1a.xn--p1ai", 443),
        ("https://my_host.example.com/", "my_host.example.com", 443),
    ],
)
def test_a_name_of_the_internet_will_do(url: str, host: str, port: int) -> None:
    place = place_of(url)
    assert (place.host, place.port, place.is_secure) == (host, port, True)


def test_a_name_that_leads_into_a_house_is_refused_when_it_is_typed_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"erp.example.com": "10.0.0.5", "billing.example.com": "93.184.215.14"}

    def looked_up(host: str, *_given: object, **_more: object) -> list[object]:
        if host not in found:
            raise socket.gaierror(socket.EAI_NONAME)
        return [(0, 0, 0, "", (found[host], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    with pytest.raises(BadAddress):
        refuse_houses(place_of("https://erp.example.com/"))
    refuse_houses(place_of("https://billing.example.com/"))
    refuse_houses(place_of("https://not-there-yet.example.com/"))


@pytest.mark.parametrize("host", ["a" * 70 + ".example.com", "пример." * 40])
def test_what_breaks_a_try_is_told_and_tried_no_more_often_than_others(
    town: Town, host: str
) -> None:
    webhook_id, _secret = hook(town, "https://billing.example.com/")
    with town.rehearsal.ledger.write() as tx:  # as a former version took it
        webhooks.change(tx, webhook_id, f"https://{host}/", [])
    keeping.try_out(town.rehearsal.engine, webhook_id, "tests")
    tell(town)
    [told] = posts(town, webhook_id)
    assert told.answer == "address"
    assert told.due_at is not None
    assert told.due_at - town.rehearsal.clock.now() >= BACKOFF[0]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "2130706433",
        "0x7f.1",
    ],
)
def test_nothing_is_sent_into_a_house_however_it_is_written(host: str) -> None:
    with pytest.raises(BadAddress):
        place_of(f"https://{host}/")
    with pytest.raises((BadAddress, OSError)) as refused:  # a name may lead there, too
        post(Place(host.strip("[]"), 443, "/", is_secure=True), b"{}", {})
    assert not isinstance(refused.value, ConnectionRefusedError)


def test_where_nobody_listens_to_an_event_no_row_is_written(town: Town) -> None:
    town.store()
    town.system(Scope.SEND).send()
    town.rehearsal.run(2 * DAY)
    assert town.rehearsal.count("webhook_posts") == 0


def test_secrets_are_long_and_never_the_same() -> None:
    found = {new_secret() for _one in range(10)}
    assert len(found) == 10
    assert all(len(base64.b64decode(s.removeprefix("whsec_"))) == 32 for s in found)
