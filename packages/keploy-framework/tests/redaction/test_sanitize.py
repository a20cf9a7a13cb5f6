"""A folder that was recorded before: everything that is secret goes, and nothing else."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from keploy_framework.exchange import Chunk, Exchange, Request, Response
from keploy_framework.formats import DocumentFile, KeployTree, Mock, TestCase, validate_tree
from keploy_framework.redaction import Redactor, sanitize_tree

SECOND = 1_000_000_000


def everywhere(planted) -> list[Exchange]:
    """Exchanges with each secret in each place that a request or a response has."""
    found: list[Exchange] = []
    secrets = [*planted.keys.values(), planted.token, planted.opaque]
    for at, secret in enumerate(secrets):
        user = base64.b64encode(f"bob:{secret}".encode()).decode()
        headers = (
            ("Host", "h"),
            ("Authorization", f"Bearer {secret}" if at % 2 else f"Basic {user}"),
            ("X-Api-Key", secret),
            ("Cookie", f"sid={secret}; a=b"),
            ("Referer", f"https://u:{secret}@h/?api_key={secret}"),
        )
        nested = json.dumps(
            {"body": json.dumps({"client_secret": secret, "pem": planted.private_key})}
        )
        bodies = (
            ("application/json", json.dumps({"password": secret, "nested": nested}).encode()),
            ("application/x-www-form-urlencoded", f"user=bob&password={secret}".encode()),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n'
                + secret.encode()
                + b'\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="k.env"\r\n\r\n'
                + f"API_KEY={secret}\n".encode()
                + b"\r\n--b--\r\n",
            ),
        )
        for kind, body in bodies:
            asked = Request(
                "POST",
                f"/login?access_token={secret}",
                (*headers, ("Content-Type", kind), ("Content-Length", str(len(body)))),
                body,
                host=f"bob:{secret}@h",
            )
            event = f"data: {json.dumps({'token': secret})}\n\n".encode()
            answered = Response(
                200,
                "OK",
                (("Content-Type", "text/event-stream"), ("Set-Cookie", f"sid={secret}; Path=/")),
                event,
                (Chunk(at * SECOND, event),),
                len(event),
            )
            found.append(Exchange(asked, answered, (at + 1) * SECOND, (at + 2) * SECOND, "0"))
    return found


def written(root: Path, exchanges: list[Exchange]) -> None:
    """Write exchanges as tests and as mocks."""
    recorded = KeployTree(root).test_set("test-set-0")
    for number, exchange in enumerate(exchanges, 1):
        recorded.write_test(
            TestCase.from_exchange(exchange, name=f"test-{number}", test_set="test-set-0")
        )
    recorded.write_mocks(
        [Mock.from_exchange(one, name=f"mock-{at}") for at, one in enumerate(exchanges)]
    )


def leaks(root: Path, planted) -> list[str]:
    """Tell which file has which secret, plain or in base64."""
    texts = [*planted.texts, planted.token]
    wanted = [text.encode() for text in texts]
    wanted += [base64.b64encode(f"bob:{text}".encode()) for text in texts]
    return [
        f"{path.name}: {secret.decode()}"
        for path in root.rglob("*")
        if path.is_file()
        for secret in wanted
        if secret in path.read_bytes()
    ]


def test_nothing_planted_is_written_when_recording(tmp_path: Path, planted):
    """A recording held a secret."""
    redactor = Redactor()
    written(tmp_path, [redactor.exchange(one) for one in everywhere(planted)])
    assert leaks(tmp_path, planted) == []
    assert validate_tree(tmp_path).is_sound


def test_nothing_planted_is_left_after_sanitising(tmp_path: Path, planted):
    """An old recording still held a secret after it was sanitised."""
    written(tmp_path, everywhere(planted))
    assert leaks(tmp_path, planted)
    result = sanitize_tree(tmp_path, Redactor())
    assert leaks(tmp_path, planted) == []
    assert result.exit_code == 0
    assert result.counts["cookie"] > 0
    assert validate_tree(tmp_path).is_sound


def test_sanitising_again_finds_nothing(tmp_path: Path, planted):
    """Every run of sanitise changed the files once more."""
    written(tmp_path, everywhere(planted)[:9])
    sanitize_tree(tmp_path, Redactor())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = sanitize_tree(tmp_path, Redactor())
    assert again.findings == []
    assert {path: path.read_bytes() for path in before} == before


def test_check_writes_nothing_and_fails(tmp_path: Path, planted):
    """Looking changed the files, or a build with secrets passed."""
    written(tmp_path, everywhere(planted)[:3])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = sanitize_tree(tmp_path, Redactor(), check=True)
    assert {path: path.read_bytes() for path in before} == before
    assert result.exit_code == 1
    assert result.findings
    assert planted.opaque not in json.dumps(result.as_data())


def test_secret_that_a_later_file_tells_is_found_in_an_earlier_one(tmp_path: Path, planted):
    """A key was kept because the file that names it came later."""
    for name, text in (("a", f"note: see {planted.opaque}"), ("b", f"api_key: {planted.opaque}")):
        (tmp_path / f"{name}.yaml").write_text(f"{text}\n")
    sanitize_tree(tmp_path, Redactor())
    assert leaks(tmp_path, planted) == []


def test_file_without_secrets_keeps_its_bytes(tmp_path: Path):
    """A file changed its layout although nothing was secret in it."""
    text = "# a comment\nversion:   x\nkind: Http\nspec: {a: 1,   b: [1,2]}\n"
    (tmp_path / "a.yaml").write_text(text)
    assert sanitize_tree(tmp_path, Redactor()).findings == []
    assert (tmp_path / "a.yaml").read_text() == text


def test_untouched_documents_beside_a_changed_one_keep_their_text(tmp_path: Path):
    """Mocks without secrets were written anew."""
    kept = "kind:   Http\nspec: {n: 1}\n"
    (tmp_path / "mocks.yaml").write_text(f"{kept}---\nkind: Http\nspec:\n  token: abc\n")
    sanitize_tree(tmp_path, Redactor())
    assert (tmp_path / "mocks.yaml").read_text().startswith(f"{kept}---\n")
    assert "redacted-001" in (tmp_path / "mocks.yaml").read_text()


def test_damaged_file_is_reported_and_left(tmp_path: Path):
    """A file that cannot be read was taken for clean, or was overwritten."""
    text = "kind: Http\nspec: {token: abc}\n---\na: 1\n<<<<<<< HEAD\ntoken: abc\n=======\n"
    (tmp_path / "a.yaml").write_text(text)
    result = sanitize_tree(tmp_path, Redactor())
    assert [one.file for one in result.problems] == [tmp_path / "a.yaml"]
    assert result.exit_code == 1
    assert (tmp_path / "a.yaml").read_text() == text


def test_lengths_of_redis_stay_true(tmp_path: Path, planted):
    """A recorded Redis session could not be read after a password got shorter."""
    command = f"*2\r\n$4\r\nAUTH\r\n${len(planted.opaque)}\r\n{planted.opaque}\r\n"
    spec = {"redisrequests": [{"message": [{"type": "string", "data": command}]}]}
    file = DocumentFile.parse("", tmp_path / "mocks.json")
    file.documents.clear()
    (tmp_path / "mocks.json").write_text(json.dumps({"kind": "Redis", "spec": spec}))
    sanitize_tree(tmp_path, Redactor())
    assert leaks(tmp_path, planted) == []
    data = json.loads((tmp_path / "mocks.json").read_text())
    clean = data["spec"]["redisrequests"][0]["message"][0]["data"]
    assert len(clean) == len(command)
    assert clean.startswith(f"*2\r\n$4\r\nAUTH\r\n${len(planted.opaque)}\r\nredacted-001x")


def test_lists_of_headers_in_reports_are_redacted(tmp_path: Path, planted):
    """A report told the cookie that a test had sent."""
    side = {"key": "Set-Cookie", "value": [f"sid={planted.opaque}; Path=/"]}
    result = {"headers_result": [{"normal": False, "expected": side, "actual": side}]}
    (tmp_path / "r.json").write_text(json.dumps({"tests": [{"result": result}]}))
    sanitize_tree(tmp_path, Redactor())
    assert leaks(tmp_path, planted) == []


def test_command_is_written_anew(tmp_path: Path):
    """The curl command of a test kept what its request had lost."""
    exchange = Exchange(
        Request("POST", "/", (("Host", "h"),), b'{"pin": "1", "password": "pw"}', host="h"),
        Response(200),
        SECOND,
        SECOND,
    )
    written(tmp_path, [exchange])
    sanitize_tree(tmp_path, Redactor())
    text = (tmp_path / "test-set-0/tests/test-1.yaml").read_text()
    assert '\\"password\\": \\"redacted-001\\"' in text


def test_length_says_that_of_the_redacted_body(tmp_path: Path):
    """A recorded length belonged to the body with the secret in it."""
    (tmp_path / "a.yaml").write_text(
        "kind: Http\nspec:\n  resp:\n    header: {Content-Length: '16'}\n"
        '    body: \'{"token": "abc"}\'\n'
    )
    sanitize_tree(tmp_path, Redactor())
    response = DocumentFile.read(tmp_path / "a.yaml").data[0]["spec"]["resp"]
    assert response == {"header": {"Content-Length": "25"}, "body": '{"token": "redacted-001"}'}


def test_links_are_not_followed(tmp_path: Path):
    """A file outside of the folder was changed."""
    outside = tmp_path / "outside.yaml"
    outside.write_text("token: abc\n")
    folder = tmp_path / "keploy"
    folder.mkdir()
    (folder / "a.yaml").symlink_to(outside)
    assert sanitize_tree(folder, Redactor()).files == 0
    assert outside.read_text() == "token: abc\n"


def test_missing_folder_is_an_error(tmp_path: Path):
    """A mistyped folder was reported as clean."""
    with pytest.raises(FileNotFoundError, match="there is no"):
        sanitize_tree(tmp_path / "none", Redactor())


def test_public_recordings_are_sanitised_once(tmp_path: Path):
    """Real recordings lost data, or were never clean."""
    root = os.environ.get("TTA_TEST_DATA")
    if not root or not Path(root, "keploy-recordings").is_dir():
        pytest.skip("TTA_TEST_DATA is not set; set it to the folder with keploy-recordings")
    import shutil

    names = (
        "kirti763__keploy-flask-demo",
        "gouravkrosx__python-jwt-demo",
        "litmus-zhang__rss-feed",
    )
    for name in names:
        shutil.copytree(Path(root, "keploy-recordings", name), tmp_path / name)
    before = validate_tree(tmp_path)
    result = sanitize_tree(tmp_path, Redactor())
    after = validate_tree(tmp_path)
    assert (before.tests, before.mocks, before.damaged) == (after.tests, after.mocks, after.damaged)
    assert result.findings
    assert sanitize_tree(tmp_path, Redactor()).findings == []
