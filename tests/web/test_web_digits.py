"""Numbers in queries and paths are ASCII digits: nothing that Python's int() and float() add."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from web_station import Client, Station

ARABIC, FULLWIDTH, DEVANAGARI = "٣", "\uff13", "३"
ODD = [
    ARABIC,
    FULLWIDTH,
    DEVANAGARI,
    "1_0",
    "+1",
    " 1",
    "1 ",
    "\uff11_\uff10",
    "0x1",
    "²",
    "inf",
    "nan",
]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize(
    "path",
    ["/api/v1/events?after={}", "/api/v1/events?limit={}", "/api/v1/tests?limit={}",
     "/api/v1/tests.csv?limit={}"],
)  # fmt: skip
def test_a_query_number_is_ascii(shared: tuple[Station, Client], path: str, text: str) -> None:
    answer = shared[1].get(path.format(quote(text, safe="")))
    assert answer.status == 422
    assert "is refused: allowed is" in answer.json["reason"]


@pytest.mark.parametrize(
    "text", [*ODD[:4], "1e999", "٢٠٢٦-01-01", "\uff12\uff10\uff12\uff16-01-01T00:00:00Z", "inf"]
)
@pytest.mark.parametrize("key", ["from", "to"])
@pytest.mark.parametrize("path", ["/api/v1/trends", "/api/v1/trends.csv"])
def test_a_query_time_is_ascii(
    shared: tuple[Station, Client], path: str, key: str, text: str
) -> None:
    answer = shared[1].get(f"{path}?{key}={quote(text, safe='')}")
    assert answer.status in (404, 422) if path.endswith("csv") else answer.status == 422


@pytest.mark.parametrize("text", [*ODD, "9" * 30])
@pytest.mark.parametrize("path", ["/api/v1/tests/{}", "/api/v1/tests/{}/curve.csv", "/report/{}"])
def test_a_number_in_a_path_is_ascii(shared: tuple[Station, Client], path: str, text: str) -> None:
    answer = shared[1].get(path.format(quote(text, safe="")))
    assert answer.status == 404


def test_ascii_numbers_are_taken(shared: tuple[Station, Client]) -> None:
    client = shared[1]
    for path in (
        "/api/v1/events?after=1&limit=10", "/api/v1/trends?from=0&to=10.5",
        "/api/v1/trends?from=2026-01-01T00:00:00Z", "/api/v1/trends?from=1e3",
    ):  # fmt: skip
        assert client.get(path).status == 200, path
