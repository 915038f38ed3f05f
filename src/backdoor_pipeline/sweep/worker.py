"""A warm worker process: jobs come as lines of JSON on its standard input, outcomes go back on its output.

    python -m backdoor_pipeline.sweep.worker '{"project": ...}'

It ends when its input does: by the launcher's wish or by its death.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
from dataclasses import asdict
from typing import Any

from backdoor_pipeline.sweep.execution import Job, Site, execute

PATIENCE = 10.0  # seconds that a task has to end its MLflow run before it is cut off


def main() -> None:
    """Work until the input ends."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what scripts start by `&` is born deaf to it
    given: dict[str, Any] = json.loads(sys.argv[1])
    site, gpu = Site(**given["site"]), given["gpu"]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever is printed between tasks must not end up among the answers
    jobs: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    while True:
        outcome = execute(Job(**json.loads(jobs.get())), site, gpu)
        answers.write(json.dumps(asdict(outcome)) + "\n")
        answers.flush()


def _listen(jobs: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        jobs.put(line)
    os.kill(os.getpid(), signal.SIGINT)  # the launcher is gone: end as on Ctrl-C, also out of a blocking call
    time.sleep(PATIENCE)
    os._exit(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
