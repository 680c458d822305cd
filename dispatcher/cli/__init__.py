"""The command line. Exit codes: 0 fine, 1 found something wrong, 2 bad use or bad input."""

import os
import sys

from templates.i18n import set_language


def main() -> None:
    """Run a command; errors that a person can mend are told in words, without a traceback."""
    # The language of the help itself is needed before the settings are read.
    set_language(os.environ.get("DISPATCHER_LANGUAGE", "ru"))
    from dispatcher.cli.app import build
    from dispatcher.cli.screen import tell_error
    from dispatcher.errors import DispatcherError, LedgerAway
    from templates.problem import Refused

    wanted = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        build(wanted)()
    except DispatcherError as error:
        tell_error(str(error))
        sys.exit(error.exit_code)
    except Refused as error:
        tell_error(str(error), *error.problems)
        sys.exit(2)
    except BrokenPipeError:
        # Whoever read our output has had enough (`| head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if not _says_that_the_ledger_is_away(error):
            raise
        tell_error(str(LedgerAway()))
        sys.exit(LedgerAway.exit_code)


def _says_that_the_ledger_is_away(error: Exception) -> bool:
    """Only a command that opened the ledger can be told so by it; the others do not import it."""
    connection = sys.modules.get("dispatcher.ledger.connection")
    return connection is not None and connection.may_pass(error)
