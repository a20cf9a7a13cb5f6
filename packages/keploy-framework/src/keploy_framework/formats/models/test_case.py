"""A recorded test: a request to the app and the response it gave."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final, cast

from keploy_framework.exchange import header
from keploy_framework.formats.documents import read_bytes
from keploy_framework.formats.models.curl import curl_text
from keploy_framework.formats.models.form import OWN_BOUNDARY, Part, body_of, boundary_of, parts_of
from keploy_framework.formats.models.headers import bytes_of, text_or_bytes
from keploy_framework.formats.models.messages import (
    LARGEST_BODY,
    request_from,
    request_to_data,
    response_from,
    response_to_data,
)
from keploy_framework.formats.models.record import VERSION, Record, Section
from keploy_framework.formats.paths import made_valid, place_inside
from keploy_framework.formats.timestamps import NANOSECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from keploy_framework.exchange import Exchange, Request, Response

KINDS: Final = ("Http", "gRPC")
"""The kinds of documents that are tests."""


@dataclass(slots=True)
class TestCase(Record):
    """A test as its file keeps it.

    Args:
        data: The document.
        file: Where it came from; ``None`` for one built in code.
        line: The line of the file it begins on.
        root: The folder ``keploy`` that the paths of its assets begin in.
        assets: Contents of assets that are not on disk yet, by path below *root*.
    """

    __test__: ClassVar[bool] = False  # pytest would collect it for its name

    root: Path | None = None
    assets: dict[str, bytes] = field(default_factory=dict[str, bytes])

    @classmethod
    def from_exchange(
        cls,
        exchange: Exchange,
        *,
        name: str,
        test_set: str = "",
        noise: Mapping[str, Sequence[str]] | None = None,
        app_port: int = 0,
        description: str = "",
        request_body: bytes | None = None,
        response_body: bytes | None = None,
    ) -> Self:
        """Make the test of a recorded exchange.

        A response that was streamed keeps the pieces of its body with their times, unless
        *response_body* is given. The files of a form and a request body of more than 1 MiB
        become assets; of a response body that long only the length is kept.

        Args:
            exchange: The exchange; its URL needs a host.
            name: The name of the test.
            test_set: The set it will be in; the paths of assets need it.
            noise: What a comparison ignores, such as ``{"header.Date": []}``.
            app_port: The port of the app; 0 leaves it out.
            description: What the test is about, if anything.
            request_body: The request's body with its content encoding taken off; ``None`` for
                the body as it is.
            response_body: The response's body with its content encoding taken off; ``None``
                for the body as it is.
        """
        request = exchange.request
        body = request.body if request_body is None else request_body
        asked = request_to_data(request, body, url=request.url, at=exchange.began)
        answered = response_to_data(
            exchange.response, response_body, at=exchange.ended, largest=LARGEST_BODY
        )
        spec: Section = {
            "metadata": {"description": description} if description else {},
            "req": asked,
            "resp": answered,
            "objects": [],
        }
        if noise:
            spec["assertions"] = {"noise": {path: list(found) for path, found in noise.items()}}
        spec["created"] = exchange.began // NANOSECONDS
        if app_port:
            spec["app_port"] = app_port
        case = cls({"version": VERSION, "kind": "Http", "name": name, "spec": spec})
        parts = case._move_to_assets(body, f"{test_set}/assets/{name}".lstrip("/"))
        case.data["curl"] = curl_text(replace(request, body=body), parts)
        return case

    @property
    def is_http(self) -> bool:
        """Whether it can be replayed here."""
        return self.kind == "Http"

    @property
    def request(self) -> Request:
        """The request, its body decoded, put together from assets where it lies there.

        Its headers are the recorded ones, ``Content-Encoding`` and ``Content-Length`` too.

        Raises:
            KeployFormatError: It is not of kind ``Http``, or a value has the wrong type.
            KeployPathError: An asset lies outside the folder of recordings.
            OSError: An asset cannot be read.
        """
        self._check_http()
        request = request_from(self, "spec.req")
        reference = self.text_at("spec.req.body_ref.path")
        if reference:
            return replace(request, body=self.asset(reference))
        if not self.list_at("spec.req.form"):
            return request
        content_type = header(request.headers, "content-type") or ""
        boundary = boundary_of(content_type)
        if not boundary:
            boundary = OWN_BOUNDARY
            kept = (item for item in request.headers if item[0].lower() != "content-type")
            own = ("Content-Type", f"multipart/form-data; boundary={boundary}")
            request = replace(request, headers=(*kept, own))
        return replace(request, body=body_of(self._parts(), boundary))

    @property
    def response(self) -> Response:
        """The recorded response, its body decoded; chunks with times where it was streamed.

        Raises:
            KeployFormatError: It is not of kind ``Http``, or a value has the wrong type.
        """
        self._check_http()
        return response_from(self, "spec.resp")

    @property
    def began(self) -> int | None:
        """When the request came, in nanoseconds since 1970; ``None`` where no time is set."""
        section = "req" if "req" in self.section("spec") else "grpcReq"
        return self.time_at(f"spec.{section}.timestamp")

    @property
    def ended(self) -> int | None:
        """When the response ended, in nanoseconds since 1970; ``None`` where no time is set."""
        section = "resp" if "resp" in self.section("spec") else "grpcResp"
        return self.time_at(f"spec.{section}.timestamp")

    @property
    def description(self) -> str:
        """What the test is about, if anything."""
        return self.text_at("spec.metadata.description")

    @property
    def app_port(self) -> int:
        """The port of the app; 0 where it is not told."""
        return self.number_at("spec.app_port")

    @property
    def curl(self) -> str:
        """The command that sends the request again."""
        return self.text_at("curl")

    @property
    def noise(self) -> dict[str, list[str]]:
        """What a comparison ignores: paths to patterns, none of which stands for any value.

        A list of paths reads like a mapping to no patterns. Assign to change it.
        """
        raw = self.section("spec.assertions").get("noise")
        if isinstance(raw, list):
            raw = dict.fromkeys(cast("list[object]", raw))
        if not isinstance(raw, dict | None):
            raise self.wrong(raw, "spec.assertions.noise", "a mapping or a list")
        noise: dict[str, list[str]] = {}
        for path, patterns in cast("dict[object, object]", raw or {}).items():
            listed = [patterns] if isinstance(patterns, str) else patterns
            if not isinstance(listed, list | None):
                raise self.wrong(patterns, f"spec.assertions.noise.{path}", "a list of patterns")
            noise[str(path)] = [str(pattern) for pattern in cast("list[object]", listed or [])]
        return noise

    @noise.setter
    def noise(self, noise: Mapping[str, Sequence[str]]) -> None:
        kept = self.section("spec.assertions")
        spec: Section = self.data.setdefault("spec", {})
        spec["assertions"] = {**kept, "noise": {key: list(noise[key]) for key in noise}}

    @property
    def assertions(self) -> Section:
        """The assertions other than noise; where there are any, they alone decide the verdict."""
        found = self.section("spec.assertions")
        return {name: value for name, value in found.items() if name != "noise"}

    def refresh_curl(self) -> None:
        """Write the curl command anew, after the request was changed."""
        request = self.request
        parts = self._parts() if self.list_at("spec.req.form") else None
        self.data["curl"] = curl_text(request, parts)

    def asset(self, path: str) -> bytes:
        """Give the content of an asset.

        Args:
            path: Its path below the folder ``keploy``.

        Raises:
            KeployFormatError: The test knows no folder, or the asset is too large.
            KeployPathError: The path leads out of the folder.
            OSError: It cannot be read.
        """
        if path in self.assets:
            return self.assets[path]
        if self.root is None:
            raise self.wrong(self.root, "root", "the folder of the recordings, to read assets")
        return read_bytes(place_inside(self.root, path))

    def _check_http(self) -> None:
        if not self.is_http:
            raise self.wrong(self.kind, "kind", "Http to be replayed")

    def _move_to_assets(self, body: bytes, folder: str) -> list[Part] | None:
        """Take a form, or a body that is too long, out of the document."""
        asked = self.section("spec.req")
        content_type = header(request_from(self, "spec.req").headers, "content-type") or ""
        boundary = boundary_of(content_type)
        parts = parts_of(body, boundary) if boundary else None
        if parts is not None:
            asked["body"] = ""
            asked["form"] = self._form(parts, folder)
        elif len(body) > LARGEST_BODY:
            path = f"{folder}/body.txt"
            self.assets[path] = body
            asked["body"] = ""
            asked["body_ref"] = {"path": path, "size": len(body)}
        return parts

    def _form(self, parts: list[Part], folder: str) -> list[Section]:
        entries: dict[str, Section] = {}
        for part in parts:
            entry = entries.setdefault(part.name, {"key": part.name})
            if part.filename is None:
                entry.setdefault("values", []).append(text_or_bytes(part.data))
                continue
            place = f"{folder}/{made_valid(part.name, 'field')}"
            name = made_valid(part.filename, "file")
            path, count = f"{place}/{name}", 1
            while path in self.assets:
                count += 1
                path = f"{place}/{count}/{name}"
            self.assets[path] = part.data
            entry.setdefault("paths", []).append(path)
        return list(entries.values())

    def _parts(self) -> list[Part]:
        parts: list[Part] = []
        for raw in self.list_at("spec.req.form"):
            if not isinstance(raw, dict):
                raise self.wrong(raw, "spec.req.form", "a list of mappings")
            entry = Record(cast("Section", raw), self.file, self.line)
            key = entry.text_at("key")
            for value in entry.list_at("values"):
                content = bytes_of(value) if isinstance(value, str | bytes) else str(value).encode()
                parts.append(Part(key, content))
            paths = [str(path) for path in entry.list_at("paths")]
            parts += (Part(key, self.asset(path), path.rpartition("/")[2]) for path in paths)
        return parts
