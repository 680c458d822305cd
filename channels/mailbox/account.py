"""A mailbox that the mail-robot looks after, as the settings describe it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class MailboxAccount(BaseModel):
    """One IMAP folder. `done` is the folder that letters are moved to once they are safely in the
    ledger; empty: they stay where they are, marked."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[\w.@+-]{1,60}$")  # how the log and the screen call it
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(default=993, ge=1, le=65535)
    username: str = ""
    password: SecretStr = SecretStr("")
    tls: Literal["none", "starttls", "tls"] = "tls"
    folder: str = "INBOX"
    done: str = "Processed"
    address: str = ""  # that customers write to, where it is not the user name
