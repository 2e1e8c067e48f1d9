"""Responses match the OpenAPI document, whatever schemathesis sends. `make fuzz` sends many more requests."""

from pathlib import Path

from tests.fuzz.contract import check, serving

EACH = 9
"""Test cases for each operation in each of the phases `fuzzing` and `stateful`."""

CASES = 300
"""Minimum number of test cases sent to each store."""


def test_every_response_matches_the_document(store_url: str, tmp_path: Path) -> None:
    """There is no 5xx and no undocumented status, header or body; valid requests are accepted and invalid ones refused."""
    with serving(store_url, tmp_path) as address:
        outcome = check(address, tmp_path, each=EACH, seed=1, phases="examples,fuzzing,stateful")
    assert not outcome.failures, outcome.output
    assert outcome.cases >= CASES
