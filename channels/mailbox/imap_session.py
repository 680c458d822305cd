"""One connection to one IMAP folder: look, fetch, mark, move, and wait for the next letter.

A letter that is taken in is marked with a keyword of ours, so that no client's "read" or "unread"
makes us miss one, and moved. Where a folder keeps no keywords, the ledger's memory of uids does.
"""

import contextlib
import imaplib
import ssl
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError
from imap_tools.utils import encode_folder

from channels.mailbox import imap_answers
from channels.mailbox.account import MailboxAccount
from channels.mailbox.imap_answers import Measure, uid_set
from channels.mailbox.imap_client import Box, Client
from channels.mailbox.imap_troubles import LoginRefused, NoFolder, Refused, is_passing
from channels.mailbox.imap_wire import ALLOWED_BYTES, Stopped, Wire

MARK = "$Dispatcher"
MAX_NUMBER = 2**32 - 1  # of a uid (RFC 3501, section 2.3.1.1)
DONE_SECONDS = 10.0  # a server that does not end IDLE in time is dead
FETCH_SECONDS = 600.0


class ImapSession:
    """Made by `open_session`. Every method may raise OSError or imaplib's errors: the connection is
    lost then; Stopped; and Refused, after which it goes on."""

    def __init__(self, box: Box, account: MailboxAccount, stopped: threading.Event) -> None:
        self._box, self._client, self._stopped = box, box.client, stopped
        self._folder, self._done = account.folder, account.done
        self._log_in(account)
        self._capabilities = self._offered()
        self._has_idle = "IDLE" in self._capabilities
        self._narrows = True
        self._open()

    def waiting(self, keys: str = "") -> Sequence[int]:
        """The uids of what is not marked, the oldest first; of these what `keys` of SEARCH fit,
        where the server understands them."""
        self._client.untagged_responses.clear()
        unmarked = f"UNKEYWORD {MARK}" if self.keeps_marks else "ALL"
        if keys and self._narrows:
            try:
                return self._search(f"{unmarked} {keys}")
            except Refused:
                self._narrows = False
        return self._search(unmarked)

    def left_behind(self) -> Sequence[int]:
        """What was marked and not moved before a connection was lost. What a person flagged, or we
        for a person, stays where it is."""
        if not (self.keeps_marks and self.can_move):
            return ()
        return self._search(f"KEYWORD {MARK} UNFLAGGED")

    @property
    def has_news(self) -> bool:
        """Whether the server told of new messages since the last search."""
        return "EXISTS" in self._client.untagged_responses

    def measures(self, uids: Collection[int]) -> Mapping[int, Measure]:
        """Sizes and arrivals. What has vanished meanwhile is left out."""
        self._allow()
        answer = self._uid("FETCH", uid_set(uids), "(UID RFC822.SIZE INTERNALDATE)")
        return imap_answers.measures(answer)

    def bodies(self, uids: Collection[int], expected_bytes: int) -> Mapping[int, bytes]:
        """Whole letters, unread as they were. Some servers round sizes: twice as much may come."""
        self._allow(2 * expected_bytes + ALLOWED_BYTES)
        return imap_answers.bodies(self._uid("FETCH", uid_set(uids), "(UID BODY.PEEK[])"))

    def beginning(self, uid: int, size_bytes: int) -> bytes | None:
        """The first bytes of a letter; None when it has vanished."""
        self._allow(size_bytes + ALLOWED_BYTES)
        answer = self._uid("FETCH", str(uid), f"(UID BODY.PEEK[]<0.{size_bytes}>)")
        body = imap_answers.bodies(answer).get(uid)
        return None if body is None else body[:size_bytes]

    def mark(self, uids: Collection[int], *, for_a_person: bool = False) -> None:
        """So that they are not looked at again, and that people see what happened."""
        wanted = [MARK] if self.keeps_marks else []
        wanted += [
            flag
            for flag in ("\\Seen", *(["\\Flagged"] if for_a_person else []))
            if flag.upper() in self._flags
        ]
        if uids and wanted and self._is_writable:
            self._uid("STORE", uid_set(uids), "+FLAGS.SILENT", f"({' '.join(wanted)})")

    def move(self, uids: Collection[int]) -> None:
        """To the folder for what is done, which is made if it is missing."""
        if not (uids and self.can_move):
            return
        try:
            self._move(uid_set(uids))
        except Refused:
            with contextlib.suppress(ImapToolsError, imaplib.IMAP4.error):
                self._allow()
                self._box.folder.create(self._done)
            self._move(uid_set(uids))

    def rest(self, seconds: float) -> None:
        """Until the server tells of a new letter, at most so long. Then the folder is opened
        anew: it may have been made anew meanwhile, and not every server tells."""
        if not (self._has_idle and self._idle(seconds)) and self._stopped.wait(seconds):
            raise Stopped
        if not self.has_news:
            self._open()

    def close(self) -> None:
        self._client.wire.close()

    def _log_in(self, account: MailboxAccount) -> None:
        username = account.username or account.address
        password = account.password.get_secret_value()
        plain = (username + password).isascii() and (username + password).isprintable()
        self._allow()
        try:
            if plain and "LOGINDISABLED" not in self._client.capabilities:
                self._box.login(username, password, initial_folder=None)
            else:
                self._box.login_utf8(username, password, initial_folder=None)
        except imaplib.IMAP4.abort:
            raise
        except (MailboxLoginError, imaplib.IMAP4.error) as error:
            told = error.command_result if isinstance(error, MailboxLoginError) else error
            if is_passing(told):
                raise
            raise LoginRefused from error

    def _offered(self) -> Collection[str]:
        """Many servers offer more to who is logged in, which imaplib does not notice."""
        self._allow()
        _typ, answer = self._client.capability()
        return str(answer[-1] or b"", "ascii", "replace").upper().split()

    def _open(self) -> None:
        self._is_writable = self._select()
        self.uid_validity = self._validity()
        # A server that names none keeps all it knows (RFC 3501, section 7.1); ours it may not.
        flags = self._told("PERMANENTFLAGS") or "(\\Seen \\Flagged)"
        self._flags = {flag.upper() for flag in flags.strip("()").split()}
        self.keeps_marks = self._is_writable and bool({"\\*", MARK.upper()} & self._flags)
        # With neither, moving would take an EXPUNGE of what others marked as deleted.
        able = bool({"MOVE", "UIDPLUS"} & set(self._capabilities))
        self.can_move = bool(self._done) and self._is_writable and able

    def _select(self) -> bool:
        """Whether it may be written to."""
        for read_only in (False, True):
            self._allow()
            try:
                self._box.folder.set(self._folder, readonly=read_only)
            except imaplib.IMAP4.readonly:
                continue
            except MailboxFolderSelectError as error:
                raise NoFolder from error
            return not read_only
        raise NoFolder

    def _validity(self) -> int:
        told = self._told("UIDVALIDITY")
        if not (told.isdigit() and len(told) <= 10 and int(told) <= MAX_NUMBER):
            raise imaplib.IMAP4.abort("no UIDVALIDITY")
        return int(told)

    def _told(self, code: str) -> str:
        """What the server said with SELECT."""
        _typ, answer = self._client.response(code)
        return str(answer[-1] or b"", "ascii", "replace") if answer else ""

    def _search(self, criteria: str) -> Sequence[int]:
        self._allow()
        try:
            found = self._box.uids(criteria, charset=None)
        except imaplib.IMAP4.abort:
            raise
        except (ImapToolsError, imaplib.IMAP4.error) as error:
            raise Refused from error
        if (told := self._told("UIDVALIDITY")) and told != str(self.uid_validity):
            raise imaplib.IMAP4.abort("the folder was made anew")
        uids = {int(uid) for uid in found if uid.isdigit() and len(uid) <= 10}
        return sorted(uid for uid in uids if 0 < uid <= MAX_NUMBER)

    def _move(self, uids: str) -> None:
        done = encode_folder(self._done)
        if "MOVE" in self._capabilities:
            self._uid("MOVE", uids, done)
            return
        self._uid("COPY", uids, done)
        self._uid("STORE", uids, "+FLAGS.SILENT", "(\\Deleted)")
        self._uid("EXPUNGE", uids)

    def _idle(self, seconds: float) -> bool:
        """False when the server does not want to after all."""
        client = self._client
        self._allow()
        tag = client._command("IDLE")
        # What is new may be told before the server agrees to IDLE.
        while client._get_response() is not None:
            if client.tagged_commands[tag]:
                client.tagged_commands.pop(tag)
                self._has_idle = False
                return False
        end = time.monotonic() + seconds
        while not self._interrupted(tag) and (left := end - time.monotonic()) > 0:
            if client.wire.has_input(left):
                client._get_response()
        if client.tagged_commands[tag]:  # it ended of itself
            client.tagged_commands.pop(tag)
            return True
        client.wire.allow(seconds=DONE_SECONDS)
        client.send(b"DONE\r\n")
        self._box.consume_until_tagged_response(tag)
        return True

    def _interrupted(self, tag: bytes) -> bool:
        told = self._client.untagged_responses
        return "EXISTS" in told or "BYE" in told or bool(self._client.tagged_commands[tag])

    def _uid(self, command: str, *arguments: Any) -> Iterable[object]:
        """The answer to a command by uid. Raises Refused."""
        if command != "FETCH":
            self._allow()
        try:
            typ, answer = self._client.uid(command, *arguments)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            raise Refused from error
        finally:
            self._client.untagged_responses.pop("FETCH", None)
        if typ != "OK":
            raise Refused
        return answer

    def _allow(self, size_bytes: int = ALLOWED_BYTES) -> None:
        seconds = FETCH_SECONDS if size_bytes > ALLOWED_BYTES else 120.0
        self._client.wire.allow(size_bytes, seconds)


def open_session(
    account: MailboxAccount,
    stopped: threading.Event,
    *,
    timeout_seconds: float,
    tls_context: ssl.SSLContext | None = None,
) -> ImapSession:
    """Connect, log in and open the folder. Raises LoginRefused, NoFolder, and what a connection
    may raise."""
    wire = Wire(stopped, timeout_seconds)
    try:
        return ImapSession(
            Box(
                lambda: Client(
                    wire, account.host, account.port, tls=account.tls, context=tls_context
                )
            ),
            account,
            stopped,
        )
    except BaseException:
        wire.close()
        raise
