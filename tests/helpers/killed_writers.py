"""Change indexes on order, each in a process that may be killed.

A program of its own: one process has loaded everything and forks for each order, a line of JSON on
its standard input. It has a single thread, so that forking is safe.
"""

import json
import os
import select
import signal
import sys
import time
from pathlib import Path

import torch

from retrieval.building.builder import BuildOptions, build_index
from retrieval.maintenance.merge import merge_indexes
from retrieval.maintenance.relink import relink
from retrieval.maintenance.remove import remove_photos
from similarity.backbone.backbone import load_backbone

torch.set_num_threads(1)
network = load_backbone()


def build(photos, index, progress=None):
    options = BuildOptions(workers=0, batch=1, shard_photos=4)
    build_index([Path(photos)], Path(index), network, options, progress)


ORDERS = {
    "build": build,
    "remove": lambda index, pattern: remove_photos(Path(index), pattern),
    "relink": lambda index, root: relink(Path(index), [Path(root)]),
    "merge": lambda a, b, out: merge_indexes([Path(a), Path(b)], Path(out)),
}


def die_at(number, after):
    replace, seen = Path.replace, []

    def counting(self, target):
        seen.append(target)
        if len(seen) == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(self, target)
        if len(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    Path.replace = counting


for line in sys.stdin:
    order = json.loads(line)
    steps, told = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            if "die_at" in order:
                die_at(*order["die_at"])
            more = {}
            if order["what"] == "build":
                more = {"progress": lambda done, total, told=told: os.write(told, b".")}
            ORDERS[order["what"]](*order["arguments"], **more)
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    if "kill_after" in order:
        photos, seconds = order["kill_after"]
        deadline = time.monotonic() + 30
        while photos > 0 and time.monotonic() < deadline and select.select([steps], [], [], 5)[0]:
            photos -= len(os.read(steps, 1))
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(steps)
    os.close(told)
    print(status, flush=True)
