"""From the arguments of a cache to the rules that it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.answering.cluster_answers import Cluster
from tta_dev_primitives.performance.answering.store_shelf import StoreShelf
from tta_dev_primitives.performance.stores.base import ClusterStore

from .keys import key_fn_without

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable

    from tta_dev_primitives.core.context import WorkflowContext
    from tta_dev_primitives.performance.answering.memory_shelf import MemoryShelf

T = TypeVar("T")


def key_function(
    cache_key_fn: Callable[[Any, WorkflowContext], Hashable] | None,  # Any: the step's own type
    exclude: Collection[str],
) -> Callable[[Any, WorkflowContext], Hashable] | None:
    """Return what makes keys, or None where the whole input is the key."""
    if isinstance(exclude, str):
        msg = f"exclude takes a collection of names, got the text {exclude!r}; put it in a list"
        raise ConfigurationError(msg)
    if cache_key_fn is not None and exclude:
        msg = "cache_key_fn and exclude contradict each other; exclude in the function itself"
        raise ConfigurationError(msg)
    return key_fn_without(exclude) if exclude else cache_key_fn


def tag_function(
    tags: Collection[str] | Callable[[Any, Any], Iterable[str]],  # Any: the step's own types
) -> Callable[[Any, Any], Iterable[str]] | None:
    """Return what makes the tags of an answer, or None where there are none."""
    if callable(tags):
        return tags
    if isinstance(tags, str):
        msg = f"tags takes a collection of names, got the text {tags!r}; put it in a list"
        raise ConfigurationError(msg)
    names = tuple(tags)
    return (lambda _input, _result: names) if names else None


def error_kinds(
    kinds: type[Exception] | Collection[type[Exception]],
) -> tuple[type[Exception], ...]:
    """Return the kinds of errors as `isinstance` takes them."""
    found = (kinds,) if isinstance(kinds, type) else tuple(kinds)
    for kind in cast("tuple[object, ...]", found):
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            msg = f"negative_errors takes kinds of Exception, got {kind!r}"
            raise ConfigurationError(msg)
    return found


def chosen(name: str, value: T, choices: tuple[str, ...]) -> T:
    """Return *value* if it is one of *choices*."""
    if value not in choices:
        msg = f"{name} must be {' or '.join(map(repr, choices))}, got {value!r}"
        raise ConfigurationError(msg)
    return value


def cluster_of(single_flight: str, shelf: MemoryShelf | StoreShelf) -> Cluster | None:
    """Return the processes that share the work, where that is asked for."""
    if chosen("single_flight", single_flight, ("process", "cluster")) == "process":
        return None
    if isinstance(shelf, StoreShelf) and isinstance(shelf.store, ClusterStore):
        return Cluster(shelf.store)
    msg = "single_flight='cluster' needs a store that many machines share; use backend='redis'"
    raise ConfigurationError(msg)
