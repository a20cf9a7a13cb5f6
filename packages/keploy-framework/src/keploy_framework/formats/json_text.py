"""The same documents as JSON, for sets that are stored that way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from keploy_framework.errors import KeployFormatError
from keploy_framework.formats.narrow import is_list, is_mapping
from keploy_framework.formats.yaml_text.reading import MAX_DEPTH, Document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Any: a file may hold anything.
Data: TypeAlias = Any


def read_json_documents(text: str, *, file: Path | None = None) -> Iterator[Document]:
    """Yield the documents of a JSON text: values one after another, or one list of mappings.

    Args:
        text: The whole file.
        file: The file to name in an error.

    Raises:
        KeployFormatError: It is not JSON, has a key twice, or is nested too deep.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_mapping, parse_constant=_refused)
    at = _next(text, 0)
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            reason = f"not valid JSON, {error.msg}; correct it"
            raise KeployFormatError(reason, file=file, line=error.lineno) from error
        except (ValueError, RecursionError) as error:
            deep = isinstance(error, RecursionError)
            reason = f"nested more than {MAX_DEPTH} levels deep; flatten it" if deep else str(error)
            raise KeployFormatError(reason, file=file, line=line) from error
        if _is_deeper(value, MAX_DEPTH):
            reason = f"nested more than {MAX_DEPTH} levels deep; flatten it"
            raise KeployFormatError(reason, file=file, line=line)
        if is_list(value) and value and all(map(is_mapping, value)):
            yield from (Document(item, line) for item in value)
        else:
            yield Document(value, line)
        at = _next(text, end)


def write_json_document(data: Data, *, indent: int = 2) -> str:
    """Write one document as JSON, ending with a newline.

    Raises:
        KeployFormatError: It holds bytes or another thing JSON has no form for.
    """
    try:
        text = json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = f"cannot be written as JSON ({type(error).__name__}); write it as YAML"
        raise KeployFormatError(reason) from error
    return text + "\n"


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _mapping(pairs: list[tuple[str, Data]]) -> dict[str, Data]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"has the key {twice!r} twice; keep one"
        raise ValueError(msg)
    return mapping


def _refused(name: str) -> NoReturn:
    msg = f"has the number {name}, which JSON has no form for; correct it"
    raise ValueError(msg)


def _is_deeper(value: Data, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            if is_mapping(outer) or is_list(outer)
            for inner in (outer.values() if is_mapping(outer) else outer)
        ]
    return any(is_mapping(inner) or is_list(inner) for inner in layer)
