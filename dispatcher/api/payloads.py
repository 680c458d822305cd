"""What other systems send, as the document shows it to them.

Names carry their unit, as in the columns of a list: `…_kopecks` is a whole number, `…_on` a date,
`…_at` a local date and time. Anything that is not known is refused: a misspelt name must not be a
value that silently counts for nothing.
"""

import unicodedata
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from campaigns.channel import ChannelName, Purpose
from campaigns.hourly import MOST_PER_HOUR
from campaigns.recipient import Segment
from templates.i18n import LANGUAGES

MOST_CUSTOMERS, PIECE = 10_000, 100


def _clean(text: str) -> str:
    """No character that a database, a text or a spreadsheet chokes on."""
    if not text.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs", "Cn") for c in text):
        raise ValueError("control characters are not allowed")
    return text


Line = Annotated[str, Field(max_length=200), AfterValidator(_clean)]
Value = Annotated[str, Field(max_length=2000), AfterValidator(_clean)]
FieldName = Annotated[str, Field(pattern=r"^[^\W\d]\w{0,62}$"), AfterValidator(_clean)]
ScenarioName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Account = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_clean)]
Whole = Annotated[int, Field(strict=True, ge=-(10**14), le=10**14)]


class Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ConsentIn(Payload):
    """What the customer agreed to, or refused. Left out: every purpose, every channel."""

    granted: bool = Field(strict=True)
    purpose: Purpose | None = None
    channel: ChannelName | None = None
    basis: Line = Field(default="", description="Where it comes from: the contract, a form, a call")
    since_on: date | None = None


class CustomerIn(Payload):
    """One customer, with everything that the rules and the texts need to know."""

    account: Account = Field(description="The number of the account", examples=["70001850005"])
    name: Line = ""
    patronymic: Line = ""
    surname: Line = ""
    segment: Segment = Segment.PRIVATE
    language: Literal[LANGUAGES] = "ru"  # type: ignore[valid-type]
    branch: Line = ""
    region: Line = Field(default="", description="Tells the time zone: «Омская область», 55")
    zone: Line = Field(
        default="", description="Asia/Omsk, UTC+6, МСК+3; goes before the region and the branch"
    )
    phones: list[Line] = Field(default=[], max_length=10, examples=[["+79161234567"]])
    emails: list[Annotated[str, Field(max_length=254), AfterValidator(_clean)]] = Field(
        default=[], max_length=10
    )
    consents: list[ConsentIn] = Field(default=[], max_length=20)
    fields: dict[FieldName, Whole | Value] = Field(
        default={},
        max_length=50,
        description="What the texts say: amount_kopecks, due_on, address",
        examples=[{"amount_kopecks": 254730, "paid_on": "2026-12-01"}],
    )


def _by_hundreds(given: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """A list is looked at as far as the first hundred with a wrong value."""
    if not isinstance(given, list) or not MOST_CUSTOMERS >= len(given) > PIECE:
        return read(given)
    found: list[CustomerIn] = []
    for start in range(0, len(given), PIECE):
        try:
            found += read(given[start : start + PIECE])
        except ValidationError as error:
            raise ValidationError.from_exception_data(
                error.title, [_moved(one, start) for one in error.errors(include_url=False)]
            ) from None
    return found


def _moved(one: ErrorDetails, by: int) -> InitErrorDetails:
    """What was found in a part of a list, by its place in the whole of it."""
    index, *place = one["loc"]
    kind = PydanticCustomError(one["type"], "{message}", {"message": one["msg"]})
    return InitErrorDetails(type=kind, loc=(int(index) + by, *place), input=None)


Customers = Annotated[
    list[CustomerIn],
    Field(min_length=1, max_length=MOST_CUSTOMERS),
    WrapValidator(_by_hundreds),
]


class MessageIn(Payload):
    """One message to one customer, now."""

    scenario: ScenarioName = Field(description="Its newest version is taken")
    channels: list[ChannelName] = Field(
        default=[], max_length=3, description="Left out: all of the scenario's"
    )
    customer: CustomerIn


class CampaignIn(Payload):
    """A campaign over a list: of `customers`, or of a file that was sent to /uploads."""

    scenario: ScenarioName
    start_at: AwareDatetime | None = Field(default=None, description="Left out: at once")
    end_at: AwareDatetime | None = Field(default=None, description="Left out: 14 days later")
    leave_out_unfit: bool = Field(
        default=False,
        strict=True,
        description="Launch without those whose message cannot be made; else nothing is launched",
    )
    customers: Customers | None = None
    upload_id: Annotated[int, Field(strict=True, ge=1, le=2_147_483_647)] | None = None
    columns: dict[Line, Line] = Field(
        default={},
        max_length=100,
        description="Of an upload: what a column is, in spite of its header",
        examples=[{"Долг на 01.12": "debt_kopecks"}],
    )
    limits: dict[ChannelName, Annotated[int, Field(strict=True, ge=1, le=MOST_PER_HOUR)]] = Field(
        default={},
        description="Attempts in any hour at most, by channel; left out: no limit of its own",
        examples=[{"phone": 300}],
    )


class SettlementIn(Payload):
    """Who has paid: nobody reminds them any more."""

    accounts: list[Account] = Field(min_length=1, max_length=10_000)


class StopIn(Payload):
    """Whom nobody contacts any more: an account, a number or an address."""

    account: Account | None = None
    contact_point: Annotated[str, Field(max_length=254), AfterValidator(_clean)] | None = None
    channel: ChannelName | None = Field(default=None, description="Left out: all")
    purpose: Purpose | None = Field(default=None, description="Left out: all")
    until_at: AwareDatetime | None = Field(default=None, description="Left out: for good")
    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = "staff"


# --- answers ---------------------------------------------------------------------------------


class ChannelOut(BaseModel):
    """A message on one channel. `reason`: why it was skipped, ended, or waits."""

    channel: ChannelName
    status: str
    reason: str
    outcome: str | None = None
    attempts: int = 0
    due_at: datetime | None = None
    attempted_at: datetime | None = None


class MessageOut(BaseModel):
    """`state`: in_progress, reached, not_reached, or not_sent (no channel may be used)."""

    id: str
    state: Literal["in_progress", "reached", "not_reached", "not_sent"]
    campaign_id: int
    channels: list[ChannelOut]


class UploadOut(BaseModel):
    id: int
    size: int


class RowErrorOut(BaseModel):
    """What is wrong with a row; never its value. `fatal`: the row was not taken."""

    row: int
    column: str
    code: str
    message: str
    advice: str
    fatal: bool


class LaunchOut(BaseModel):
    """How far a launch is. `launched`: planned, and it runs from its start on;
    `waits_for_approval`: so many recipients need the word of a member of staff. `detail`: why it
    failed, or was refused."""

    id: int
    state: Literal["waiting", "waits_for_approval", "running", "launched", "refused", "failed"]
    campaign_id: int | None = None
    detail: str = ""
    recipients: int | None = None
    rows_refused: int | None = None
    row_errors: list[RowErrorOut] = []


class CampaignOut(BaseModel):
    id: int
    scenario: str
    scenario_version: int
    title: str
    audience: str
    status: str
    zone: str
    start_at: datetime
    end_at: datetime
    created_at: datetime
    closed_at: datetime | None


class StandingOut(BaseModel):
    """Of how many recipients a channel stands how."""

    channel: str
    status: str
    reason: str
    deliveries: int


class CampaignFiguresOut(CampaignOut):
    limits: dict[ChannelName, int] = Field(description="Attempts in any hour at most, by channel")
    figures: list[StandingOut]


class AttemptOut(BaseModel):
    """One call, SMS or letter that was really handed to a provider."""

    id: int
    account: str
    channel: str
    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    positive: bool | None
    next_due_at: datetime | None


class CampaignPage(BaseModel):
    items: list[CampaignOut]
    next: str | None = Field(description="The cursor of the next page; null on the last one")


class AttemptPage(BaseModel):
    items: list[AttemptOut]
    next: str | None = Field(description="The cursor of the next page; null on the last one")


class SettledOut(BaseModel):
    """`deliveries`: so many end; `unknown`: so many accounts are not in the campaign."""

    deliveries: int
    unknown: int


class StopOut(BaseModel):
    id: int
    account: str | None
    contact_point: str | None
    channel: ChannelName | None
    purpose: Purpose | None
    reason: str
    since_at: datetime
    until_at: datetime | None
    removed_at: datetime | None
