from pathlib import Path

from colorization.batch.jobs import Job
from colorization.batch.outcome import Outcome, describe_recommendation
from retrieval.search.recommendation import Recommendation


def test_a_recommendation_as_a_dictionary() -> None:
    one = Recommendation(Path("a") / "b.png", 1.234567, "fair", 0.5, -0.25, 0.11111)
    assert describe_recommendation(one) == {
        "path": str(Path("a") / "b.png"),
        "score": 1.2346,
        "match": "fair",
        "global_score": 0.5,
        "feature_score": -0.25,
        "luminance_score": 0.1111,
        "color_score": 0.0,
    }


def test_an_outcome_as_a_dictionary() -> None:
    job = Job(Path("a.png"), Path("x.png"))
    results = [Path("x-1.png"), Path("x-2.png")]
    one = Outcome(job, [{"path": "r.png"}], 1.23456, results=results[:1])
    assert one.as_dict() == {
        "input": "a.png",
        "output": "x-1.png",
        "references": [{"path": "r.png"}],
        "seconds": 1.235,
        "error": None,
        "notes": [],
        "passed": None,
    }
    several = Outcome(job, results=results, variants=["as it is", "bold"]).as_dict(True)
    assert several["output"] == ["x-1.png", "x-2.png"]
    assert several["variants"] == ["as it is", "bold"]
    assert Outcome(job, error="damaged").as_dict()["output"] is None
