"""TTA205: embeddings that are asked for one at a time."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from .missing_timeout import confidence_in
from .prompt_text import argument_of
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile

CODE: Final = "TTA205"

# What the texts are called where a list of them is accepted.
_TEXTS: Final = {
    "openai": ("input",),
    "azure": ("input",),
    "mistral": ("inputs", "input"),
    "together": ("input",),
    "litellm": ("input",),
    "cohere": ("texts",),
    "voyage": ("texts",),
    "ollama": ("input",),
    "google": ("contents",),
}

PAGE: Final = Page(
    what="Reports a loop that asks for the embedding of one item at a time, where the provider "
    "takes a list.",
    why="Each request costs a round trip and counts against the limit on requests. A hundred "
    "texts in one request take about as long as one.",
    cost="One round trip an item, 0.1 to 0.5 s each, and one request of the rate limit.",
    example="""
vectors = []
for text in texts:
    answer = client.embeddings.create(model="text-embedding-3-small", input=text)
    vectors.append(answer.data[0].embedding)
""",
    use_instead="""
answer = client.embeddings.create(model="text-embedding-3-small", input=texts)
vectors = [item.embedding for item in answer.data]
""",
    assumptions="The text must be what the loop runs over, and it must be certain that it is one "
    "text: a list of one, or an answer of which only the first embedding is taken. Loops over "
    "batches, `while` loops, loops that try again and loops in an error handler are left alone. "
    "Providers limit the size of a list (2,048 texts for OpenAI), so long ones need batches.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report calls for one embedding in a loop over texts."""
    for site in checked.sites:
        if site.api != "embeddings" or site.kind != "sdk" or site.has_unknown_arguments:
            continue
        given = next(
            (
                value
                for name in _TEXTS.get(site.provider, ())
                if (value := argument_of(site.node, name))
            ),
            None,
        )
        if given is None or not _is_loop_item(checked, site, given):
            continue
        if isinstance(given, ast.List) or _takes_the_first(checked, site):
            yield checked.finding(
                CODE,
                site.node,
                f"one request of {site.provider} for each item of this loop, where one request "
                "takes a list of them",
                confidence=confidence_in(checked),
            )


def _is_loop_item(checked: CheckedFile, site: CallSite, given: ast.expr) -> bool:
    """Tell whether the innermost loop hands its own items to the call."""
    loops = checked.file.loops_around(site.node)
    loop = loops[0] if loops else None
    if loop is None or any(
        isinstance(parent, ast.ExceptHandler) for parent in _above(checked, loop)
    ):
        return False
    if isinstance(loop, (ast.For, ast.AsyncFor)):
        targets, sources = [loop.target], [loop.iter]
    elif isinstance(loop, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        targets = [generator.target for generator in loop.generators]
        sources = [generator.iter for generator in loop.generators]
    else:
        return False
    if any(_is_counting_or_batching(source) for source in sources):
        return False
    if isinstance(given, ast.List):
        if len(given.elts) != 1 or isinstance(given.elts[0], ast.Starred):
            return False
        given = given.elts[0]
    items = {
        node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)
    }
    return _root_name(given) in items


def _above(checked: CheckedFile, loop: ast.AST) -> Iterator[ast.AST]:
    """Yield what is around a loop in its function: in a handler, a list may just have failed."""
    function = checked.file.function_of(loop)
    for parent in checked.file.parents(loop):
        if parent is function:
            return
        yield parent


def _is_counting_or_batching(source: ast.expr) -> bool:
    """Tell whether a loop runs over numbers or over groups rather than over texts."""
    for node in ast.walk(source):
        name = node.id if isinstance(node, ast.Name) else ""
        name = node.attr if isinstance(node, ast.Attribute) else name
        if name in ("range", "count") or any(word in name.lower() for word in ("batch", "chunked")):
            return True
    return False


def _root_name(expression: ast.expr) -> str | None:
    """Return `item` for `item`, `item.text`, `item["text"]`, `item.strip()` and `str(item)`."""
    while True:
        if isinstance(expression, ast.Name):
            return expression.id
        if isinstance(expression, (ast.Attribute, ast.Subscript)):
            if isinstance(expression, ast.Subscript) and isinstance(expression.slice, ast.Slice):
                return None
            expression = expression.value
        elif isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
            expression = expression.func.value
        elif isinstance(expression, ast.Call) and len(expression.args) == 1:
            expression = expression.args[0]
        else:
            return None


def _takes_the_first(checked: CheckedFile, site: CallSite) -> bool:
    """Tell whether only the first embedding of the answer is used."""
    parents = checked.file.parents(site.node)
    holder: ast.AST = site.node
    for parent in parents:
        if isinstance(parent, (ast.Attribute, ast.Await)):
            holder = parent
        elif isinstance(parent, ast.Subscript) and parent.value is holder:
            return _is_zero(parent)
        elif isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            target = parent.targets[0]
            scope = checked.file.function_of(site.node) or checked.file.tree
            return isinstance(target, ast.Name) and _first_of(scope, target.id)
        else:
            return False
    return False


def _first_of(scope: ast.AST, name: str) -> bool:
    """Tell whether every use of *name* ends at the first of its items."""
    uses = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    ]
    firsts = {
        root
        for node in ast.walk(scope)
        if isinstance(node, ast.Subscript) and _is_zero(node)
        if (root := _root_node(node)) is not None
    }
    return bool(uses) and all(use in firsts for use in uses)


def _root_node(expression: ast.expr) -> ast.Name | None:
    while isinstance(expression, (ast.Attribute, ast.Subscript)):
        expression = expression.value
    return expression if isinstance(expression, ast.Name) else None


def _is_zero(subscript: ast.Subscript) -> bool:
    return isinstance(subscript.slice, ast.Constant) and subscript.slice.value == 0


RULE: Final = Rule(
    code=CODE,
    name="per-item-calls",
    level="warning",
    is_default=True,
    page=PAGE,
    check=check,
)
