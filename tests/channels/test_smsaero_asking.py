"""SMS Aero is asked for its list and our account, and tells what customers write."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.outcome import Outcome
from channels.base import (
    AccountState,
    Cause,
    Forged,
    Inbound,
    Payload,
    Receipt,
    SmsMessage,
    Sought,
    Unread,
)
from channels.sandbox import Sandbox
from channels.sms.answers import judge
from channels.sms.gate import Exchange
from channels.sms.smsaero import SmsAeroChannel
from templates.i18n import speaking
from tests.channels.servers import RawHttp, http_answer
from tests.channels.twins import (
    NOON,
    RECEIPTS_URL,
    SMS_KEY,
    SmsTwin,
    deliver,
    deliver_together,
    find,
    rehearsal,
    sought,
)

TWIN = SmsTwin()
MESSAGE = TWIN.message("+79161230020")
SECONDS = int(NOON.timestamp())
ENTRY = {
    "id": 7,
    "number": "79161230020",
    "text": MESSAGE.text,
    "status": 1,
    "extendStatus": "delivery",
    "dateCreate": SECONDS,
}


def success(data: object) -> bytes:
    return http_answer(200, json.dumps({"success": True, "data": data}).encode())


def listed(*entries: Mapping[str, object], total: object = None) -> bytes:
    shown: dict[str, object] = {str(place): entry for place, entry in enumerate(entries)}
    return success({**shown, "totalCount": total if total is not None else str(len(entries))})


def found_in(answer: bytes, wanted: Sought | None = None) -> Sequence[Receipt] | None:
    with RawHttp(answer) as server:
        return find(TWIN.at(server.port), wanted or sought(MESSAGE))


def test_a_list_of_several_pages_is_read_to_its_end() -> None:
    point = MESSAGE.contact_point
    with rehearsal() as sandbox:
        channel = TWIN.beside(sandbox)
        texts = [
            SmsMessage(f"{n}-1-abc", point, "Energo", f"Долг {n} руб.", RECEIPTS_URL)
            for n in range(120)
        ]
        deliver_together(channel, texts)
        found = find(channel, sought(texts[0]))
        other = find(channel, Sought(point, NOON, "Долг 1000 руб."))
        every = find(channel, Sought(point, NOON))
    assert found is not None
    assert every is not None
    assert len(found) == 1
    assert other == []
    assert len({receipt.reference for receipt in every}) == 120


def test_a_found_message_tells_what_became_of_it() -> None:
    found = found_in(listed(ENTRY))
    assert found is not None
    assert [(one.reference, one.outcome, one.final) for one in found] == [
        ("7", Outcome.DELIVERED, True)
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"number": "79169999999"},
        {"text": "Другой текст."},
    ],
)
def test_an_entry_that_differs_is_not_the_sought_message(changed: dict[str, object]) -> None:
    of_this_number = {**ENTRY, "id": 8, "text": "Ещё один."}
    assert found_in(listed({**ENTRY, **changed}, of_this_number)) == []


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(SECONDS - 180, id="their clock is three minutes behind"),
        pytest.param(SECONDS + 3 * 3600, id="dated in Moscow time"),
        pytest.param(SECONDS - 12 * 3600, id="dated beyond the Pacific"),
        pytest.param(SECONDS - 946_684_800, id="counted from the year 2000"),
        pytest.param(SECONDS - 30 * 86_400, id="a month old"),
    ],
)
def test_the_very_words_at_another_time_are_neither_the_message_nor_its_absence(
    seconds: int,
) -> None:
    found = found_in(listed({**ENTRY, "dateCreate": seconds}))
    assert [(one.reference, one.out_of_time) for one in found or ()] == [("7", True)]


@pytest.mark.parametrize(
    ("hours", "count"), [(-27, 0), (-25, 1), (-1, 1), (1, 1), (25, 1), (27, 0)]
)
def test_of_a_number_alone_only_what_another_zone_explains_is_unclear(
    hours: int, count: int
) -> None:
    entry = {**ENTRY, "text": "Другой текст.", "dateCreate": SECONDS + hours * 3600}
    found = found_in(listed(entry), Sought(MESSAGE.contact_point, NOON))
    assert found is not None
    assert [one.out_of_time for one in found] == [True] * count


@pytest.mark.parametrize("missing", ["number", "text", "dateCreate", "extendStatus"])
def test_what_an_entry_does_not_tell_speaks_for_it(missing: str) -> None:
    found = found_in(listed({name: ENTRY[name] for name in ENTRY if name != missing}))
    assert [one.reference for one in found or ()] == ["7"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(success({"0": ENTRY}), id="no-total"),
        pytest.param(listed(ENTRY, total="many"), id="strange-total"),
        pytest.param(listed(total="1"), id="empty-but-one"),
        pytest.param(listed({**ENTRY, "id": None}), id="no-id"),
        pytest.param(listed({**ENTRY, "status": None, "extendStatus": None}), id="no-status"),
        pytest.param(success({"0": "?", "totalCount": "1"}), id="no-entry"),
        pytest.param(http_answer(200, b'{"success": false, "message": "no"}'), id="refused"),
    ],
)
def test_a_list_that_may_hide_something_proves_nothing(answer: bytes) -> None:
    assert found_in(answer) is None


def test_a_list_longer_than_anybodys_is_left_unread() -> None:
    page = listed(*({**ENTRY, "id": n} for n in range(50)), total="100000")
    with RawHttp(page) as server:
        assert find(TWIN.at(server.port), sought(MESSAGE)) is None
        assert len(server.requests) == 10


def test_a_list_that_shows_one_message_twice_and_another_never_proves_nothing() -> None:
    assert found_in(listed(ENTRY, total="2")) is None


def test_an_entry_of_a_status_nobody_knows_is_found_as_uncertain() -> None:
    found = found_in(listed({**ENTRY, "status": 42, "extendStatus": "levitating"}))
    assert [(one.reference, one.outcome) for one in found or ()] == [("7", Outcome.UNCERTAIN)]


def account(channel: SmsAeroChannel) -> AccountState:
    async def ask() -> AccountState:
        async with channel:
            return await channel.account()

    with speaking("en"):
        return asyncio.run(ask())


def test_the_balance_is_told_with_its_currency() -> None:
    with rehearsal() as sandbox:
        state = account(TWIN.beside(sandbox))
        assert sandbox.received == []
    assert (state.ok, state.balance) == (True, "1,000.00 RUB")


@pytest.mark.parametrize(
    ("balance", "ok", "said"),
    [
        (499.99, True, "499.99 RUB, running low"),
        ("12.5", True, "12.50 RUB, running low"),
        (0, False, "0.00 RUB, running low"),
        (-3, False, "-3.00 RUB, running low"),
        (True, True, ""),
        ("much", True, ""),
        ("NaN", True, ""),
        (1e300, True, ""),
        (None, True, ""),
    ],
)
def test_a_low_balance_is_told_and_a_spent_one_is_not_in_order(
    balance: object, ok: bool, said: str
) -> None:
    with RawHttp(success({"balance": balance})) as server:
        state = account(TWIN.at(server.port))
    assert (state.ok, state.balance) == (ok, said)


def test_a_senders_name_the_gate_does_not_know_is_not_in_order() -> None:
    with Sandbox(
        lambda: NOON,
        simulated=True,
        smsaero_email="energy@example.com",
        smsaero_api_key=SMS_KEY,
        smsaero_signs=("SMS Aero",),
    ) as sandbox:
        state = account(TWIN.beside(sandbox))
    assert not state.ok
    assert "sms_sign" in state.note


@pytest.mark.parametrize(
    ("body", "status", "cause"),
    [
        ({"result": "no credits"}, 200, Cause.NO_MONEY),
        ({"success": False, "message": "Not enough money"}, 200, Cause.NO_MONEY),
        ({"success": False, "message": "x"}, 402, Cause.NO_MONEY),
        ({"success": False, "message": "Invalid credentials"}, 200, Cause.ACCOUNT),
        ({"success": False, "data": {"sign": ["?"]}, "message": "No."}, 400, Cause.ACCOUNT),
        ({"success": False, "message": "x"}, 401, Cause.ACCOUNT),
        ({"success": False, "message": "x"}, 429, Cause.THROTTLED),
        (None, 404, None),  # a page proves nothing, so nothing says that it was not taken
    ],
)
def test_why_the_gate_took_nothing_is_told_for_its_health(
    body: dict[str, object] | None, status: int, cause: Cause | None
) -> None:
    assert judge(Exchange(sent=True, status=status, body=body)).cause is cause


def test_a_gate_that_cannot_be_reached_is_unreachable() -> None:
    assert judge(Exchange(sent=False)).cause is Cause.UNREACHABLE


INBOUND_URL = f"{RECEIPTS_URL}/smsaero/inbound/smsaero-0123456789abcdef0123"


def inbound(form: dict[str, str], url: str = INBOUND_URL) -> Inbound:
    [found] = TWIN.at(1).inbound(Payload(url, form))
    assert isinstance(found, Inbound)
    return found


@pytest.mark.parametrize(
    "form",
    [
        {"id": "5", "number": "79161234567", "text": "Стоп"},
        {"id": "5", "from": "+7 (916) 123-45-67", "message": "Стоп"},
        {"ID": "5", "Phone": "89161234567", "SMS": "Стоп"},
        {"id": "5", "number": "null", "phone": "9161234567", "text": "Стоп"},
    ],
)
def test_what_a_customer_writes_is_read_under_any_of_the_known_names(form: dict[str, str]) -> None:
    found = inbound(form)
    assert (found.reference, found.contact_point, found.text) == ("5", "+79161234567", "Стоп")


def test_what_comes_in_the_address_is_read_in_the_encoding_it_was_written_in() -> None:
    query = urlencode({"id": "5", "number": "79161234567", "text": "Стоп"}, encoding="cp1251")
    # What the endpoint made of it, taking it for UTF-8.
    garbled = dict(parse_qsl(query, errors="replace"))
    assert inbound(garbled, f"{INBOUND_URL}?{query}").text == "Стоп"


@pytest.mark.parametrize(
    "form",
    [
        {"id": "5", "text": "Стоп"},
        {"id": "5", "number": "79161234567"},
        {"id": "5", "number": "Beeline", "text": "Стоп"},
        {"id": "5", "number": "900", "text": "Стоп"},
        {"id": "5", "number": "٧٩١٦١٢٣٤٥٦٧", "text": "Стоп"},
        {"id": "5", "number": "7" * 40, "text": "Стоп"},
    ],
)
def test_an_sms_from_nobody_is_handed_on_unread(form: dict[str, str]) -> None:
    [found] = TWIN.at(1).inbound(Payload(INBOUND_URL, form))
    assert isinstance(found, Unread)
    assert json.loads(found.raw) == form


def test_an_sms_without_a_name_gets_one_that_is_the_same_when_it_comes_again() -> None:
    form = {"number": "79161234567", "text": "Стоп", "date": "1796115600"}
    first, again = inbound(form), inbound(dict(reversed(form.items())))
    later = inbound({**form, "date": "1796115700"})
    assert first.reference == again.reference
    assert first.reference != later.reference
    assert not first.reference.isdigit()  # never taken for the gate's own
    assert first.at == NOON


@pytest.mark.parametrize(
    "path", ["/smsaero/inbound/", "/smsaero/inbound", "/smsaero/1-1-abc", "/smsaero/inbound/a/b"]
)
def test_an_sms_at_an_address_without_our_token_is_forged(path: str) -> None:
    with pytest.raises(Forged):
        inbound({"id": "5", "number": "79161234567", "text": "Стоп"}, RECEIPTS_URL + path)


@given(st.dictionaries(st.sampled_from(["id", "number", "from", "text", "date"]), st.text()))
def test_no_form_whatever_does_more_than_be_unread(form: dict[str, str]) -> None:
    for found in TWIN.at(1).inbound(Payload(INBOUND_URL, form)):
        if isinstance(found, Inbound):
            assert found.contact_point[1:].isdigit()
            assert found.reference


def test_a_number_of_the_list_is_asked_for_and_nothing_else() -> None:
    with RawHttp(listed({**ENTRY, "text": "Другой текст."})) as server:
        assert find(TWIN.at(server.port), sought(MESSAGE)) == []
        [request] = server.requests
    assert json.loads(request.partition(b"\r\n\r\n")[2]) == {"number": 79161230020}


OTHERS = {**ENTRY, "id": 9, "number": "79169999999"}


def in_turn(*answers: bytes) -> list[bytes]:
    """Answers to one request after the other, on a connection that stays open."""
    return [answer.replace(b"Connection: close", b"Connection: keep-alive") for answer in answers]


@pytest.mark.parametrize(
    ("newest", "shown", "believed"),
    [
        pytest.param([OTHERS], [OTHERS], True, id="shows a newer one by its number"),
        pytest.param([], [], False, id="a list without anything"),
        pytest.param([OTHERS], [], False, id="does not find by number what it has"),
        pytest.param([OTHERS], [{**OTHERS, "id": 10}], False, id="finds something else"),
        pytest.param(
            [{**OTHERS, "dateCreate": SECONDS - 1}], [OTHERS], False, id="has nothing as new"
        ),
        pytest.param([{**OTHERS, "dateCreate": "today"}], [OTHERS], False, id="no readable date"),
        pytest.param([{**OTHERS, "number": "?"}], [OTHERS], False, id="no number"),
        pytest.param([{**OTHERS, "number": None}], [OTHERS], False, id="nobody's"),
    ],
)
def test_that_nothing_is_there_is_believed_of_a_list_whose_filter_has_proved_itself(
    newest: list[Mapping[str, object]], shown: list[Mapping[str, object]], believed: bool
) -> None:
    with RawHttp(in_turn(listed(), listed(*newest), listed(*shown))) as server:
        assert find(TWIN.at(server.port), sought(MESSAGE)) == ([] if believed else None)


def test_a_filter_that_does_not_answer_has_not_proved_itself() -> None:
    refused = http_answer(200, b'{"success": false, "message": "no"}')
    for answers in ([listed(), refused], [listed(), listed(OTHERS), refused]):
        with RawHttp(in_turn(*answers)) as server:
            assert find(TWIN.at(server.port), sought(MESSAGE)) is None


def test_the_filter_proves_itself_once_in_a_batch() -> None:
    async def ask(port: int) -> list[Sequence[Receipt] | None]:
        async with TWIN.at(port) as channel:
            return [
                await channel.find(sought(MESSAGE, NOON - timedelta(hours=hours)))
                for hours in (0, 1, 0)
            ]

    answers = in_turn(listed(), listed(OTHERS), listed(OTHERS), listed(), listed())
    with RawHttp(answers) as server:
        assert asyncio.run(ask(server.port)) == [[], [], []]
        asked = [json.loads(one.partition(b"\r\n\r\n")[2]) for one in server.requests]
    ours, others = {"number": 79161230020}, {"number": 79169999999}
    assert asked == [ours, {}, others, ours, ours]


def test_a_message_still_on_its_way_is_found_as_such() -> None:
    with rehearsal() as sandbox:
        deliver(TWIN.beside(sandbox), MESSAGE)
        found = find(TWIN.beside(sandbox), sought(MESSAGE, NOON + timedelta(minutes=1)))
    assert [(one.outcome, one.final) for one in found or ()] == [(None, False)]
