"""Pydantic models in trees: all that an instance holds, without a call of its own code."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

from .trees_dataclasses import is_plain_class, is_remembered_property, slots
from .trees_simple import (
    Inner,
    fields_to_trees,
    loaded_type,
    refused,
    require_none,
    require_same_fields,
    trees_to_fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def fits(kind: type) -> bool:
    """Tell whether *kind* is a model of Pydantic 2; Pydantic is not loaded to find out."""
    model = loaded_type("pydantic.main:BaseModel")
    return model is not None and model in kind.__mro__ and hasattr(kind, "model_fields")


def describe(
    value: Any, place: str, inner: Inner, *, for_key: bool
) -> dict[str, Any]:  # Any: an instance, and JSON
    """Return fields, extra values and private attributes of a model.

    For a key, two models are the same when Pydantic calls them equal: which fields were set and
    which are defaults does not count, nor does an attribute that is no field.
    """
    kind = cast("type[Any]", type(value))
    attributes: dict[str, Any] = value.__dict__  # Any: values of any type
    fields: dict[str, Any] = kind.model_fields  # Any: what Pydantic knows of a field
    extra: dict[str, Any] | None = getattr(value, "__pydantic_extra__", None)  # Any: as above
    private: dict[str, Any] | None = getattr(value, "__pydantic_private__", None)
    set_names: set[str] | None = getattr(value, "__pydantic_fields_set__", None)
    if missing := [name for name in fields if name not in attributes]:
        raise refused(kind, place, f"has no value for some of its fields ({', '.join(missing)})")
    if not (for_key or (set_names is not None and _can_be_rebuilt(kind, extra, private))):
        raise refused(kind, place, "holds what cannot be brought back")
    present = {name: attributes[name] for name in fields}
    node: dict[str, Any] = {"v": fields_to_trees(present, place, inner)}  # Any: JSON
    for section, items in (("extra", extra), ("private", private)):
        if items:
            node[section] = fields_to_trees(items, place, inner)
    if for_key:
        return node
    # Kept, unlike those of a dataclass: an SDK leaves the id of the request there.
    others = {
        name: item
        for name, item in attributes.items()
        if name not in fields and not is_remembered_property(kind, name)
    }
    if others:
        node["beside"] = fields_to_trees(others, place, inner)
    if set_names != {*fields, *(extra or ())}:
        node["set"] = sorted(set_names or ())
    return node


def rebuild(
    kind: type[Any], node: dict[str, Any], read: Callable[[Any], Any]
) -> object:  # Any: a model type, and JSON
    """Return a model as it was; nothing is validated and no code of its class is run."""
    body = node["v"]
    require_same_fields(kind, body, kind.model_fields)
    extra, private, others = (
        trees_to_fields(node.get(section, {}), read) for section in ("extra", "private", "beside")
    )
    require_none(kind, _misplaced(kind, extra, private))
    set_names = node.get("set")
    value = object.__new__(kind)
    put = object.__setattr__
    put(value, "__dict__", trees_to_fields(body, read) | others)
    put(value, "__pydantic_extra__", extra if _takes_extra(kind) else None)
    put(
        value,
        "__pydantic_fields_set__",
        {*body, *extra} if set_names is None else set(map(str, set_names)),
    )
    put(value, "__pydantic_private__", private if kind.__private_attributes__ else None)
    return value


def _can_be_rebuilt(
    kind: type[Any], extra: dict[str, Any] | None, private: dict[str, Any] | None
) -> bool:  # Any: a model type and its values
    return (
        is_plain_class(kind)
        and not slots(kind)
        and (extra is not None) is _takes_extra(kind)
        and (private is not None) is bool(kind.__private_attributes__)
        and not _misplaced(kind, extra or {}, private or {})
    )


def _misplaced(
    kind: type[Any], extra: dict[str, Any], private: dict[str, Any]
) -> set[str]:  # Any: a model type and its values
    """Return what the class has no place for, and private attributes that lack their default."""
    declared = kind.__private_attributes__
    found = private.keys() - declared.keys()
    found |= {name for name in _private_defaults(kind) if name not in private}
    return found if _takes_extra(kind) else found | extra.keys()


@functools.lru_cache(256)
def _private_defaults(kind: type[Any]) -> frozenset[str]:  # Any: a model type
    from pydantic_core import PydanticUndefined

    return frozenset(
        name
        for name, private in kind.__private_attributes__.items()
        if private.default is not PydanticUndefined or private.default_factory is not None
    )


def _takes_extra(kind: type[Any]) -> bool:  # Any: a model type
    return kind.model_config.get("extra") == "allow"
