"""From YAML text to data, within limits, with the line of whatever is wrong."""

from __future__ import annotations

import base64
import binascii
import reprlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from keploy_framework.errors import KeployFormatError
from keploy_framework.formats.yaml_text import events
from keploy_framework.formats.yaml_text.aliases import Anchors, merge_sources, with_merged
from keploy_framework.formats.yaml_text.scalars import PlainText, Scalar, resolved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from keploy_framework.formats.yaml_text.events import Event

# Any: a file may hold anything.
Data: TypeAlias = Any

MAX_DEPTH: Final = 100
"""How deep mappings and lists may be nested. Keploy's own files reach about fifteen levels."""

_TAG: Final = "tag:yaml.org,2002:"
_CONTAINER_TAGS: Final = (None, "!", f"{_TAG}map", f"{_TAG}seq")
_SCALAR_TYPES: Final = {"int": int, "float": float, "bool": bool, "null": type(None)}
_NO_KEY: Final = object()
_MERGE: Final = object()
_NO_MERGES: Final[list[Data]] = []
_COMPLEX_KEY: Final = "has a mapping or a list as a key, which Keploy never writes; use text"


@dataclass(slots=True)
class Document:
    """One document of a file.

    Args:
        data: What it says.
        line: The line it begins on, counted from 1; 0 for one that came from no file.
        source: The text it was read from, where that is known.
    """

    data: Data
    line: int = 0
    source: str = field(default="", repr=False, compare=False)


def read_documents(
    text: str, *, file: Path | None = None, first_line: int = 1
) -> Iterator[Document]:
    """Yield the documents of a YAML stream, as far as it can be read.

    Text without quotes that only looks like another type stays text, as `PlainText` says;
    ``!!binary`` becomes bytes. Time is linear in the length of the text; what aliases add is
    bounded.

    Args:
        text: The stream.
        file: The file to name in an error.
        first_line: The line of that file that the text begins on.

    Raises:
        KeployFormatError: It is not YAML, has a key twice or an unknown tag, or is nested
            more than `MAX_DEPTH` levels deep.
    """

    def fail(reason: str, line: int) -> KeployFormatError:
        return KeployFormatError(reason, file=file, line=line + first_line)

    try:
        stream = events.open_stream(text)
        next_event: Callable[[], Event] = stream.get_event
        while True:
            event = next_event()
            kind = event.__class__
            if kind is events.DOCUMENT_START:
                line = stream.peek_event().start_mark.line
                yield Document(_built(next_event, fail), line + first_line)
            elif kind is events.STREAM_END:
                return
    except events.MARKED_ERRORS as error:
        mark = error.problem_mark or error.context_mark
        reason = f"not valid YAML, {error.problem or error.context}; correct it"
        raise fail(reason, mark.line if mark else 0) from error
    except events.READER_ERRORS as error:
        before = text.encode(errors="replace")[: error.position]
        reason = f"not valid YAML, {error.reason}; correct it"
        raise fail(reason, before.count(b"\n")) from error
    except UnicodeEncodeError as error:
        reason = "holds half of a surrogate pair, which no file can; correct it"
        raise fail(reason, text.count("\n", 0, error.start)) from error


def _built(next_event: Callable[[], Event], fail: Callable[[str, int], KeployFormatError]) -> Data:
    """Build the data of one document from its events, without recursion."""
    # One long loop: a call for each event would double the time.
    anchors = Anchors(fail)
    outer: list[tuple[Data, bool, object, list[Data]]] = []
    root: list[Data] = []
    container: Data = root
    in_list = True
    key: object = _NO_KEY
    merges: list[Data] = _NO_MERGES
    while True:
        event = next_event()
        kind = event.__class__
        if kind is events.SCALAR:
            if event.implicit[0]:
                value: Data = resolved(event.value)
            elif event.tag is None or event.tag == "!":
                value = event.value
            else:
                value = _tagged(event, fail)
            if event.anchor is not None:
                anchors.keep(event.anchor, value)
        elif kind is events.MAPPING_START or kind is events.SEQUENCE_START:
            _check_start(event, len(outer), fail)
            if key is _NO_KEY and not in_list:
                raise fail(_COMPLEX_KEY, event.start_mark.line)
            outer.append((container, in_list, key, merges))
            in_list = kind is events.SEQUENCE_START
            container = cast("Data", [] if in_list else {})
            key, merges = _NO_KEY, _NO_MERGES
            if event.anchor is not None:
                anchors.begin(event.anchor, len(outer))
            continue
        elif kind is events.MAPPING_END or kind is events.SEQUENCE_END:
            value = with_merged(container, merges) if merges else container
            if anchors.begun:
                anchors.finish(len(outer), value)
            container, in_list, key, merges = outer.pop()
        elif kind is events.ALIAS:
            value = anchors.copied(event.anchor, event.start_mark.line)
        else:
            return root[0]
        if in_list:
            container.append(value)
        elif key is _NO_KEY:
            key = value
            if type(value) is PlainText and value == "<<":
                key = _MERGE
            elif type(value) is dict or type(value) is list:
                raise fail(_COMPLEX_KEY, event.start_mark.line)
            elif value in container:
                reason = f"has the key {reprlib.repr(value)} twice; keep one"
                raise fail(reason, event.start_mark.line)
        elif key is _MERGE:
            if merges:
                reason = "has the key '<<' twice; keep one"
                raise fail(reason, event.start_mark.line)
            merges, key = merge_sources(value, fail, event.start_mark.line), _NO_KEY
        else:
            container[key] = value
            key = _NO_KEY


def _check_start(event: Event, depth: int, fail: Callable[[str, int], KeployFormatError]) -> None:
    if depth == MAX_DEPTH:
        reason = f"nested more than {MAX_DEPTH} levels deep; flatten it"
        raise fail(reason, event.start_mark.line)
    if event.tag not in _CONTAINER_TAGS:
        reason = f"has the tag {reprlib.repr(event.tag)}, which Keploy never writes; remove it"
        raise fail(reason, event.start_mark.line)


def _tagged(event: Event, fail: Callable[[str, int], KeployFormatError]) -> Scalar:
    text, kind = event.value, event.tag.removeprefix(_TAG)
    if kind == "str":
        return text
    if kind == "binary":
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            reason = "has a !!binary that is not base64; correct it"
            raise fail(reason, event.start_mark.line) from error
    value = resolved(text)
    if kind == "timestamp":
        return value if type(value) is PlainText else text
    if kind == "float" and type(value) is int:
        return float(value)
    if kind not in _SCALAR_TYPES:
        reason = f"has the tag {reprlib.repr(event.tag)}, which Keploy never writes; remove it"
        raise fail(reason, event.start_mark.line)
    if type(value) is not _SCALAR_TYPES[kind]:
        reason = f"has a !!{kind} that is none, {reprlib.repr(text)}; correct it"
        raise fail(reason, event.start_mark.line)
    return value
