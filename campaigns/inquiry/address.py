"""An address as the judgement reads it: whose it is, and whether anybody sits behind it.

Addresses are strangers' texts: nothing here raises, and everything takes linear time.
"""

import re
import unicodedata
from functools import cache

from campaigns.inquiry.letter import Mailbox

LONGEST = 254  # octets, RFC 5321 section 4.5.3.1.3 without the angle brackets
LONGEST_LOCAL = 64
LONGEST_WRITTEN = 2000  # characters of a header that one address is looked for in

# What would need quoting, or could be read as a second address.
_UNSAFE = frozenset('<>()[],;:\\"')

_MAIL_SYSTEM = frozenset({"mailerdaemon", "maildaemon", "postmaster"})
# The mailbox by which an Exchange server writes reports: the number is that of the organisation.
_EXCHANGE = re.compile(r"microsoftexchange[0-9a-f]{32}")
# Of web servers and schedulers: mail to them is read by nobody.
_ACCOUNTS = frozenset(
    {"wwwdata", "wwwrun", "apache", "httpd", "nginx", "bitrix", "nobody", "root", "daemon", "cron"}
)
# Words of a local part that say so wherever they stand in it: noreply-bills, shop.no_reply.
_NO_REPLY = """
noreply donotreply no_reply no_replies noreplies no_replay noreplay do_not_reply dont_reply
don_t_reply dontreply do_not_respond donotrespond do_not_answer donotanswer autoreply auto_reply
autoresponder auto_responder нетответа нет_ответа безответа без_ответа неотвечать не_отвечать
неотвечайте не_отвечайте netotveta net_otveta bezotveta bez_otveta neotvechat ne_otvechat
neotvechayte ne_otvechayte neotvechaite ne_otvechaite
"""
_NO_REPLY_BEGINNINGS = ("noreply", "donotreply")
# Goes on as names of people end: noreplyev@ may be one.
_SURNAME = re.compile(r"noreply(?:ak|nik)?(?:[oey]v|yev|in|sk(?:iy|y|i|ay)|enko)a?[0-9]{0,4}")
# These say so only alone: bounce-studio@ and ivan.mailer@ may be people.
_NO_REPLY_ALONE = frozenset({"bounce", "bounces", "mailer", "notification", "notifications"})

# What mail systems and lists make of an address, so that a bounce tells whose letter came back.
# SRS0=, prvs=, btv1= and VERP all have the sign "=", which no person's address has.
_REWRITTEN = re.compile(r"srs[01][-+]|bounces?([-+._]|$)|owner-|returns?[-+]")
_REWRITTEN_ENDS = ("-bounce", "-bounces", "-return", "-returns", "-owner", "-admin", "-request")


def local_of(address: str) -> str:
    return address.rpartition("@")[0] or address.rstrip("@")


def domain_of(address: str) -> str:
    """In ASCII and small letters; empty where it is none that could stand in an envelope."""
    domain = address.rpartition("@")[2].casefold().rstrip(".") if "@" in address else ""
    if not domain or len(domain) > LONGEST:
        return ""
    try:
        plain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return plain if len(plain) <= LONGEST else ""


def likeness(address: str) -> str:
    """Equal for addresses of one mailbox: with another tag, in other letters, in Punycode."""
    local = unicodedata.normalize("NFC", local_of(address)).casefold()
    domain = domain_of(address) or address.rpartition("@")[2].casefold()
    return f"{_untagged(local)}@{domain}"


def is_usable(address: str) -> bool:
    """Whether one letter can be sent there, to one recipient and no other."""
    if len(address) > LONGEST or any(map(_is_unsafe, address)):
        return False
    local, domain = local_of(address), domain_of(address)
    return (
        bool(local and domain)
        and len(address.encode("utf-8", "replace")) <= LONGEST
        and len(local.encode("utf-8", "replace")) <= LONGEST_LOCAL
        and "@" not in local
    )


def tidy(address: str) -> str:
    """As `Mailbox` keeps it: the domain in small letters, the whole where it is ASCII."""
    text = address.strip()
    if text.isascii():
        return text.lower()
    local, at, domain = text.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def written(value: str) -> Mailbox:
    """The address of a header that holds one, with or without a name before it."""
    text = value[:LONGEST_WRITTEN]
    before, bracket, after = text.rpartition("<")
    if bracket:
        return Mailbox(tidy(after.partition(">")[0]), before.strip().strip('"').strip())
    return Mailbox(tidy(text.partition("(")[0]))


def is_mail_system(address: str) -> bool:
    """MAILER-DAEMON and postmaster, however they are spelt, and Exchange's own mailbox."""
    local = _squeezed(_untagged(local_of(address).casefold()))
    return local in _MAIL_SYSTEM or _EXCHANGE.fullmatch(local) is not None


def is_account(address: str) -> bool:
    """Of a program on a server: www-data, apache, root."""
    return _squeezed(local_of(address).casefold()) in _ACCOUNTS


def is_no_reply(address: str) -> bool:
    """Whether its local part says that nobody reads what comes there."""
    local = local_of(address)[: LONGEST * 4].casefold().replace("ё", "е")
    if _untagged(local).rstrip("0123456789._-") in _NO_REPLY_ALONE:
        return True
    words = [word.rstrip("0123456789") for word in re.findall(r"[^\W_]+", local)]
    begins = local.startswith(_NO_REPLY_BEGINNINGS) and not _SURNAME.fullmatch(_untagged(local))
    return begins or any(
        tuple(words[at : at + len(phrase)]) == phrase
        for phrase in _phrases(_NO_REPLY)
        for at in range(len(words) - len(phrase) + 1)
    )


def is_for_bounces(address: str, recipients: tuple[str, ...] = ()) -> bool:
    """Whether an envelope's address is made for bounces: SRS, BATV, VERP, a list's own."""
    local = local_of(address)[: LONGEST * 4].casefold()
    if "=" in local or _REWRITTEN.match(local) or local.endswith(_REWRITTEN_ENDS):
        return True
    domains = {one.rpartition("@")[2].casefold() for one in recipients[:50] if "@" in one}
    return any("." in domain and domain in local for domain in domains)


def related(one: str, other: str) -> bool:
    """Whether two domains belong together: the same, or one within the other."""
    short, long = sorted((domain_of(f"@{one}"), domain_of(f"@{other}")), key=len)
    return bool(short) and (short == long or ("." in short and long.endswith(f".{short}")))


def _is_unsafe(c: str) -> bool:
    return c in _UNSAFE or c.isspace() or unicodedata.category(c)[0] == "C"


@cache
def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(phrase.split("_")) for phrase in text.split())


def _untagged(local: str) -> str:
    return local.partition("+")[0] or local


def _squeezed(local: str) -> str:
    return local[:LONGEST].replace("-", "").replace("_", "").replace(".", "")
