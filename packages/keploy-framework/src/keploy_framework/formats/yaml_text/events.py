"""The events of a YAML stream, from the C library where PyYAML was built with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from yaml import events as _pure
from yaml.error import MarkedYAMLError
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.scanner import Scanner

if TYPE_CHECKING:
    from collections.abc import Callable

# Any: the C library has no types, nor have the events of PyYAML.
Event: TypeAlias = Any


class _PureParser(Reader, Scanner, Parser):
    def __init__(self, stream: str) -> None:
        Reader.__init__(self, stream)
        Scanner.__init__(self)
        Parser.__init__(self)


try:
    from yaml import _yaml  # pyright: ignore[reportAttributeAccessIssue]
except ImportError:
    _parser: Any = _PureParser
    _library: Any = _pure
    _marked, _unreadable = (MarkedYAMLError,), (ReaderError,)
else:
    # The classes of the C library are those of the first import of yaml in the process. Where
    # it is imported anew, as coverage does, those of the package are others.
    _library = _yaml
    _parser = _library.CParser
    _marked = (MarkedYAMLError, _library.ScannerError, _library.ParserError)
    _unreadable = (ReaderError, _library.ReaderError)

open_stream: Final[Callable[[str], Any]] = _parser
"""Make a parser for a text; its ``get_event`` gives an event at a time."""

DOCUMENT_START: Final[Event] = _library.DocumentStartEvent
STREAM_END: Final[Event] = _library.StreamEndEvent
SCALAR: Final[Event] = _library.ScalarEvent
ALIAS: Final[Event] = _library.AliasEvent
MAPPING_START: Final[Event] = _library.MappingStartEvent
MAPPING_END: Final[Event] = _library.MappingEndEvent
SEQUENCE_START: Final[Event] = _library.SequenceStartEvent
SEQUENCE_END: Final[Event] = _library.SequenceEndEvent

MARKED_ERRORS: Final = _marked
"""What a parser raises where it knows the place."""

READER_ERRORS: Final = _unreadable
"""What a parser raises for characters that no stream may hold."""
