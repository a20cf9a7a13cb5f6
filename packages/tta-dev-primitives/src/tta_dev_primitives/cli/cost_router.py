"""An app's own router, asked where it would send recorded requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.core.routing import RouterPrimitive
from tta_dev_primitives.errors import RouteNotFoundError

from .exits import UsageError
from .workflows import load_workflow

if TYPE_CHECKING:
    from tta_dev_primitives.core.base import WorkflowPrimitive
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest


class RecordedRouter:
    """Names the model that a `RouterPrimitive` would ask, without calling any.

    The router sees an `LLMRequest` with the recorded text as the user's message; where its function
    raises on the first one, it sees the text itself. A route stands for the model of the first
    adapter in it; one without an adapter stands for the model of its own name.

    Args:
        router: Whose choices are wanted.

    Raises:
        UsageError: The router chooses by what no recording has.
    """

    def __init__(self, router: RouterPrimitive[Any, Any]) -> None:  # Any: the user's own types
        if router.strategy == "latency":
            msg = (
                "the router's strategy is 'latency', which goes by what it measures while it runs; "
                "a recording tells nothing of that, so name a router with another strategy"
            )
            raise UsageError(msg)
        self._router = router
        self._models = {route: _models_of(route, step) for route, step in router.routes.items()}
        self._takes_text: bool | None = None
        if not router.ready:
            asyncio.run(router.prepare(WorkflowContext()))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the figures has to know of how the router was asked."""
        seen = "the text of each request"
        if not self._takes_text:
            seen = "an LLMRequest with the text of each request as one message"
        lines = [f"router: it saw {seen}, without parameters, tools or a context"]
        lines += [
            f"route {route!r} is priced as {models[0]!r}, the first of its models: "
            f"{', '.join(models)}"
            for route, models in self._models.items()
            if len(models) > 1
        ]
        return tuple(lines)

    def choose(self, request: TrafficRequest) -> str:
        """Return the model's name.

        Raises:
            UsageError: The text of the request was not recorded, or the router has no route for it,
                or raises.
        """
        if not request.text:
            msg = (
                f"request {request.id} was recorded without its text, which a router has to read; "
                "record messages or prompt"
            )
            raise UsageError(msg)
        try:
            route = self._route(request.text)
        except RouteNotFoundError as error:
            msg = f"request {request.id}: {error}"
            raise UsageError(msg) from error
        except Exception as error:
            msg = (
                f"the router raised {type(error).__name__} on request {request.id}: "
                f"{str(error)[:200]}; it is asked with an LLMRequest, or with the text alone"
            )
            raise UsageError(msg) from error
        return self._models[route][0]

    def _route(self, text: str) -> str:
        if self._takes_text is None:
            try:
                found = self._select(text, as_text=False)
            except RouteNotFoundError:
                raise
            except Exception:  # noqa: BLE001 - whatever a function for texts raises on others
                found = self._select(text, as_text=True)
                self._takes_text = True
            else:
                self._takes_text = False
            return found
        return self._select(text, as_text=self._takes_text)

    def _select(self, text: str, *, as_text: bool) -> str:
        from tta_dev_primitives.llm.types import LLMRequest

        asked = text if as_text else LLMRequest(({"role": "user", "content": text},))
        return self._router.select(asked, WorkflowContext())[0]


def load_router(reference: str) -> RecordedRouter:
    """Return the router that `MODULE_OR_FILE:NAME` names: itself, or the first in a workflow.

    Raises:
        UsageError: There is no such thing, or no router in it.
    """
    workflow = load_workflow(reference)
    for _, node in workflow.walk():
        if isinstance(node, RouterPrimitive):
            return RecordedRouter(node)
    msg = f"{reference} has no RouterPrimitive in it; name a router, or a workflow with one"
    raise UsageError(msg)


def _models_of(route: str, step: WorkflowPrimitive[Any, Any]) -> list[str]:
    """Return the models in a route, each once; the route's own name where there is none."""
    found: dict[str, None] = {}
    for _, node in step.walk():
        model = getattr(node, "model", None)
        if node.upstream and isinstance(model, str):
            found[model] = None
    return list(found) or [route]
