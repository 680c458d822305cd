"""A mailbox that the mail-robot looks after, as the settings describe it."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from channels.gateway import is_loopback
from templates.i18n import _


class MailboxAccount(BaseModel):
    """One IMAP folder. `done` is the folder that letters are moved to once they are safely in the
    ledger; empty: they stay where they are, marked. What had lain in the folder for more than
    `first_days` when the robot first looked into it is left alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[\w.@+-]{1,60}$")  # how the log and the screen call it
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(default=993, ge=1, le=65535)
    username: str = ""
    password: SecretStr = SecretStr("")
    tls: Literal["none", "starttls", "tls"] = "tls"
    folder: str = "INBOX"
    done: str = "Processed"
    first_days: int = Field(default=3, ge=0, le=36_500)  # the standard's term for a first answer
    address: str = ""  # that customers write to, where it is not the user name

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        self.need_hidden_password()
        return self

    def need_hidden_password(self) -> None:
        """Raises ValueError when the password would travel in the clear to another machine."""
        if self.password.get_secret_value() and self.tls == "none" and not is_loopback(self.host):
            raise ValueError(
                _(
                    "the password of the mail server {host} would travel unencrypted; "
                    "set tls to starttls or tls"
                ).format(host=self.host)
            )
