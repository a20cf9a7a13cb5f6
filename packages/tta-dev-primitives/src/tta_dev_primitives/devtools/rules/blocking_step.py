"""TTA405: a step of a workflow that blocks the event loop."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.calls.composition import primitive_classes
from tta_dev_primitives.devtools.calls.layers import chains, roots

from .blocking_calls import blocking_calls
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.findings.finding import Confidence, Finding

    from .rule import CheckedFile

CODE: Final = "TTA405"
_METHODS: Final = frozenset({"execute", "stream", "transform"})
# What cannot do its work while the loop stands still, or has several calls run at a time.
_NEED_THE_LOOP: Final = {
    "TimeoutPrimitive": "its limit cannot pass meanwhile",
    "HedgePrimitive": "no hedge can begin meanwhile",
    "ParallelPrimitive": "its branches run one after the other",
    "BulkheadPrimitive": "no other call can run meanwhile",
    "BatchPrimitive": "no other call can join meanwhile",
}

PAGE: Final = Page(
    what="Reports calls that block inside `execute`, `stream` or `transform` of a primitive, and "
    "inside functions that are handed to primitives as steps: `requests`, `time.sleep`, "
    "`subprocess.run`, `urllib`, `httpx.get`, and synchronous clients of models. Plain functions "
    "of the same file that the step calls are looked into.",
    why="All steps of a workflow share one event loop. While one of them blocks, nothing else "
    "runs: no other request, no time limit, no hedge, no cancellation. A `TimeoutPrimitive` "
    "around a step that blocks for a minute lets it block for a minute.",
    cost="The waiting time of every other call in the process: ten calls of 5 seconds that were "
    "to run side by side take 50 seconds.",
    example="""
class Ask(WorkflowPrimitive[str, str]):
    async def execute(self, input_data, context):
        time.sleep(1)
        return requests.post(URL, json={"prompt": input_data}, timeout=30).text
""",
    use_instead="""
class Ask(WorkflowPrimitive[str, str]):
    async def execute(self, input_data, context):
        await asyncio.sleep(1)
        answer = await self.client.post(URL, json={"prompt": input_data}, timeout=30)
        return answer.text


# Or, where there is only a blocking client:
async def ask(prompt: str) -> str:
    return await asyncio.to_thread(blocking_ask, prompt)
""",
    assumptions="What runs in a thread is left alone: `asyncio.to_thread`, `run_in_executor`, and "
    "functions or lambdas handed to them. A synchronous function as a step is run in the event "
    "loop like any other; it is reported with high confidence where it stands under something "
    "that needs the loop, such as a time limit or a parallel branch, and else with medium "
    "confidence, as a script that does one thing at a time loses nothing by it.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report each call that blocks once."""
    seen: set[ast.AST] = set()
    for owner in primitive_classes(checked.file, checked.names):
        for method in owner.body:
            if isinstance(method, ast.AsyncFunctionDef) and method.name in _METHODS:
                place = f"{owner.name}.{method.name}()"
                yield from _blocking(checked, method, place, "", "high", seen)
    for function, reason in step_functions(checked).items():
        is_async = isinstance(function, ast.AsyncFunctionDef)
        confidence: Confidence = "high" if is_async or reason else "medium"
        name = getattr(function, "name", "this function")
        place = f"{name}(), a step" if name != "this function" else "a step"
        yield from _blocking(checked, function, place, reason, confidence, seen)


def step_functions(checked: CheckedFile) -> dict[ast.AST, str]:
    """Return the functions that run as steps, each with what suffers when they block, or ""."""
    found: dict[ast.AST, str] = {}
    for root in roots(checked.compositions):
        for chain in chains(root):
            leaf = chain.leaf
            if not isinstance(leaf, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                continue
            reasons = [
                f"under {layer.kind} {_NEED_THE_LOOP[layer.kind]}"
                for layer in chain.layers
                if layer.kind in _NEED_THE_LOOP and layer.is_certain
            ]
            if not found.get(leaf):
                found[leaf] = reasons[-1] if reasons else ""
    return found


def _blocking(
    checked: CheckedFile,
    function: ast.AST,
    place: str,
    reason: str,
    confidence: Confidence,
    seen: set[ast.AST],
) -> Iterator[Finding]:
    for call in blocking_calls(checked, function):
        if call.node in seen:
            continue
        seen.add(call.node)
        after = f"; {reason}" if reason else ""
        message = f"{call.what} blocks the event loop in {place}{after}"
        yield checked.finding(CODE, call.node, message, confidence=confidence)


def is_step(checked: CheckedFile, function: ast.AST | None) -> bool:
    """Tell whether a function runs as a step, so that this rule speaks of what blocks in it."""
    if not checked.compositions and "Primitive" not in checked.file.text:
        return False
    methods = {
        method
        for owner in primitive_classes(checked.file, checked.names)
        for method in owner.body
        if isinstance(method, ast.AsyncFunctionDef) and method.name in _METHODS
    }
    return function in methods or function in step_functions(checked)


RULE: Final = Rule(
    CODE, "blocking-in-primitive", "warning", is_default=True, page=PAGE, check=check
)
