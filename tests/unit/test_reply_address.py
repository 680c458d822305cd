"""Where an answer goes: the Return-Path, From, Reply-To, Sender, in RFC 3834's spirit."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.inquiry.address import is_usable, likeness, written
from campaigns.inquiry.letter import Letter, Mailbox
from campaigns.inquiry.reply_to import reply_address

OWN = frozenset({"robot@energo.example", "info@почта.рф"})
TO = ("robot@energo.example",)


def letter(
    senders: str = "",
    path: str | None = None,
    reply_to: str = "",
    sender: str | None = None,
    recipients: tuple[str, ...] = TO,
) -> Letter:
    """Addresses are separated by spaces."""
    return Letter(
        senders=tuple(Mailbox(one) for one in senders.split()),
        return_path=path,
        reply_to=tuple(Mailbox(one) for one in reply_to.split()),
        headers={} if sender is None else {"sender": (sender,)},
        recipients=recipients,
    )


def answered(one: Letter) -> str | None:
    found = reply_address(one, OWN)
    return found.address if found else None


IVAN = "ivan@mail.example"


@pytest.mark.parametrize(
    "path",
    [
        "ivan.petrov@mail.example",
        "<ivan.petrov@mail.example>",
        "Ivan.Petrov@MAIL.example",
        "ivan.petrov@office.mail.example",
    ],
)
def test_the_return_path_of_a_person_comes_first(path: str) -> None:
    assert answered(letter(IVAN, path)) == path.strip("<>").lower()


def test_a_wider_domain_belongs_to_a_narrower_one_too() -> None:
    assert answered(letter("ivan@office.firm.example", "ivan@firm.example")) == "ivan@firm.example"


@pytest.mark.parametrize(
    "path",
    [
        "SRS0=abcd=XY=mail.example=ivan@forward.mail.example",
        "srs0+abcd=XY=mail.example=ivan@mail.example",
        "SRS1=abcd=forward.example==XY=mail.example=ivan@mail.example",
        "prvs=1234abcdef=ivan@mail.example",
        "btv1==123abc==ivan@mail.example",
        "msprvs1=19000abc=bounces-12-34@mail.example",
        "bounce@mail.example",
        "bounces@mail.example",
        "bounce-12345-67@mail.example",
        "bounces+12345-abc@mail.example",
        "bounce_12@mail.example",
        "news-bounces@mail.example",
        "news-bounces+robot=energo.example@mail.example",
        "news-return-12-robot=energo.example@mail.example",
        "owner-news@mail.example",
        "news-owner@mail.example",
        "send.robot.energo.example@mail.example",
        "noreply@mail.example",
        "www-data@mail.example",
        "bitrix@mail.example",
        "apache@mail.example",
        "0100018f2a-000000@eu-west-1.ses.example",
        "www-data@host12.hosting.example",
        "ivan@elsewhere.example",
        "ivan@notmail.example",
        "ivan@example",
        "robot@energo.example",
        "Robot+tag@Energo.example",
        "broken",
        "two@mail.example,three@mail.example",
        "with space@mail.example",
        "line\r\nBcc: all@mail.example",
        "a" * 65 + "@mail.example",
        "a@" + "b" * 260 + ".mail.example",
        "a@" + "b" * 64 + ".mail.example",
        "ivan@[127.0.0.1]",
        "ivan@mail..example",
        "@mail.example",
        "ivan@",
        "ivan\u202e@mail.example",
        "a@b@mail.example",
    ],
)
def test_a_return_path_that_is_no_persons_leaves_from(path: str) -> None:
    assert answered(letter(IVAN, path)) == IVAN


@pytest.mark.parametrize("path", ["", "<>", " <> ", "< >"])
def test_the_null_path_is_never_answered(path: str) -> None:
    assert answered(letter(IVAN, path, reply_to="petr@mail.example", sender=IVAN)) is None


@pytest.mark.parametrize(
    ("senders", "path", "expected"),
    [
        ("anna@mail.ru", "mallory@mail.ru", "anna@mail.ru"),
        ("anna@gmail.com", "mallory@GMAIL.com.", "anna@gmail.com"),
        ("anna@mail.tomsk.ru", "mallory@tomsk.ru", "anna@mail.tomsk.ru"),
        ("anna@mail.ru", "mallory@corp.mail.ru", "anna@mail.ru"),
        ("anna@mail.ru", "Anna+bill@mail.ru", "anna@mail.ru"),
        ("anna@mail.ru boris@mail.ru", "mallory@mail.ru", "anna@mail.ru"),
        ("", "anna@mail.ru", "anna@mail.ru"),
        ("anna@firm.example", "office@firm.example", "office@firm.example"),
    ],
)
def test_at_a_public_provider_another_mailbox_is_another_person(
    senders: str, path: str, expected: str
) -> None:
    assert answered(letter(senders, path)) == expected


def test_without_a_return_path_from_is_answered() -> None:
    assert answered(letter(IVAN)) == IVAN


def test_the_name_stays_with_the_address() -> None:
    found = reply_address(Letter(senders=(Mailbox(IVAN, "Иван Петров"),), return_path=IVAN), OWN)
    assert found == Mailbox(IVAN, "Иван Петров")


def test_the_same_mailbox_with_a_tag_is_answered_as_the_author_writes_it() -> None:
    assert answered(letter("ivan@mail.example", "ivan+x@mail.example")) == "ivan@mail.example"


def test_punycode_and_cyrillic_are_one_domain() -> None:
    path = "ivan@xn--80a1acny.xn--p1ai"
    assert answered(letter("ivan@почта.рф", path)) == "ivan@почта.рф"
    assert answered(letter("petr@почта.рф", path)) == path


def test_beside_a_usable_from_reply_to_is_not_looked_at() -> None:
    assert answered(letter(IVAN, reply_to="list@elsewhere.example")) == IVAN


@pytest.mark.parametrize(
    ("senders", "path", "reply_to", "sender", "expected"),
    [
        ("a@x.example b@x.example", "a@x.example", "", None, "a@x.example"),
        ("a@x.example b@x.example", "c@x.example", "", None, "c@x.example"),
        ("a@x.example b@x.example", None, "c@y.example", None, "c@y.example"),
        ("a@x.example b@x.example", "z@q.example", "c@y.example", None, "c@y.example"),
        ("a@x.example b@x.example", None, "c@y.example d@y.example", "S <s@x.example>",
         "s@x.example"),
        ("a@x.example b@x.example", None, "", "s@x.example", "s@x.example"),
        ("a@x.example b@x.example", None, "", "s@x.example (Secretary)", "s@x.example"),
        ("a@x.example b@x.example", None, "", "broken", "a@x.example"),
        ("a@x.example b@x.example", None, "", None, "a@x.example"),
        ("a@x.example A+1@X.example", None, "c@y.example", None, "a@x.example"),
        ("a@x.example robot@energo.example", None, "c@y.example", None, "a@x.example"),
        ("", "c@y.example", "", None, "c@y.example"),
        ("", None, "c@y.example", None, "c@y.example"),
        ("", None, "c@y.example C@Y.example", None, "c@y.example"),
        ("", None, "c@y.example d@y.example", None, None),
        ("", None, "", "s@x.example", "s@x.example"),
        ("", None, "", "robot@energo.example", None),
        ("", None, "", "<<<<", None),
        ("", "bounces+1@y.example", "", None, None),
        ("broken", None, "c@y.example", None, "c@y.example"),
        ("broken", None, "", None, None),
        ("www-data@x.example", "www-data@x.example", "c@y.example", None, "c@y.example"),
        ("robot@energo.example", "robot@energo.example", "", None, None),
        ("INFO@xn--80a1acny.xn--p1ai", None, "", None, None),
        ("mailer-daemon@x.example", None, "", None, None),
    ],
)  # fmt: skip
def test_of_several_or_nobody_one_is_answered(
    senders: str, path: str | None, reply_to: str, sender: str | None, expected: str | None
) -> None:
    assert answered(letter(senders, path, reply_to, sender)) == expected


addresses = st.one_of(
    st.text(max_size=40),
    st.builds("{}@{}".format, st.text(max_size=20), st.text(max_size=20)),
    st.sampled_from([IVAN, "petr@mail.example", "robot@energo.example", "noreply@mail.example"]),
)


@given(
    st.lists(addresses, max_size=3),
    st.none() | addresses,
    st.lists(addresses, max_size=3),
    st.lists(addresses, max_size=2),
)
def test_whatever_is_answered_is_one_usable_address_and_not_ours(
    senders: list[str], path: str | None, reply_to: list[str], sender: list[str]
) -> None:
    found = reply_address(
        Letter(
            senders=tuple(map(Mailbox, senders)),
            return_path=path,
            reply_to=tuple(map(Mailbox, reply_to)),
            headers={"sender": tuple(sender)},
            recipients=TO,
        ),
        OWN,
    )
    if found is not None:
        assert is_usable(found.address)
        assert found.address.count("@") == 1
        assert not {",", "\n", "\r", " ", "<"} & set(found.address)
        assert likeness(found.address) not in {likeness(one) for one in OWN}


@pytest.mark.parametrize("piece", ["<", "(", "a@", "=", "no-", "+", "иван.", "@", "\u0301"])
def test_a_megabyte_of_anything_takes_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.perf_counter()
    for path in (text, f"{text}@x.example"):
        answered(letter("", path, sender=path, recipients=(path,)))
        written(path)
        reply_address(Letter(senders=(Mailbox(path),), reply_to=(Mailbox(path),) * 1000), OWN)
    assert time.perf_counter() - started < 3
