"""The service answers as its OpenAPI document says, whatever schemathesis sends; `make fuzz` sends far more."""

from pathlib import Path

from tests.fuzz.contract import check, serving

EACH = 9
"""Cases of each operation, in each of the phases `fuzzing` and `stateful`."""

CASES = 300
"""How many cases are sent at least to each store."""


def test_every_answer_is_as_the_document_says(store_url: str, tmp_path: Path) -> None:
    """No 5xx, no status, header or body that is not documented, nothing valid refused and nothing invalid taken."""
    with serving(store_url, tmp_path) as address:
        outcome = check(address, tmp_path, each=EACH, seed=1, phases="examples,fuzzing,stateful")
    assert not outcome.failures, outcome.output
    assert outcome.cases >= CASES
