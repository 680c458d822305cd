"""What staff ask for on the screen and wait for: who does which kind of it."""

from collections.abc import Mapping, Sequence

from dispatcher import approving, launching, uploading
from dispatcher.api import launching as api_launching
from dispatcher.engine import Engine
from dispatcher.jobs import Doer, JobRunner, Lanes, Remains
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


# Somebody waits for a rehearsal or a report before the screen; a launch of a million takes minutes,
# and so does a file of them.
LANES: Mapping[str, Sequence[str]] = {
    "jobs-short": (approving.REHEARSE, stored.KIND),
    "jobs-launch": (approving.LAUNCH,),
    "jobs-long": (api_launching.KIND, uploading.IMPORT, uploading.DISCARD),
}


def make_lanes(engine: Engine) -> Lanes:
    """The threads of this process that do them; not started yet."""
    return Lanes(
        [
            JobRunner(engine, {kind: DOERS[kind] for kind in kinds}, REMAINS, name)
            for name, kinds in LANES.items()
        ]
    )


def make_runner(engine: Engine) -> JobRunner:
    """One for all kinds, who does them one after the other."""
    return JobRunner(engine, DOERS, REMAINS)
