"""What the codes and words of mail systems mean for a letter of ours (RFC 3463).

One table of codes; words decide where a system gives only a general code, or is known to give a
wrong one: "550 5.7.1 No such user" is said in Russia, and means no such user.
"""

import re

from campaigns.inquiry.report import ReportKind

_STATUS = re.compile(r"(?<![\d.])[245]\.[0-7]\.\d{1,3}(?!\.?\d)")
_AFTER_REPLY = re.compile(r"\b[245]\d\d[- ]{1,3}#?([245]\.[0-7]\.\d{1,3})(?!\.?\d)")
_NO_SUCH_USER = (
    "no such user", "user unknown", "unknown user", "user not found", "no such recipient",
    "recipient not found", "invalid recipient", "unknown recipient", "no such mailbox",
    "invalid mailbox", "mailbox not found", "unknown mailbox", "does not exist", "doesn't exist",
    "no mailbox here", "address not found", "unknown address", "account is disabled",
    "account has been disabled", "mailbox disabled", "mailbox is disabled", "unrouteable address",
    "recipientnotfound", "address rejected: user", "unknown or illegal alias",
    "нет такого пользователя", "пользователь не найден", "не существует", "адрес не найден",
    "получатель не найден", "почтовый ящик не найден", "ящик заблокирован", "ящик отключен",
)  # fmt: skip
_NO_SUCH_DOMAIN = (
    "host not found", "domain not found", "no such domain", "unrouteable mail domain",
    "name service error", "unable to find host", "unknown host", "домен не найден",
    "couldn't be found", "could not be found", "name or service not known", "nxdomain",
)  # fmt: skip
_FULL = (
    "mailbox full", "mailbox is full", "over quota", "overquota", "quota exceeded",
    "exceeded quota", "exceeds the quota", "out of storage", "quotaexceeded", "user is over",
    "exceeded storage", "mailbox size limit", "insufficient storage", "переполнен",
    "превышена квота", "превысил квоту",
)  # fmt: skip
_REFUSED = (
    "spam", "blacklist", "blocklist", "blocked", "black list", "policy", "dmarc", "spf ",
    "access denied", "not authorized", "reputation", "refused by", "спам", "запрещен", "отклонено",
)  # fmt: skip
_GENERAL = frozenset({"", "0.0", "5.0", "3.0"})
_HARD_CODES = frozenset({"2.1", "4.4", "1.10"})
_ABOUT_US = frozenset({"1.7", "1.8"})  # the sender's address is refused, not the recipient's


def status_in(text: str) -> str:
    """The enhanced status code in words of a mail system; empty where there is none."""
    found = _AFTER_REPLY.search(text)
    if found:
        return found.group(1)
    code = _STATUS.search(text)
    return code.group() if code else ""


def kind_of_failure(status: str, words: str) -> ReportKind:
    """What a failure comes to, by its code and what was said with it."""
    code = status.partition(".")[2]
    said = words.lower()
    if code == "2.2":
        return ReportKind.FULL
    if code in _ABOUT_US:
        return ReportKind.REJECTED
    is_final = status.startswith("5")
    if is_final and (code.startswith("1.") or code in _HARD_CODES):
        return ReportKind.HARD
    by_words = _kind_by_words(said)
    if code.startswith("7.") and is_final:
        return by_words if by_words is ReportKind.HARD else ReportKind.REJECTED
    if status.startswith("4"):
        return ReportKind.FULL if by_words is ReportKind.FULL else ReportKind.SOFT
    if code in _GENERAL or by_words in (ReportKind.HARD, ReportKind.FULL):
        return by_words
    return ReportKind.SOFT


def _kind_by_words(said: str) -> ReportKind:
    if any(words in said for words in _FULL):
        return ReportKind.FULL
    if any(words in said for words in _NO_SUCH_USER):
        return ReportKind.HARD
    if any(words in said for words in _NO_SUCH_DOMAIN):
        return ReportKind.HARD
    return ReportKind.REJECTED if any(words in said for words in _REFUSED) else ReportKind.SOFT
