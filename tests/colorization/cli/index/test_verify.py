import json
from pathlib import Path

from index_command import Run, out

from retrieval.storage.manifest import FEATURES, read_manifest


def test_verify(run: Run, own_index: Path, photo_dir: Path) -> None:
    assert (
        out(run("verify", own_index))
        == f"{own_index}: sound, and its photos are as they were indexed\n"
    )
    assert out(run("verify", own_index, "--no-photos")) == f"{own_index}: sound\n"
    assert json.loads(out(run("verify", own_index, "--json"))) == []
    (photo_dir / "coffee.png").rename(photo_dir / "new\nline.png")
    (photo_dir / "rocket.png").unlink()
    shard = own_index / FEATURES / read_manifest(own_index).shards[1].file
    shard.write_bytes(shard.read_bytes()[:-1])
    (own_index / "index.faiss").unlink()
    lines = out(run("verify", own_index), 1).splitlines()
    assert len(lines) == 3  # rocket is in the shard that is damaged
    assert [line.split(": ")[0] for line in lines] == [
        str(p) for p in (shard, own_index / "index.faiss", photo_dir / "coffee.png")
    ]
    assert lines[0].endswith(
        f"describe its photos again: rechroma build-index {photo_dir} --index {own_index}"
    )
    found = json.loads(out(run("verify", own_index, "--json"), 1))
    assert [f"{f['path']}: {f['problem']}; {f['cure']}" for f in found] == lines
    assert len(out(run("verify", own_index, "--no-photos"), 1).splitlines()) == 2
