"""Who answers an inquiry, and the whole of its sorting."""

from campaigns.holidays import Holidays
from campaigns.inquiry.routing import branch_of, route
from campaigns.inquiry.rules import Branch, InquiryRules, Route, Topic
from campaigns.inquiry.rules_file import read_rules
from campaigns.inquiry.sorting import Asked, Known, Sorted, sort_out
from campaigns.inquiry.status import InquiryChannel, Missing
from campaigns.inquiry.topics import Classifier
from campaigns.recipient import Segment
from tests.unit.sorting_days import TODAY

TOMSK, OMSK = "Томское отделение", "Омское отделение"
RULES = InquiryRules(
    topics=read_rules(None).topics,
    routes=(
        Route("claims@example.com", "head@example.com", topics=(Topic.COMPLAINT,)),
        Route("tomsk-firms@example.com", branches=(TOMSK,), segments=(Segment.BUSINESS,)),
        Route("tomsk@example.com", branches=("  томское   ОТДЕЛЕНИЕ ",)),
        Route("bills@example.com", topics=(Topic.BILLING, Topic.READING)),
    ),
    branches=(
        Branch(TOMSK, "+73822000000", "пн–пт 8:00–20:00", ("55", "7701")),
        Branch(OMSK, "+73812000000", accounts=("5501",)),
    ),
)
CLASSIFIER = Classifier(RULES)
ANNA = Known("5599000001", "Анна", "Петровна", branch=TOMSK, segment=Segment.PRIVATE)


def person(topic: Topic, branch: str = "", segment: str = "") -> str:
    return route(RULES, topic, branch, segment, "desk@example.com").person


def sorted_out(words: str, customer: Known | None = None, **asked: object) -> Sorted:
    values = {"channel": InquiryChannel.EMAIL, "words": words, **asked}
    return sort_out(
        RULES,
        CLASSIFIER,
        Asked(**values),  # type: ignore[arg-type]
        customer,
        Holidays(),
        TODAY,
        default_person="desk@example.com",
    )


def test_the_first_route_that_fits_decides() -> None:
    assert person(Topic.COMPLAINT, TOMSK, "business") == "claims@example.com"
    assert person(Topic.OUTAGE, TOMSK, "business") == "tomsk-firms@example.com"
    assert person(Topic.BILLING, "ТОМСКОЕ отделение", "private") == "tomsk@example.com"
    assert person(Topic.READING, OMSK) == "bills@example.com"


def test_what_no_route_takes_goes_to_whoever_gets_the_rest() -> None:
    assert person(Topic.OUTAGE, OMSK, "business") == "desk@example.com"
    assert route(RULES, Topic.OUTAGE, "", "") == Route("")


def test_a_route_for_some_does_not_fit_whom_nobody_knows() -> None:
    assert person(Topic.OUTAGE, "", "business") == "desk@example.com"
    assert person(Topic.OUTAGE, TOMSK, "") == "tomsk@example.com"


def test_a_branch_is_told_by_the_base_or_by_the_longest_beginning_of_the_account() -> None:
    assert branch_of(RULES, " томское  отделение", "5501000000").name == TOMSK
    assert branch_of(RULES, "", "5502000000").name == TOMSK
    assert branch_of(RULES, "", "5501000000").name == OMSK
    assert branch_of(RULES, "", "9900000000") == Branch("")
    assert branch_of(RULES, "", None) == Branch("")
    assert branch_of(RULES, "Курское отделение", "5501000000") == Branch("Курское отделение")


def test_a_letter_of_nobody_known_is_sorted_by_what_it_says() -> None:
    found = sorted_out("л/с 5501000000, неверно начислили, квитанция прилагается")
    assert (found.topic, found.account_number) == (Topic.BILLING, "5501000000")
    assert (found.branch, found.branch_phone, found.branch_hours) == (OMSK, "+73812000000", "")
    assert (found.person, found.head, found.missing) == ("bills@example.com", "", ())
    assert (found.respond_on.isoformat(), found.answer_on.isoformat()) == (
        "2026-11-26",
        "2026-12-07",
    )


def test_a_customer_we_know_needs_to_tell_nothing() -> None:
    found = sorted_out("нет света", ANNA)
    assert (found.account_number, found.branch, found.segment) == ("5599000001", TOMSK, "private")
    assert (found.branch_phone, found.person) == ("+73822000000", "tomsk@example.com")
    assert found.missing == ()


def test_a_letter_about_another_account_is_about_that_one() -> None:
    found = sorted_out("нет света, л/с 5501000000", ANNA)
    assert (found.account_number, found.branch) == ("5501000000", OMSK)
    elsewhere = sorted_out("нет света, л/с 9900000000", ANNA)
    assert (elsewhere.account_number, elsewhere.branch) == ("9900000000", TOMSK)


def test_a_number_that_only_looks_like_an_account_does_not_beat_the_customers_own() -> None:
    assert sorted_out("нет света 5501000000", ANNA).account_number == "5599000001"


def test_what_is_missing_is_told() -> None:
    lost = sorted_out("", has_contact=False, is_readable=False)
    assert lost.missing == (Missing.ACCOUNT, Missing.CONTACT, Missing.TEXT)
    called = sorted_out("позвоните +7 916 123-45-67", has_contact=False)
    assert called.missing == (Missing.ACCOUNT,)
    assert sorted_out("", subject="нет света").missing == (Missing.ACCOUNT,)
    assert sorted_out("Спасибо!").missing == ()


def test_a_wrong_account_number_stays_missing_and_is_told() -> None:
    found = sorted_out("нет света, л/с 123")
    assert (found.account_number, found.wrong_account) == (None, "123")
    assert found.missing == (Missing.ACCOUNT,)
    assert sorted_out("л/с 123", ANNA).wrong_account == ""


def test_who_chose_a_topic_is_believed() -> None:
    found = sorted_out("жалоба", topic=Topic.CONTRACT)
    assert (found.topic, found.confidence) == (Topic.CONTRACT, 1.0)


def test_an_account_in_a_field_of_its_own_counts() -> None:
    assert sorted_out("свет", account_number="5501 000000").account_number == "5501000000"


def test_who_tells_readings_and_thanks_has_told_readings() -> None:
    found = sorted_out("Т1 1234; Т2 567. Благодарю.")
    assert found.topic is Topic.READING
    assert [str(one) for one in found.readings] == ["T1 1234", "T2 567"]
