"""Ports that we listen at: what is told when one cannot be had."""

import errno
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from dispatcher.errors import BadSetting
from templates.i18n import _


@contextmanager
def listening(setting: str, host: str, port: int, advice: str = "") -> Iterator[None]:
    """Whatever begins to listen at a port stands in here: raises BadSetting where it cannot.

    `setting` holds the port; `advice` says what to do where the port is another program's.
    """
    try:
        yield
    except (OSError, UnicodeError) as error:  # a host's name can be none at all
        code = error.errno if isinstance(error, OSError) else None
        place = {"host": host, "port": port}
        if code == errno.EADDRINUSE:
            taken = _("{host}:{port} is taken by another program.").format(**place)
            raise BadSetting(setting, f"{taken} {advice}".rstrip()) from None
        if code in (errno.EACCES, errno.EPERM):
            told = _("we may not listen at port {port}: take one above 1023.").format(**place)
            raise BadSetting(setting, told) from None
        told = _("{host} is no address of this machine.").format(**place)
        raise BadSetting(setting.replace("_PORT", "_HOST"), told) from None


def need_free(host: str, ports: Mapping[str, int]) -> None:
    """Raises BadSetting for the first of these ports, by the names of their settings, that cannot
    be had beside the others."""
    with ExitStack() as stack:
        for setting, port in ports.items():
            with listening(setting, host, port):
                stack.enter_context(socket.create_server((host, port)))
