"""TTA301: a synchronous call of a model inside `async def`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from .blocking_calls import is_surely_sync
from .blocking_step import is_step
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile

CODE: Final = "TTA301"
_ASYNC_NAMES: Final = {
    "anthropic": "AsyncAnthropic",
    "azure": "AsyncAzureOpenAI",
    "groq": "AsyncGroq",
    "ollama": "AsyncClient",
    "openai": "AsyncOpenAI",
    "together": "AsyncTogether",
    "cohere": "AsyncClient",
    "voyage": "AsyncClient",
}

PAGE: Final = Page(
    what="Reports a call of a model through a synchronous client in the body of an `async def`.",
    why="A coroutine gives way to others only where it awaits. A synchronous client waits for the "
    "network in the thread of the event loop, for seconds or minutes, and no other request, "
    "timer, health check or cancellation is served meanwhile. Under load the server looks dead, "
    "and with one user it looks fine.",
    cost="The latency of one answer is added to every other request of the process, so a server "
    "answers one question at a time however many it is asked.",
    example="""
client = OpenAI()


async def answer(question: str) -> str:
    reply = client.responses.create(model="gpt-5-mini", input=question)
    return reply.output_text
""",
    use_instead="""
client = AsyncOpenAI()


async def answer(question: str) -> str:
    reply = await client.responses.create(model="gpt-5-mini", input=question)
    return reply.output_text
""",
    assumptions="The client must be known to be synchronous, by its class or because its answer "
    "is used on the spot: a call without `await` may also make a coroutine that is awaited "
    "later. Functions and lambdas inside the `async def` are left alone, as they are what one "
    "hands to `asyncio.to_thread` or `run_in_executor`. Tests are left alone. In a primitive, "
    "TTA405 says the same.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report each such call."""
    if checked.file.is_test:
        return
    for site in checked.sites:
        if site.kind != "sdk" or site.mode != "sync":
            continue
        function = checked.file.function_of(site.node)
        if (
            isinstance(function, ast.AsyncFunctionDef)
            and is_surely_sync(checked, site)
            and not is_step(checked, function)
        ):
            yield checked.finding(CODE, site.node, _message(site, function.name))


def _message(site: CallSite, name: str) -> str:
    use = _ASYNC_NAMES.get(site.provider)
    if site.provider == "google":
        use = "client.aio"
    elif site.provider == "litellm":
        function = site.node.func
        called = function.attr if isinstance(function, ast.Attribute) else ""
        use = f"litellm.a{called}" if called else "the function of litellm that begins with an a"
    advice = "" if use is None else f"; use {use}"
    return f"this synchronous call of {site.provider} blocks the event loop in {name}(){advice}"


RULE: Final = Rule(CODE, "sync-client-in-async", "warning", is_default=True, page=PAGE, check=check)
