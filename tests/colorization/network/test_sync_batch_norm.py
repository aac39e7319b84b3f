"""Two processes together must do what one does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

from colorization.network.sync_batch_norm import SyncBatchNorm2d

PROGRAM = """
import os, sys
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from colorization.network.sync_batch_norm import SyncBatchNorm2d

torch.manual_seed(0)
first = nn.Conv2d(2, 4, 3), SyncBatchNorm2d(4), nn.ReLU()
network = nn.Sequential(*first, nn.Conv2d(4, 3, 3), SyncBatchNorm2d(3))
x, wanted = torch.randn(4, 2, 9, 8), torch.randn(4, 3, 5, 4)
rank, team = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
wrapped = network
if team > 1:
    dist.init_process_group("gloo")
    wrapped = DistributedDataParallel(network)
optimizer = torch.optim.SGD(network.parameters(), 0.1)
share = slice(rank * 4 // team, (rank + 1) * 4 // team)
losses = []
for _ in range(3):
    loss = (wrapped(x[share]) - wanted[share]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    mean = loss.detach().clone()
    if team > 1:
        dist.all_reduce(mean)
        mean /= team
    losses.append(float(mean))
if rank == 0:
    torch.save({"losses": losses, "state": network.state_dict()}, sys.argv[1])
if team > 1:
    # it holds the process group, whose threads may abort an interpreter that ends while they run
    del wrapped
    dist.barrier()
    dist.destroy_process_group()
sys.stderr.flush()
os._exit(0)  # what is tested is written; torch's own threads may still abort in an ordinary exit
"""


def train(folder: Path, team: int) -> dict[str, object]:
    program, out = folder / "program.py", folder / f"{team}.pt"
    program.write_text(PROGRAM)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(team),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, str(program), str(out)], env={**shared, "RANK": str(rank)}
        )
        for rank in range(team)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0] * team
    found: dict[str, object] = torch.load(out, weights_only=True)
    return found


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    one, two = train(tmp_path, 1), train(tmp_path, 2)
    torch.testing.assert_close(two["losses"], one["losses"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(two["state"], one["state"], rtol=1e-4, atol=1e-5)


def test_alone_it_is_batch_norm() -> None:
    ours, theirs = SyncBatchNorm2d(3), nn.BatchNorm2d(3)
    x = torch.randn(4, 3, 5, 6, generator=torch.Generator().manual_seed(0))
    for is_training in (True, False):
        torch.testing.assert_close(ours.train(is_training)(x), theirs.train(is_training)(x))
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
