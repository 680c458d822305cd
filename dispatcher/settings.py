"""Settings: environment variables `DISPATCHER_…` or a file `.env` beside the program.

Everything has a default that works embedded, on one machine. A misspelt name is an error at start:
a setting that is silently ignored is the worst kind. `.env.example` documents each of them.
"""

import os
import re
import secrets as randomness
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from campaigns.channel import ChannelName, Purpose
from campaigns.consent import ConsentRule, consent_rules
from campaigns.inquiry.address import is_usable
from channels.gateway import is_loopback
from channels.mailbox.account import MailboxAccount
from channels.routing import Route
from dispatcher.errors import BadSetting
from dispatcher.pacing import ProviderLimit
from dispatcher.setting_advice import advice_on, did_you_mean, harmless
from templates.i18n import _

PREFIX = "DISPATCHER_"
# Where tests find their servers; the program takes no notice of these.
TEST_PREFIX = "DISPATCHER_TEST_"

SMS_PROVIDERS = ("smsaero", "twilio")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_ORIGIN = re.compile(r"https?://[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){0,9}(:[0-9]{1,5})?")
# Strict: in JSON `true` is no number.
_Cap = Annotated[int, Field(strict=True, ge=1, le=10_000)]
_Kopecks = Annotated[int, Field(strict=True, ge=0, le=100_000)]
# Whom a campaign reached is left alone for months: a customer who is erased before is told again.
_Months = Annotated[int, Field(strict=True, ge=6, le=1200)]
# Settings that are tables of their own: what may stand in a row of them.
_ROWS: dict[str, type[BaseModel]] = {
    "limits": ProviderLimit,
    "sms_routes": Route,
    "mailboxes": MailboxAccount,
}


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    # the house
    language: Literal["ru", "en"] = "ru"
    data_dir: Path = Path("var")
    database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    secret: SecretStr | None = None
    zone: str = "Europe/Moscow"
    actor: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"

    # the supplier, as customers know it
    company: str = "Энергосбыт"
    company_phone: str = "+78001000000"
    company_site: str = "https://example.com"
    company_signer: str = ""
    company_signer_post: str = ""
    company_en: str = ""
    company_signer_en: str = ""
    company_signer_post_en: str = ""

    # tables that staff may replace
    regions_file: Path | None = None
    branches: dict[str, str] = Field(default_factory=dict)
    consent: dict[Purpose, dict[ChannelName, ConsentRule]] = Field(default_factory=dict)
    max_per_day: dict[ChannelName, _Cap] = Field(default_factory=dict)
    max_per_week: dict[ChannelName, _Cap] = Field(default_factory=dict)
    max_per_month: dict[ChannelName, _Cap] = Field(default_factory=dict)

    # where providers report back
    receipts_url: str = ""
    receipts_host: str = "127.0.0.1"
    receipts_port: int = Field(default=8089, ge=0, le=65535)

    # the staff's screen
    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8088, ge=0, le=65535)
    web_url: str = ""
    approval_above: int = Field(default=1000, ge=0, le=100_000_000)
    webhooks_to_this_machine: bool = False

    # e-mail
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_tls: Literal["none", "starttls", "tls"] = "starttls"
    smtp_connections: int = Field(default=8, ge=1, le=100)
    mail_from: str = ""
    mail_from_name: str = ""
    mail_reply_to: str = ""
    mail_bounces_to: str = ""

    # letters in: the mail-robot
    mailboxes: tuple[MailboxAccount, ...] = ()
    lmtp_host: str = "127.0.0.1"
    lmtp_port: int = Field(default=0, ge=0, le=65535)
    inquiries_file: Path | None = None
    inquiries_to: str = ""
    spam_headers: dict[str, str] = Field(default_factory=dict)
    robot_answers_per_day: int = Field(default=10, ge=1, le=1000)
    letter_max_mb: int = Field(default=40, ge=1, le=100)
    form_origins: tuple[str, ...] = ()
    form_per_hour: int = Field(default=10, ge=1, le=1000)
    form_policy_url: str = ""

    # SMS
    smsaero_email: str = ""
    smsaero_api_key: SecretStr = SecretStr("")
    smsaero_gate: str = "@gate.smsaero.ru/v2/"
    sms_sign: str = ""
    twilio_sms_sender: str = ""
    sms_routes: tuple[Route, ...] = ()
    sms_price_kopecks: dict[str, _Kopecks] = Field(default_factory=dict)

    # phone
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_base_url: str = ""
    caller_id: str = ""
    desks_file: Path | None = None

    # how much a provider account bears, by "channel.provider"
    limits: dict[str, ProviderLimit] = Field(default_factory=dict)

    # when a campaign stops itself: this share of the last attempts failed technically
    pause_share: float = Field(default=0.5, ge=0.05, le=1)
    pause_last_attempts: int = Field(default=100, ge=10, le=1000)
    pause_min_attempts: int = Field(default=50, ge=1, le=1000)

    # the engine
    provider_timeout_seconds: float = Field(default=15, ge=3, le=120)
    worker_threads: int = Field(default=4, ge=1, le=64)
    batch_size: int = Field(default=100, ge=1, le=1000)
    max_in_flight: int = Field(default=2000, ge=1, le=100_000)
    lease_seconds: int = Field(default=300, ge=60, le=3600)
    poll_seconds: float = Field(default=1.0, ge=0.05, le=60)

    # monitoring
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=0, ge=0, le=65535)
    otlp_endpoint: str = ""

    # how long what is kept, in months after the end; archive and letters: 0 for ever
    retention: Literal["on", "off"] = "on"
    archive_months: int = Field(default=13, ge=0, le=1200)
    keep_months: dict[Purpose, _Months] = Field(default_factory=dict)
    keep_letters_months: int = Field(default=36, ge=0, le=1200)

    # rehearsal
    sandbox_seed: int = 0
    sandbox_patterns: Path | None = None

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(
                _("an IANA zone such as Europe/Moscow or Asia/Omsk is expected")
            ) from error
        return value

    @property
    def longest_message_seconds(self) -> float:
        """How long one message may take at the worst: each of its steps has its own time-out."""
        return 10 * self.provider_timeout_seconds

    @model_validator(mode="after")
    def _lease_is_long_enough(self) -> Self:
        if self.lease_seconds < 2 * self.longest_message_seconds:
            raise ValueError(_("lease_seconds must be at least 20 times provider_timeout_seconds"))
        return self

    @model_validator(mode="after")
    def _a_campaign_can_stop_itself(self) -> Self:
        if self.pause_min_attempts > self.pause_last_attempts:
            raise ValueError(_("pause_min_attempts must not be more than pause_last_attempts"))
        return self

    @field_validator("consent")
    @classmethod
    def _consent_is_lawful(
        cls, value: dict[Purpose, dict[ChannelName, ConsentRule]]
    ) -> dict[Purpose, dict[ChannelName, ConsentRule]]:
        consent_rules(value)
        return value

    @field_validator("company_phone")
    @classmethod
    def _company_can_be_called(cls, value: str) -> str:
        if not _E164.fullmatch(value):
            raise ValueError(_("a telephone number such as +78001000000 is expected."))
        return value

    @field_validator("receipts_url", "web_url")
    @classmethod
    def _receipts_can_arrive(cls, value: str) -> str:
        """Addresses are made by adding to it, and what is added to it is secret on the way."""
        if value and not _leads_to_us(value):
            raise ValueError(
                _(
                    "an address such as https://notify.example.com is expected: https (http only "
                    "on this machine), without a user, “?” and “#”."
                )
            )
        return value

    @field_validator("mail_from", "mail_reply_to", "mail_bounces_to", "inquiries_to")
    @classmethod
    def _a_letter_can_go_there(cls, value: str) -> str:
        if value and not is_usable(value):
            raise ValueError(
                _("one e-mail address such as info@example.com is expected, without a name.")
            )
        return value

    @field_validator("mailboxes")
    @classmethod
    def _mailboxes_can_be_looked_into(
        cls, value: tuple[MailboxAccount, ...]
    ) -> tuple[MailboxAccount, ...]:
        names = [account.name for account in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    _("{name}: each mailbox needs a name of its own.").format(name=name)
                )
        return value

    @field_validator("archive_months")
    @classmethod
    def _archive_is_old(cls, value: int) -> int:
        """Quiet times and caps are counted from attempts at work."""
        if 0 < value < 6:
            raise ValueError(_("at least 6 months are expected, or 0 for never."))
        return value

    @field_validator("otlp_endpoint")
    @classmethod
    def _traces_can_go_there(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s@?#]+", value):
            raise ValueError(
                _(
                    "an address such as http://localhost:4318/v1/traces is expected, without a "
                    "user, “?” and “#”."
                )
            )
        return value

    @field_validator("form_policy_url")
    @classmethod
    def _policy_can_be_read(cls, value: str) -> str:
        """It is a link on a page of ours."""
        if value and (re.search(r'[^\x21-\x7e]|["<>`]', value) or not _leads_to_us(_bare(value))):
            raise ValueError(
                _(
                    "the address of a page such as https://www.example.com/privacy is expected: "
                    "https, without a user; letters that are not Latin written as %D0%9F."
                )
            )
        return value

    @field_validator("form_origins")
    @classmethod
    def _origins_are_what_browsers_send(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """They stand in headers of our answers, too."""
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    _(
                        "sites such as https://www.example.com are expected: in small letters, "
                        "without a path and without a slash at the end."
                    )
                )
        return value

    @field_validator("sms_price_kopecks")
    @classmethod
    def _prices_are_of_providers(cls, value: dict[str, int]) -> dict[str, int]:
        for name in value:
            if name not in SMS_PROVIDERS:
                raise ValueError(
                    _("there is no provider “{name}”; known: {known}.").format(
                        name=harmless(name), known=", ".join(SMS_PROVIDERS)
                    )
                )
        return value

    @property
    def ledger_url(self) -> str:
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.ledger_file.absolute()}"

    @property
    def ledger_file(self) -> Path:
        """Where the embedded ledger is, or will be."""
        return self.data_dir / "dispatcher.sqlite3"

    @property
    def is_embedded(self) -> bool:
        return self.ledger_url.startswith("sqlite")

    def open_data_dir(self) -> None:
        """Make the data folder, if it is not there, for nobody but its owner: it holds personal
        data and the secret. A folder that somebody made keeps the rights it was given."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    def signing_secret(self) -> str:
        """The secret that tokens are signed with; made once and kept in the data folder."""
        if self.secret is not None:
            return self.secret.get_secret_value()
        path = self.data_dir / "secret"
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            self.open_data_dir()
            temporary = path.with_suffix(f".{os.getpid()}")
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(randomness.token_hex(32))
            try:
                # A link is made whole or not at all: of two processes the first one wins.
                path.hardlink_to(temporary)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
            return path.read_text().strip()

    def supplier(self) -> dict[str, str]:
        """What every template may say about us."""
        signer = {
            "company_signer": self.company_signer,
            "company_signer_post": self.company_signer_post,
        }
        return {
            "company": self.company,
            "company_phone": self.company_phone,
            "company_site": self.company_site,
            # Without them the templates sign for the department, in the letter's language.
            **{name: value for name, value in signer.items() if value},
        }


def _leads_to_us(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or re.search(r"[\s?#@\\]|[^\x21-\x7e]", url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def _bare(url: str) -> str:
    """An address without what a page of it is asked for."""
    return re.split(r"[?#]", url, maxsplit=1)[0]


def load_settings() -> Settings:
    """Read the settings; raises BadSetting naming the variable and what to write instead."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith(TEST_PREFIX):
            continue
        if name.startswith(PREFIX) and name.upper() not in known:
            raise BadSetting(name, did_you_mean(name, known))
    try:
        return Settings()
    except SettingsError as error:
        # A table that is no JSON; pydantic names the field in the text of its error only.
        raise BadSetting(
            PREFIX + _named_in(str(error)).upper(),
            _("a table in JSON is expected; .env.example shows one."),
        ) from None
    except ValidationError as error:
        mistakes = error.errors(include_input=False, include_url=False)
        first = mistakes[0]
        # What is wrong with two settings together names them in its text.
        field = str(first["loc"][0]) if first["loc"] else _named_in(str(first["msg"]))
        name = PREFIX + field.upper() if not field.upper().startswith(PREFIX) else field.upper()
        if first["type"] == "extra_forbidden" and not first["loc"][1:]:
            raise BadSetting(name, did_you_mean(name, known)) from None
        raise BadSetting(name, advice_on(mistakes, _ROWS.get(field))) from None


def _named_in(text: str) -> str:
    """The first setting that a text names."""
    words = re.findall(r"\w+", text)
    return next((word for word in words if word in Settings.model_fields), "")


def environment_names(text: str) -> str:
    """A text of the lower layers with every setting in it as the one who sets it writes it."""
    return re.sub(r"\b[a-z]+(?:_[a-z]+)+\b", _environment_name, text)


def _environment_name(found: re.Match[str]) -> str:
    known = found[0] in Settings.model_fields
    return PREFIX + found[0].upper() if known else found[0]
