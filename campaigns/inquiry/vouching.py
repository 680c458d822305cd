"""May a letter speak for whom its From names, where much hangs on it?

From is whatever its writer likes. Without a token of ours nothing proves it; but where the mail
system says that the letter left From's own mailbox, and no check of its origin failed, a forgery
would have had to forge the envelope too, past the checks of both sides.
"""

import re

from campaigns.inquiry.address import likeness
from campaigns.inquiry.letter import Letter
from campaigns.inquiry.reply_to import bare_path

# RFC 8601 and, older, RFC 7208 section 9.1. Whoever wrote them: that a stranger put in a failure
# of their own is no reason to believe the rest.
_CHECKED = ("authentication-results", "arc-authentication-results", "x-authentication-results")
_FAILED = re.compile(
    r"\b(?:spf|dkim|dmarc)\s{0,5}=\s{0,5}(?:hard|soft|perm)?(?:fail|error)\b", re.I
)
_PASSED = re.compile(r"\bdmarc\s{0,5}=\s{0,5}pass\b", re.IGNORECASE)
_MOST_HEADERS = 50


def is_vouched_for(letter: Letter) -> bool:
    """Whether its one From is the mailbox that it was sent from, as far as mail systems tell."""
    path = bare_path(letter)
    if len(letter.senders) != 1 or not path:
        return False
    return likeness(letter.senders[0].address) == likeness(path) and not _failed(letter)


def _failed(letter: Letter) -> bool:
    """A domain's own policy (DMARC) outweighs what forwarding breaks, in the same header."""
    told = [value for name in _CHECKED for value in letter.values(name)[:_MOST_HEADERS]]
    spf = (value.split(None, 1)[:1] for value in letter.values("received-spf")[:_MOST_HEADERS])
    return any(_FAILED.search(value) and not _PASSED.search(value) for value in told) or any(
        word.casefold() in ("fail", "softfail", "permerror") for words in spf for word in words
    )
