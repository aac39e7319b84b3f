import numpy as np
import pytest
from PIL import Image

from colorization.web.examples import EXAMPLES, example_photo, example_thumbnail
from colorization.web.storage.file_store import FileStore


def test_there_are_two_gray_ones(store: FileStore) -> None:
    assert len(EXAMPLES) == 2
    for name in EXAMPLES:
        path = example_photo(name, store)
        assert store.holds(str(path)) and path.name == f"{name}.jpg"
        found = Image.open(path)
        assert found.mode == "L" and min(found.size) >= 256 and np.asarray(found).std() > 20
        assert max(Image.open(example_thumbnail(name, store)).size) <= 144


@pytest.mark.parametrize("name", ["", "coffee", "../a", "__file__"])
def test_others_are_not_there(store: FileStore, name: str) -> None:
    for make in (example_photo, example_thumbnail):
        with pytest.raises(ValueError, match="no such example"):
            make(name, store)
