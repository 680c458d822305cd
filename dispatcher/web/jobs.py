"""What staff ask for on the screen and wait for: who does which kind of it."""

from collections.abc import Mapping

from dispatcher.api import launching as api_launching
from dispatcher.engine import Engine
from dispatcher.jobs import Doer, JobRunner
from dispatcher.reporting import stored

DOERS: Mapping[str, Doer] = {
    api_launching.KIND: api_launching.launch,
    stored.KIND: stored.count,
}


def make_runner(engine: Engine) -> JobRunner:
    """The thread of this process that does them; not started yet."""
    return JobRunner(engine, DOERS)
