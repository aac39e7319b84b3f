"""What verifying an index finds."""

from retrieval.maintenance.verify import Finding


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]
