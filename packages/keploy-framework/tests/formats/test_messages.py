"""Headers, forms and curl commands."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from keploy_framework.exchange import Request
from keploy_framework.formats.models.curl import curl_text
from keploy_framework.formats.models.form import Part, body_of, boundary_of, parts_of
from keploy_framework.formats.models.headers import (
    canonical_name,
    headers_from_data,
    headers_to_data,
)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [("content-type", "Content-Type"), ("X-API-KEY", "X-Api-Key"), ("ETag", "Etag"),
     ("x--y", "X--Y"), ("a b-c", "a b-c")],
)  # fmt: skip
def test_names_of_headers_have_gos_case(name: str, canonical: str):
    """A header was not found, because recordings write it otherwise."""
    assert canonical_name(name) == canonical


def test_values_of_one_name_are_joined_and_bytes_kept():
    """A repeated header lost a value, or one in latin-1 its letters."""
    headers = (("accept", "a"), ("X-Name", "caf\xc3\xa9"), ("Accept", "b"), ("X-Raw", "caf\xe9"))
    data = headers_to_data(headers)
    assert data == {"Accept": "a,b", "X-Name": "café", "X-Raw": b"caf\xe9"}
    assert headers_from_data(data) == (
        ("Accept", "a,b"),
        ("X-Name", "caf\xc3\xa9"),
        ("X-Raw", "caf\xe9"),
    )


def test_joined_cookies_are_taken_apart_but_dates_are_not():
    """A client of a replayed answer got one broken cookie instead of two."""
    value = "a=1; Expires=Thu, 22 Jan 2026 10:00:00 GMT; Path=/,b=x,y; Secure"
    assert headers_from_data({"Set-Cookie": value}) == (
        ("Set-Cookie", "a=1; Expires=Thu, 22 Jan 2026 10:00:00 GMT; Path=/"),
        ("Set-Cookie", "b=x,y; Secure"),
    )


def test_values_a_person_wrote_without_quotes_are_text():
    """A header of a hand-made test was dropped, or stopped the run."""
    data = {"X-Number": 5, "X-Flag": True, "X-None": None, "X-List": ["a", 1]}
    assert [value for _, value in headers_from_data(data)] == ["5", "true", "", "a,1"]


FORM = (
    b'--b b\r\nContent-Disposition: form-data; name="a \\"q\\""\r\n\r\n\r\n1\r\n'
    b'--b b\r\ncontent-disposition: form-data; name=f; filename="x.png"\r\n'
    b"Content-Type: image/png\r\n\r\n\xff\r\n\r\n--b b--\r\n"
)


def test_form_is_taken_apart_and_put_together():
    """An upload was replayed with other bytes than were recorded."""
    boundary = boundary_of('Multipart/Form-Data; charset=x; boundary="b b"')
    assert boundary == "b b"
    parts = parts_of(FORM, boundary)
    assert parts is not None
    assert parts == [Part('a "q"', b"\r\n1"), Part("f", b"\xff\r\n", "x.png", "image/png")]
    assert parts_of(body_of(parts, boundary), boundary) == parts


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x\r\n",
        FORM.removesuffix(b"--\r\n"),
        b"preamble\r\n" + FORM,
        FORM.replace(b"Content-Type", b"X-Other"),
        FORM.replace(b"form-data; name=f", b"attachment"),
        FORM.replace(b"x.png", b"\xff.png"),
        FORM.replace(b"\r\n\r\n", b"\r\n"),
        b"--b b--",
    ],
    ids=["empty", "short", "cut", "preamble", "header", "no-form", "name", "no-gap", "no-parts"],
)
def test_body_that_is_no_plain_form_is_left_alone(body: bytes):
    """A body that only looks like a form lost a part of itself."""
    assert parts_of(body, "b b") is None


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [("multipart/form-data", ""), ("multipart/mixed; boundary=x", None), ("", None)],
)
def test_boundary_is_that_of_forms_only(content_type: str, boundary: str | None):
    """A mail attachment was taken for a form."""
    assert boundary_of(content_type) == boundary


def test_curl_command_is_laid_out_as_upstream_does():
    """Every curl command of a rewritten set changed."""
    request = Request(
        "POST",
        "/items",
        (("Content-Type", "application/json"), ("Content-Length", "9")),
        b'{"a":"b"}',
        host="127.0.0.1:5000",
    )
    assert curl_text(request) == (
        "curl --request POST \\\n"
        "  --url http://127.0.0.1:5000/items \\\n"
        "  --header 'Content-Type: application/json' \\\n"
        '  --data "{\\"a\\":\\"b\\"}"'
    )


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell; Windows has none")
@pytest.mark.parametrize("body", ["$(date) `date` $HOME \\ \" '", "a\nb", "é", "@name"])
def test_shell_hands_curl_what_was_recorded(body: str):
    """Pasting a recorded command ran a part of the body as a program, or sent another file."""
    header = ("X-It's", '$x `y` "z"')
    request = Request("P'ST", "/a?b=c&d='e'", (header,), body.encode(), host="h")
    script = "curl() { printf '%s\\0' \"$@\"; }\n" + curl_text(request)
    done = subprocess.run(["sh", "-c", script], capture_output=True, timeout=30, check=True)
    option = "--data-raw" if body.startswith("@") else "--data"
    assert done.stdout.decode().split("\0")[:-1] == [
        "--request", "P'ST", "--url", "http://h/a?b=c&d='e'",
        "--header", f"X-It's: {header[1]}", option, body,
    ]  # fmt: skip


def test_form_in_a_curl_command_names_its_files():
    """The command of an upload sent the recorded boundary with another body."""
    request = Request("POST", "/", (("content-type", "multipart/form-data; boundary=x"),), b"..")
    text = curl_text(request, [Part("a", b"1"), Part("f", b"\xff", "x.png")])
    assert text.splitlines()[2:] == ["  --form 'a=1' \\", "  --form 'f=@x.png'"]
