"""A call under way in a test, and the provider's questions about it, signed as they come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from xml.etree.ElementTree import Element, fromstring

import requests
from twilio.request_validator import RequestValidator

from campaigns.desk import Desk, Desks
from campaigns.recipient import Recipient
from dispatcher.ledger.attempts import Attempt
from dispatcher.tokens import TokenFor, attempt_key, sign
from tests.flow.rehearsing import PHONE, SECRET, Rehearsal, customer, scenario_text

NUMBER = "+79160000001"
ANNA = customer("1", NUMBER)
OPERATOR = "+74951112233"
CALL = """\
{{ greeting }} Ваш долг {{ total_kopecks | money }}.
@key 1 heard: Чтобы подтвердить, нажмите один.
@key 2 repeat: Чтобы повторить, нажмите два.
@key 4 answer good: Если вы довольны, нажмите четыре.
@key 5 answer bad: Если нет, нажмите пять.
@key 9 stop: Чтобы мы не звонили, нажмите девять.
@key 0 operator: Для связи с оператором нажмите ноль.
Всего доброго!
"""


def with_desk(rehearsal: Rehearsal, operators: int = 1) -> None:
    """One desk for everybody, manned on working days from nine to six."""
    rehearsal.engine.desks = Desks(
        Desk(operator=OPERATOR, operators=operators, expected_share=0.01, zone="Europe/Moscow")
    )


def talk_scenario(rehearsal: Rehearsal, rules: str = "", purpose: str = "service") -> str:
    folder = rehearsal.folder / "talk"
    folder.mkdir(exist_ok=True)
    (folder / "call.txt").write_text(CALL, "utf-8")
    return scenario_text("phone", template="talk", purpose=purpose, rules={"phone": rules})


@dataclass(frozen=True, slots=True)
class Talk:
    """What a customer's call hears and does. Nothing of the sandbox moves meanwhile."""

    rehearsal: Rehearsal
    account: str = "1"

    @property
    def attempt(self) -> Attempt:
        row = self.rehearsal.row(self.account)
        return [a for a in self.rehearsal.attempts() if a.delivery_id == row.id][-1]

    @property
    def token(self) -> str:
        one = self.attempt
        return sign(SECRET, TokenFor.RECEIPT, attempt_key(one.delivery_id, one.number))

    def answered(self, by: str = "human", tries: int = 1) -> Element:
        """Somebody, or something, has answered, and waits for the first words."""
        again = f"&try={tries}" if tries > 1 else ""
        return self.post("begin", {"AnsweredBy": by}, again)

    def press(self, key: str, round_number: int = 1) -> Element:
        """The menu is over: with a key, or with silence."""
        return self.post("gather", {"Digits": key}, f"&round={round_number}")

    def operator_answers(self) -> None:
        form = {"CallStatus": "in-progress", "ParentCallSid": "CA" + "0" * 32}
        self.send("operator", form)

    def operator_done(self, status: str, **form: str) -> Element:
        return self.post("dial", {"DialCallStatus": status, **form})

    def hangs_up(self, seconds: int, status: str = "completed", **form: str) -> None:
        self.send("status", {"CallStatus": status, "CallDuration": str(seconds), **form})

    def post(self, kind: str, form: dict[str, str], query: str = "") -> Element:
        return fromstring(self.send(kind, form, query))

    def send(self, kind: str, form: dict[str, str], query: str = "") -> str:
        one = self.attempt
        url = (
            f"{self.rehearsal.engine.receipts_url}/twilio/{kind}/{self.token}"
            f"?expects={one.expected_seconds or 10:g}{query}"
        )
        form = {"CallSid": one.reference or "CA" + "0" * 32, "CallStatus": "in-progress", **form}
        auth = self.rehearsal.engine.settings.twilio_auth_token.get_secret_value()
        signature = RequestValidator(auth).compute_signature(url, form)
        answer = requests.post(
            url, data=form, headers={"X-Twilio-Signature": signature}, timeout=30
        )
        assert answer.status_code == 200
        return answer.text


def call(
    rehearsal: Rehearsal,
    people: Sequence[Recipient] = (ANNA,),
    rules: str = "",
    purpose: str = "service",
) -> Talk:
    """Call these people; their calls are under way, and nothing was heard of them yet."""
    rehearsal.launch(people, talk_scenario(rehearsal, rules, purpose))
    rehearsal.works.loop.tick()
    rehearsal.work()
    return Talk(rehearsal, people[0].account_number)


def said(answer: Element) -> str:
    return " ".join((say.text or "") for say in answer.iter("Say"))


def call_back_after(talk: Talk) -> timedelta:
    """How long after its end the customer is called again."""
    one = talk.attempt
    assert one.ended_at is not None
    assert one.next_due_at is not None
    return one.next_due_at - one.ended_at


__all__ = ["PHONE", "Talk", "call", "call_back_after", "said", "with_desk"]
