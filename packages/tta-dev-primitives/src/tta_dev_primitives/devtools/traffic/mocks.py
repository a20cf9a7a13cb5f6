"""Calls of models among the mocks that keploy recorded."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .asked_text import text_of
from .errors import RequestError, TrafficError
from .mock_files import mock_files
from .model_exchange import ModelExchange, model_exchange_of
from .request import TrafficRequest
from .request_key import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from .notes import Notes

# Any: keploy_framework is met by name only, because this package must not depend on it.
Framework: TypeAlias = Any
Mock: TypeAlias = Any

_NANOSECONDS: Final = 1_000_000_000
_ONE_LEFT_OUT: Final = "mock cannot be read as what it is; it is left out"
_MANY_LEFT_OUT: Final = "mocks cannot be read as what they are; they are left out"


def read_mocks(path: Path, notes: Notes) -> Iterator[tuple[int, TrafficRequest]]:
    """Yield the calls of models among the mocks at *path*, each with its line.

    Calls of one recorded test are one conversation.

    Args:
        path: As for `mock_files`.
        notes: Told of mocks that are something else, or cannot be read.

    Raises:
        TrafficError: There are no mocks, or keploy-framework is not installed.
    """
    files = mock_files(path)
    if importlib.util.find_spec("keploy_framework") is None:
        reason = "needs keploy-framework, which is not installed. Try: uv add keploy-framework"
        raise TrafficError(path, reason)
    framework: Framework = importlib.import_module("keploy_framework.formats")
    failure: type[Exception] = importlib.import_module("keploy_framework").KeployError
    for file in files:
        yield from _MockFile(framework, failure, file, notes).requests()


class _MockFile:
    """One file of mocks, which are those of one test set."""

    def __init__(
        self, framework: Framework, failure: type[Exception], file: Path, notes: Notes
    ) -> None:
        self._framework, self._failure = framework, failure
        self._file, self._notes = file, notes
        self._folder = file.absolute().parent

    def requests(self) -> Iterator[tuple[int, TrafficRequest]]:
        """Yield the calls of models."""
        try:
            documents = self._framework.DocumentFile.read(self._file)
        except OSError as error:
            raise TrafficError(self._file, f"cannot be read: {error.strerror or error}") from error
        for damage in documents.damaged:
            self._notes.count(_ONE_LEFT_OUT, _MANY_LEFT_OUT, str(damage))
        known: set[str] = set()
        tests = self._tests()
        for document in documents.documents:
            place = f"{self._file}:{document.line}"
            data: object = document.data
            try:
                if not isinstance(data, dict):
                    msg = "it is no mapping"
                    raise RequestError(msg)
                mock: Mock = self._framework.Mock(data, self._file, document.line)
                identity = f"{self._folder.name}/{mock.name}"
                if identity in known:  # as where two recordings were joined by hand
                    identity = f"{identity}@{document.line}"
                known.add(identity)
                request = self._request(mock, identity, tests.get(mock.name))
            except RequestError as error:
                self._notes.count(_ONE_LEFT_OUT, _MANY_LEFT_OUT, f"{place}: {error}")
            except self._failure as error:
                self._notes.count(_ONE_LEFT_OUT, _MANY_LEFT_OUT, str(error))
            else:
                if request is not None:
                    yield document.line, request

    def _request(self, mock: Mock, identity: str, test: str | None) -> TrafficRequest | None:
        """Return the request of *mock*, or None where it is no call of a model."""
        exchange = _exchange(mock) if mock.is_http else None
        if exchange is None:
            self._notes.count(
                "mock is no call of a model; it is left out",
                "mocks are no calls of models; they are left out",
            )
            return None
        began: int | None = mock.began
        if began is None:
            began = mock.number_at("spec.created") * _NANOSECONDS
        if not began:
            msg = "it has no time; record it again"
            raise RequestError(msg)
        ended: int | None = mock.ended
        took = None if ended is None or mock.began is None else (ended - began) / _NANOSECONDS
        return TrafficRequest(
            identity,
            began / _NANOSECONDS,
            exchange.model,
            exchange.usage,
            exchange.provider,
            conversation=test,
            key=key_of(exchange.asked, exchange.params),
            text=text_of(exchange.asked, exchange.params),
            error=exchange.error,
            latency=None if took is None or took < 0 else took,
        )

    def _tests(self) -> Mapping[str, str]:
        """Return the tests by the names of their mocks, as far as the recording tells them."""
        folder = self._folder
        named = self._framework.KeployTree(folder.parent)
        try:
            by_test = named.test_set(folder.name).mappings().by_test
        except (OSError, self._failure):
            # Mappings are a help and no more; without them each call is a conversation.
            self._notes.say(f"{folder} has no mappings that can be read; no calls are grouped")
            return {}
        return {
            mock.name: f"{folder.name}/{test}" for test, mocks in by_test.items() for mock in mocks
        }


def _exchange(mock: Mock) -> ModelExchange | None:
    asked, answer = mock.request, mock.response
    return model_exchange_of(
        asked.method, asked.host, asked.target, asked.body, answer.status, answer.body
    )
