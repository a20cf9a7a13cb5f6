"""Recordings, judged against themselves, and their mocks in a book."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keploy_framework.formats.documents import DocumentFile
from keploy_framework.formats.models.mock import Mock
from keploy_framework.formats.models.test_case import TestCase
from keploy_framework.matching.choice.windows import Window
from keploy_framework.matching.judging import judge
from keploy_framework.matching.rules import Rules
from keploy_framework.mocks.book import MockBook
from keploy_framework.mocks.outcomes import Answer

TESTS = """\
version: api.keploy.io/v1beta1
kind: Http
name: test-1
spec:
    metadata: {}
    req:
        method: POST
        url: http://localhost:8080/orders?dry=1
        header:
            Content-Type: application/json
        body: '{"item":"book"}'
        timestamp: 2026-01-22T16:24:02.7012879+05:30
    resp:
        status_code: 201
        header:
            Content-Encoding: gzip
            Content-Length: "54"
            Date: Thu, 22 Jan 2026 10:54:02 GMT
        body: '{"id":9007199254740993,"tags":["b","a"],"at":"2026-01-22"}'
        timestamp: 2026-01-22T16:24:02.7030403+05:30
    assertions:
        noise:
            header.Date: []
            body.at: []
---
version: api.keploy.io/v1beta1
kind: Http
name: test-2
spec:
    req: {method: GET, url: "http://localhost:8080/", header: {}, body: ""}
    resp:
        status_code: 200
        header: {Content-Type: text/event-stream}
        body:
            - ts: 2026-01-22T10:54:03Z
              data: {event: update, data: '[{"id":"abc"}]'}
            - ts: 2026-01-22T10:54:04Z
              data: {data: "[DONE]"}
    assertions:
        noise: [header.Date, body.id]
---
version: api.keploy.io/v1beta2
kind: Http
name: test-3
spec:
    req: {method: GET, url: "http://localhost:8080/page", header: {}, body: ""}
    resp:
        status_code: 200
        header: {Content-Type: text/html}
        body: "<p>\\u00e4</p>"
"""

MOCKS = """\
version: api.keploy.io/v1beta1
kind: Http
name: mock-0
spec:
    metadata: {name: Http, operation: GET, type: HTTP_CLIENT}
    req:
        method: GET
        url: /v2/price?item=book
        header: {Accept-Encoding: gzip, Host: prices.test}
        body: ""
        timestamp: 0001-01-01T00:00:00Z
    resp:
        status_code: 200
        header: {Content-Encoding: gzip, Content-Length: "17", Content-Type: application/json}
        body: '{"price":100}'
    reqTimestampMock: 2026-01-22T16:24:02.7020000+05:30
    resTimestampMock: 2026-01-22T16:24:02.7025000+05:30
---
version: api.keploy.io/v1beta1
kind: Postgres
name: mock-1
spec: {postgresrequests: [], postgresresponses: [], reqtimestampmock: 2026-01-22T10:54:02Z}
"""


@pytest.fixture(params=["by-hand", "public"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder of recordings: written here, or those of public projects."""
    if request.param == "by-hand":
        tests = tmp_path / "keploy" / "test-set-0" / "tests"
        tests.mkdir(parents=True)
        for number, text in enumerate(TESTS.split("---\n"), 1):
            (tests / f"test-{number}.yaml").write_text(text)
        (tests.parent / "mocks.yaml").write_text(MOCKS)
        return tmp_path
    root = os.environ.get("TTA_TEST_DATA")
    if not root:
        pytest.skip("TTA_TEST_DATA is not set; set it to the folder with keploy-recordings")
    return Path(root, "keploy-recordings")


def documents(folder: Path, pattern: str, kind: type[TestCase | Mock]) -> list[TestCase | Mock]:
    found = [
        kind(document, path)
        for path in sorted(folder.rglob(pattern))
        for document in DocumentFile.read(path).data
        if isinstance(document, dict) and "spec" in document
    ]
    assert found
    return found


@pytest.mark.parametrize("compat", ["strict", "keploy"])
def test_every_recorded_response_passes_against_itself(folder: Path, compat: str):
    """A test failed against its own recording."""
    rules = Rules(compat=compat)  # pyright: ignore[reportArgumentType]
    for case in documents(folder, "tests/*.yaml", TestCase):
        if isinstance(case, TestCase) and case.is_http:
            verdict = judge(case, case.response, rules)
            assert (verdict.differences, verdict.warnings) == ((), ()), case.file


def test_every_mock_is_in_the_book_and_answers_its_own_request(folder: Path):
    """A mock of a recording was dropped, or did not answer the request it was recorded for."""
    for path in sorted(folder.rglob("mocks.yaml")):
        mocks = [one for one in documents(path.parent, "mocks.yaml", Mock) if isinstance(one, Mock)]
        book = MockBook(mocks)
        assert not book.damaged, path
        assert len(book) == sum(mock.is_http for mock in mocks)
        assert sum(map(len, book.unserved.values())) == len(mocks) - len(book)
        for mock in mocks:
            if mock.is_http:
                found = book.answer(mock.request, 0)
                assert isinstance(found, Answer), path
                assert found.level == "exact"
                assert not found.is_repeated
        assert book.usage().unused == ()


def test_mocks_belong_to_the_test_of_their_time():
    """A mock was not found in the window of its test."""
    cases = [TestCase(one) for one in DocumentFile.parse(TESTS).data]
    times = [
        Window(case.name, case.began, case.ended)
        for case in cases
        if case.began is not None and case.ended is not None
    ]
    book = MockBook([Mock(one) for one in DocumentFile.parse(MOCKS).data], windows=times)
    book.begin("test-1")
    request = Mock(DocumentFile.parse(MOCKS).data[0]).request
    assert isinstance(book.answer(request, 0, test="test-1"), Answer)
