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

    The router sees an `LLMRequest` with the recorded text as the user's message. A route stands for
    the model of the adapter in it; one without an adapter stands for the model of its own name.

    Args:
        router: Whose choices are wanted.
    """

    def __init__(self, router: RouterPrimitive[Any, Any]) -> None:  # Any: the user's own types
        from tta_dev_primitives.llm.types import LLMRequest

        self._router, self._request = router, LLMRequest
        self._models = {route: _model_of(route, step) for route, step in router.routes.items()}
        if not router.ready:
            asyncio.run(router.prepare(WorkflowContext()))

    def choose(self, request: TrafficRequest) -> str:
        """Return the model's name.

        Raises:
            UsageError: The text of the request was not recorded, or the router has no route for it.
        """
        if not request.text:
            msg = (
                f"request {request.id} was recorded without its text, which a router has to read; "
                "record messages or prompt"
            )
            raise UsageError(msg)
        asked = self._request(({"role": "user", "content": request.text},))
        try:
            route, _ = self._router.select(asked, WorkflowContext())
        except RouteNotFoundError as error:
            msg = f"request {request.id}: {error}"
            raise UsageError(msg) from error
        return self._models[route]


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


def _model_of(route: str, step: WorkflowPrimitive[Any, Any]) -> str:
    for _, node in step.walk():
        model = getattr(node, "model", None)
        if node.upstream and isinstance(model, str):
            return model
    return route
