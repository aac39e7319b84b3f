"""Describe photos on many machines with Ray Data.

Each worker writes whole shards into the folder of the index. Photo folders and the folder of the
index must have the same path on every machine. A worker that dies is started again by Ray, and its
shard too; a shard that was finished is not.
"""

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from retrieval.building.engines.local import ShardJob, Written, shard_name, write_one_shard
from retrieval.photos.listing import Source
from retrieval.progress import Progress
from retrieval.storage.shards import read_photos

CONNECT_SECONDS = 5.0  # that a cluster may take to answer
_HOST_AND_PORT = re.compile(r"(ray://)?\[?(?P<host>[^/\[\]]+)\]?:(?P<port>\d+)")
Item = dict[str, Any]  # a shard to write: number, name, and the fields of its sources


@dataclass(frozen=True)
class RayOptions:
    """How to use Ray.

    Attributes:
        address: of a cluster, as ``ray.init`` takes it; None starts Ray on this machine and ends it
            afterwards.
        num_workers: processes that describe photos; None is one for each processor, or for each
            worker's share of the GPUs.
        gpus_per_worker: may be a fraction; 0 describes on processors.
    """

    address: str | None = None
    num_workers: int | None = None
    gpus_per_worker: float = 0.0


class ShardWriter:
    """One worker, which holds the network and writes the shards it is given.

    Args:
        job: how to describe photos; each shard brings its own.
        on_gpu: whether the network runs on a GPU.
    """

    def __init__(self, job: ShardJob, on_gpu: bool) -> None:
        backbone = job.extractor.backbone.to("cuda" if on_gpu else "cpu")
        self.job = replace(job, extractor=replace(job.extractor, backbone=backbone))

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[Any]]:
        """Write one shard, unless a worker that died later has finished it.

        Args:
            batch: a single item.

        Returns:
            Its number, the lines about photos that cannot be used, joined by NUL bytes, and why it
            could not be written: what is raised here would reach the user as Ray's own words about
            retries.
        """
        number, name = int(batch["number"][0]), str(batch["name"][0])
        fields = zip(*(batch[key][0] for key in ("root", "path", "size", "mtime_ns")), strict=True)
        sources = [
            Source(bytes(root), bytes(path), int(size), int(mtime))
            for root, path, size, mtime in fields
        ]
        errors, failure = list[str](), ""
        try:
            errors = write_one_shard(replace(self.job, sources=sources), name)
        except (OSError, ValueError) as error:
            failure = str(error)
        return {
            "number": [number],
            "errors": [b"\0".join(os.fsencode(e) for e in errors)],
            "failure": [failure],
        }


def write_shards(
    job: ShardJob, options: RayOptions, unreadable: list[str], progress: Progress | None = None
) -> Written:
    """Describe photos on the workers of a cluster.

    Args:
        job: the photos, and how to describe them.
        options: how to use Ray.
        unreadable: one line for each file that cannot be used is added.
        progress: called with (photos done, photos to do), a shard at a time.

    Yields:
        The path of a shard, and its photos; shards in the order of their photos.

    Raises:
        ValueError: Ray is not installed, or the cluster has no room for a worker.
        OSError: a worker failed, for example because the disk is full.
        ConnectionError: there is no cluster at the address.
    """
    ray = import_ray()
    items = _items(job)
    # a worker may have no GPU, or another one: what travels lies in memory
    backbone = deepcopy(job.extractor.backbone).to("cpu")
    extractor = replace(job.extractor, backbone=backbone)
    # a worker with one processor does all itself; one with a GPU has photos decoded beside it
    workers = job.workers if options.gpus_per_worker else 0
    carried = replace(job, sources=[], extractor=extractor, workers=workers)
    errors, done = dict[int, list[str]](), 0
    with _connected(ray, options):
        for row in _on_workers(ray, items, carried, options):
            number = row["number"]
            errors[number] = [os.fsdecode(line) for line in row["errors"].split(b"\0") if line]
            done += len(items[number]["size"])
            if progress:
                progress(done, len(job.sources))
    for number, item in enumerate(items):
        unreadable += errors[number]
        path = job.folder / item["name"]
        if path.exists():  # not if none of its photos can be used
            yield path, read_photos(path)


def _on_workers(
    ray: Any, items: list[Item], carried: ShardJob, options: RayOptions
) -> Iterator[dict[str, Any]]:
    """What ShardWriter returns of each item, in any order."""
    from ray.data import ActorPoolStrategy

    found = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        ShardWriter,
        batch_size=1,
        compute=ActorPoolStrategy(
            size=min(len(items), _num_workers(ray, options)), max_tasks_in_flight_per_actor=1
        ),
        fn_constructor_args=(carried, options.gpus_per_worker > 0),
        num_cpus=None if options.gpus_per_worker else 1,
        num_gpus=options.gpus_per_worker or None,
    )
    try:
        for row in found.iter_rows():
            if row["failure"]:
                raise OSError(f"a worker of Ray failed: {row['failure']}; finished shards are kept")
            yield row
    except ray.exceptions.RayError as error:
        reason = str(getattr(error, "cause", None) or error).strip().splitlines()[-1]
        raise OSError(
            f"a worker of Ray failed: {reason};"
            " the previous index is intact, finished shards are kept"
        ) from error


def import_ray() -> Any:
    """The ray package.

    Raises:
        ValueError: it is not installed; the message says how to.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # what goes wrong is raised; the rest would break into the progress
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ValueError(
            f'--engine ray needs Ray ({error.name} is missing): pip install -e ".[ray]"'
        ) from error
    return ray


def _items(job: ShardJob) -> list[Item]:
    """One for each shard. Names are given here: so a shard that is begun again is the same file."""
    parts = [
        job.sources[i : i + job.shard_photos] for i in range(0, len(job.sources), job.shard_photos)
    ]
    keys = ("root", "path", "size", "mtime_ns")
    return [
        {"number": n, "name": shard_name(), **{k: [getattr(s, k) for s in part] for k in keys}}
        for n, part in enumerate(parts)
    ]


@contextmanager
def _connected(ray: Any, options: RayOptions) -> Iterator[None]:
    if ray.is_initialized():
        yield
        return
    if options.address:
        _check_address(options.address)
        ray.init(address=options.address, log_to_driver=False, logging_level="error")
    else:
        workers = options.num_workers or os.cpu_count() or 1
        quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
        # nobody else is to reach it
        ray.init(address="local", num_cpus=workers, _node_ip_address="127.0.0.1", **quiet)
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Refuse one where nothing answers; Ray would try for minutes, and print lines of its own.

    Raises:
        ConnectionError: nothing does.
    """
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or address
    place = _HOST_AND_PORT.fullmatch(address)
    if place is None:
        return  # what Ray finds by itself, or refuses at once
    try:
        socket.create_connection((place["host"], int(place["port"])), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConnectionError(f"--ray-address {address}: no answer ({reason})") from error


def _num_workers(ray: Any, options: RayOptions) -> int:
    kind, what = ("GPU", "GPUs") if options.gpus_per_worker else ("CPU", "processors")
    each = options.gpus_per_worker or 1
    room = int(ray.cluster_resources().get(kind, 0) / each)
    if room < 1:
        raise ValueError(f"Ray has no room for a worker with {each:g} {what}")
    return min(room, options.num_workers or room)
