"""What the tests of the commands of an index share."""

import pytest
from click.testing import Result
from index_command import Run
from typer.testing import CliRunner

from colorization.cli.commands import index_app


@pytest.fixture(scope="session")
def run() -> Run:
    """``rechroma index`` in this process.

    An exception that it does not turn into a line fails the test.
    """

    def invoke(*args: object) -> Result:
        return CliRunner().invoke(index_app, [str(a) for a in args], catch_exceptions=False)

    return invoke
