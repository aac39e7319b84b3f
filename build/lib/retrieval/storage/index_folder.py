"""The folder of an index is made once and changed by one writer at a time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from retrieval.safe_files import locked, with_cure
from retrieval.storage.manifest import FEATURES, LOCK


@contextmanager
def sole_writer(index_dir: Path) -> Iterator[None]:
    """Hold the folder's lock; the system releases it when a writer dies.

    Raises:
        ValueError: another writer is at work.
        OSError: the folder cannot be written to.
    """
    with ExitStack() as held:
        try:
            refusal = f"{index_dir}: another build-index is writing here; wait until it has ended"
            held.enter_context(locked(index_dir / LOCK, refusal))
        except OSError as error:
            raise with_cure(error, index_dir, "index") from error
        yield


def make_index_folder(index_dir: Path) -> None:
    """Make the folders of an index.

    Raises:
        ValueError: the folder holds something else.
        OSError: it cannot be made.
    """
    if (
        index_dir.is_dir()
        and not (index_dir / FEATURES).is_dir()
        and any(path.name != LOCK for path in index_dir.iterdir())
    ):
        raise ValueError(
            f"{index_dir}: the folder is not empty and holds no index; choose another --index"
        )
    try:
        (index_dir / FEATURES).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise with_cure(error, index_dir / FEATURES, "index") from error
