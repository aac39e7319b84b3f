"""What the tests of the export share."""

from collections.abc import Iterator

import pytest
from jaxtyping import config


@pytest.fixture(autouse=True, scope="module")
def _sizes_may_be_symbols() -> Iterator[None]:
    """Torch traces sizes as symbols, which are no whole numbers to the type checks of tests."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)
