"""Time and memory of `dispatcher demo`: a thousand customers, three channels, two simulated weeks.

python benchmarks/demo.py [--seed 1]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import ROOT, Stopwatch, show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Stopwatch() as watch:
        command = [sys.executable, "-m", "dispatcher", "demo", "--json"]
        command += ["--out", str(Path(folder) / "out"), "--seed", str(options.seed)]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        facts = json.loads(process.stdout.read())
        _pid, status, usage = os.wait4(process.pid, 0)
    row = {
        "exit code": os.waitstatus_to_exitcode(status),
        "attempts received": sum(facts["received"][c] for c in ("phone", "sms", "email")),
        "seconds": round(watch.seconds, 1),
        "CPU seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak MiB": round(usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)),
    }
    show("dispatcher demo", [row])


if __name__ == "__main__":
    main()
