"""Where a configuration file keeps each value: in this package's shape or upstream Keploy's.

Both shapes are read into the own one, ``{name, app: {command, port, host}, test: {path,
globalNoise}}``. A value is written back to where it was found.
"""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any, Final, cast

from keploy_framework.document_edit import dumped, edited_text
from keploy_framework.errors import KeployConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keploy_framework.document import Document

    Key = tuple[str, ...]
    # Any: a file's values are not known to be right before the records have checked them.
    Data = dict[str, Any]

# The own key of each value, and the one of upstream Keploy.
_UPSTREAM_KEYS: Final[dict[Key, Key]] = {
    ("name",): ("appName",),
    ("app", "command"): ("command",),
    ("app", "port"): ("port",),
    ("app", "host"): ("test", "host"),
    ("test", "path"): ("path",),
    ("test", "globalNoise"): ("test", "globalNoise"),
}
# What upstream Keploy means by a key that is absent or empty.
_UPSTREAM_DEFAULTS: Final[dict[Key, object]] = {
    ("name",): "",
    ("app", "command"): "",
    ("app", "port"): 0,
    ("app", "host"): "localhost",
    ("test", "path"): "",
}


def own_shape(data: Data) -> Data:
    """Bring a file's values into the own shape; unknown keys are left out.

    Raises:
        KeployConfigError: ``app`` or ``test`` is no mapping.
    """
    for section in ("app", "test"):
        if not isinstance(data.get(section), dict | None):
            problem = f"must be a mapping, got {reprlib.repr(data[section])}; indent keys below it"
            raise KeployConfigError(problem, key=(section,), value=data[section])
    shaped: Data = {"app": {}, "test": {}}
    for key in _UPSTREAM_KEYS:
        value = _get(data, place_of(data, key))
        if not _is_own(data) and value in (None, ""):
            value = _UPSTREAM_DEFAULTS.get(key)
        if value is not None:
            _set(shaped, key, value)
    return shaped


def place_of(data: Data, key: Key) -> Key:
    """Find where a file keeps the value that the own shape has at *key*, or would keep it.

    The own place wins when both are filled.
    """
    upstream = _UPSTREAM_KEYS.get(key, key)
    for place in (key, upstream):
        if _get(data, place) is not None:
            return place
    return key if _is_own(data) else upstream


def text_of(new: Data, document: Document | None, old: Mapping[str, Any] | None) -> str:
    """Give the text of a file that says *new*.

    Args:
        new: The values, in the own shape and complete.
        document: The file to keep everything else of; ``None`` or an empty one starts afresh.
        old: What the document says, in the own shape; ``None`` when that is not valid.
    """
    if document is None:
        return dumped(new)
    if not document.data:
        return edited_text(document, new)
    data: Data = _unshared(document.data)
    for key in _UPSTREAM_KEYS:
        if old is None or _get(old, key) != _get(new, key):
            _set(data, place_of(document.data, key), _get(new, key))
    return edited_text(document, data)


def _is_own(data: Data) -> bool:
    return data.get("app") is not None


def _get(data: object, key: Key) -> object:
    for name in key:
        if not isinstance(data, dict):
            return None
        data = cast("dict[str, object]", data).get(name)
    return data


def _unshared(value: Any) -> Any:
    # Not deepcopy: what an anchor shares must not change in two places.
    if isinstance(value, dict):
        pairs = cast("dict[object, Any]", value).items()
        return {name: _unshared(inner) for name, inner in pairs}
    if isinstance(value, list):
        return [_unshared(item) for item in cast("list[Any]", value)]
    return value


def _set(data: Data, key: Key, value: object) -> None:
    *sections, name = key
    for section in sections:
        if not isinstance(data.get(section), dict):
            data[section] = {}
        data = data[section]
    data[name] = value
