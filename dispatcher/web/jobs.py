"""What staff ask for on the screen and wait for: who does which kind of it."""

from collections.abc import Mapping

from dispatcher import approving, launching, uploading
from dispatcher.api import launching as api_launching
from dispatcher.engine import Engine
from dispatcher.jobs import Doer, JobRunner, Remains
from dispatcher.reporting import stored

DOERS: Mapping[str, Doer] = {
    approving.REHEARSE: launching.rehearse,
    approving.LAUNCH: launching.launch,
    stored.KIND: stored.count,
    api_launching.KIND: api_launching.launch,
    uploading.IMPORT: uploading.import_upload,
    uploading.DISCARD: uploading.discard_list,
}

REMAINS: Mapping[str, Remains] = {
    approving.LAUNCH: launching.launched_already,
    api_launching.KIND: api_launching.launched_already,
    uploading.IMPORT: uploading.imported_already,
}


def make_runner(engine: Engine) -> JobRunner:
    """The thread of this process that does them; not started yet."""
    return JobRunner(engine, DOERS, REMAINS)
