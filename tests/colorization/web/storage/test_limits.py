from colorization.web.storage.limits import Limits


def test_bounds_fit_each_other() -> None:
    """A largest photo comes with references, and its result has room beside it on the disk."""
    limits = Limits()
    assert 2 * limits.upload_bytes <= limits.request_bytes <= limits.stored_bytes / 2
    assert limits.queued_photos < limits.open_photos  # all of a queue can be worked on
    assert limits.candidates <= limits.references
    # all results of a queue and their zip, and what comes meanwhile
    assert 2 * limits.queued_bytes + limits.request_bytes < limits.stored_bytes
