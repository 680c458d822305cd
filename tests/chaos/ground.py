"""The ground a town stands on: machines with addresses of their own, or this machine alone.

On Linux, as root, every machine is a network namespace on one bridge. All of it lies within
namespaces of the harness's own (network, mounts, processes): whatever dies, nothing is left over.

The machines have addresses of 127.77.0.0/24. The program speaks without TLS to loopback addresses
alone; so it does here, and every packet goes over a cable that can be pulled out nevertheless.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

INSIDE = "CHAOS_NAMESPACES"  # set for a harness that stands in namespaces of its own
OWN_ADDRESS = "127.77.0.1"


class Ground(Protocol):
    """Where processes run. `separate` says whether a machine can be cut off from the others."""

    separate: bool

    def settle(self, machine: str) -> None:
        """Make room for a machine."""

    def address(self, machine: str) -> str: ...

    def port(self, wanted: int) -> int:
        """That port, or a free one where others listen on the same address."""

    def on(self, machine: str, command: Sequence[str]) -> list[str]:
        """The command that runs a command there; it keeps its process id."""

    def cut(self, machine: str) -> None:
        """Pull its cable out."""

    def mend(self, machine: str) -> None: ...


class OneMachine:
    """Everything on 127.0.0.1, told apart by ports; no cables to pull."""

    separate = False

    def settle(self, machine: str) -> None:
        pass

    def address(self, machine: str) -> str:
        return "127.0.0.1"

    def port(self, wanted: int) -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            return int(free.getsockname()[1])

    def on(self, machine: str, command: Sequence[str]) -> list[str]:
        return list(command)

    def cut(self, machine: str) -> None:
        raise NotImplementedError("there are no cables on one machine")

    mend = cut


class Namespaces:
    """A network namespace for every machine, and a bridge on which the harness stands itself."""

    separate = True

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        Path("/run/netns").mkdir(exist_ok=True)
        _run("mount", "-t", "tmpfs", "none", "/run/netns")
        _plain_loopback()
        _run("ip", "link", "add", "town", "type", "bridge")
        _allow_loopback_addresses("town")
        _run("ip", "addr", "add", f"{OWN_ADDRESS}/24", "dev", "town", "scope", "global")
        _run("ip", "link", "set", "town", "up")

    def settle(self, machine: str) -> None:
        number = self._numbers[machine] = len(self._numbers) + 2
        cable = f"cable{number}"
        _run("ip", "netns", "add", machine)
        pair = ("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0")
        _run(*pair, "netns", machine)
        _run("ip", "link", "set", cable, "master", "town", "up")
        inside = ("ip", "netns", "exec", machine)
        _plain_loopback(inside)
        _allow_loopback_addresses("eth0", inside)
        address = f"127.77.0.{number}/24"
        _run(*inside, "ip", "addr", "add", address, "dev", "eth0", "scope", "global")
        _run(*inside, "ip", "link", "set", "eth0", "up")

    def address(self, machine: str) -> str:
        return f"127.77.0.{self._numbers[machine]}"

    def port(self, wanted: int) -> int:
        return wanted

    def on(self, machine: str, command: Sequence[str]) -> list[str]:
        return ["ip", "netns", "exec", machine, *command]

    def cut(self, machine: str) -> None:
        _run("ip", "link", "set", f"cable{self._numbers[machine]}", "down")

    def mend(self, machine: str) -> None:
        _run("ip", "link", "set", f"cable{self._numbers[machine]}", "up")


def find_ground() -> Ground:
    return Namespaces() if os.environ.get(INSIDE) else OneMachine()


def enter_namespaces() -> None:
    """Begin anew inside namespaces of our own, where this machine allows it; else do nothing."""
    if os.environ.get(INSIDE) or not _can_be_separate():
        return
    command = ["unshare", *_UNSHARED, sys.executable, "-m", "tests.chaos", *sys.argv[1:]]
    os.environ[INSIDE] = "yes"
    os.execvp(command[0], command)


# With --kill-child the whole town dies with its harness, however that dies.
_UNSHARED = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def _can_be_separate() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    if any(shutil.which(tool) is None for tool in ("unshare", "ip", "sysctl", "setpriv")):
        return False
    trial = "mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip netns add trial"
    trial += " && ip link add trial0 type veth peer name eth0 netns trial"
    command = ["unshare", *_UNSHARED, "sh", "-ec", trial]
    tried = subprocess.run(command, check=False, capture_output=True)
    return tried.returncode == 0


def _plain_loopback(inside: Sequence[str] = ()) -> None:
    """127.0.0.1 stays; the rest of its network is for the machines of the town."""
    _run(*inside, "ip", "link", "set", "lo", "up")
    _run(*inside, "ip", "addr", "del", "127.0.0.1/8", "dev", "lo")
    _run(*inside, "ip", "addr", "add", "127.0.0.1/32", "dev", "lo")


def _allow_loopback_addresses(cable: str, inside: Sequence[str] = ()) -> None:
    for where in ("all", cable):
        _run(*inside, "sysctl", "-qw", f"net.ipv4.conf.{where}.route_localnet=1")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
