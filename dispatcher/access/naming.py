"""Logins and names: what may be one."""

import re

from dispatcher.errors import NotPossible
from templates.i18n import _

LONGEST_LOGIN = LONGEST_NAME = 120
# Latin letters alone: two logins that look alike are alike.
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._+@-]{1,119}")
# Who else stands in the journal: the program's own parts. Nobody may be taken for one of them.
RESERVED = frozenset(
    {
        "api",
        "console",
        "demo",
        "dispatcher",
        "form",
        "health",
        "loop",
        "mailrobot",
        "retention",
        "staff",
        "system",
        "up",
        "web",
        "worker",
    }
)


def checked_login(login: str) -> str:
    """A login in its one spelling. Raises NotPossible with what to write instead."""
    login = login.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise NotPossible(
            _(
                "A login is written in Latin letters, digits and . _ - + @, from 2 to 120 of them, "
                "such as a.petrova or an e-mail address."
            )
        )
    if login in RESERVED:
        raise NotPossible(_("The program itself is called so in the journal. Take another login."))
    return login


def checked_name(name: str) -> str:
    """A name as pages show it. Raises NotPossible."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise NotPossible(
            _("Write the person's name, in at most {count} characters.").format(count=LONGEST_NAME)
        )
    return name
