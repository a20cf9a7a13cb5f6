"""TTA304: a client that is made for each call and thrown away."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.calls.composition import primitive_classes
from tta_dev_primitives.devtools.calls.flow import feeding, names_in, sources, within

from .asking_functions import AskingFunctions, last_name
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Confidence, Finding
    from tta_dev_primitives.devtools.source.source_file import FunctionNode

    from .rule import CheckedFile

CODE: Final = "TTA304"
# Objects that keep connections open: what is lost when they are made again and again.
_KEEPS_CONNECTIONS: Final = re.compile(
    r"(openai|anthropic|groq|together|cohere|mistralai|ollama|voyageai|cerebras|litellm)\."
    r"(.*\.)?((Async)?(Azure)?(OpenAI|Anthropic(Bedrock|Vertex)?|Groq|Together|Mistral|Client"
    r"(V2)?|Cerebras)|AsyncClient)|google\.genai\.(client\.)?Client|boto3\.client"
)
_TRIES: Final = re.compile(r"^_+$|attempt|retr|tries|try", re.IGNORECASE)
_ONCE: Final = re.compile(r"^(_*(main|cli|run|setup|init|demo|example|build|create|make|get)\b|__)")
_ROUTES: Final = frozenset(
    {
        *("api_route", "delete", "get", "on_message", "patch", "post", "put", "route", "task"),
        *("tool", "websocket"),
    }
)

PAGE: Final = Page(
    what="Reports a client of a provider that is made inside a loop, or inside a function that "
    "is called again and again, and used there only.",
    why="A client keeps connections open and uses them again. One that lives for a single call "
    "opens a new connection each time, reads the environment and the certificates anew, and "
    "shares no limit and no pool with the others. Under load the sockets of clients that nobody "
    "closed run out.",
    cost="A new TCP and TLS connection for each call, and the time to build a client: tens to "
    "some hundreds of milliseconds before the first token.",
    example="""
def ask(question: str) -> str:
    client = OpenAI(timeout=30)
    return client.responses.create(model="gpt-5-mini", input=question).output_text


answers = [ask(question) for question in questions]
""",
    use_instead="""
client = OpenAI(timeout=30)


def ask(question: str) -> str:
    return client.responses.create(model="gpt-5-mini", input=question).output_text


answers = [ask(question) for question in questions]
""",
    assumptions="A loop around the making is certain. A function counts as called again and again "
    "where the file shows it: it is called in a loop, started for each item, handed to a "
    "primitive, or serves requests; for others the confidence is medium. Clients that depend on "
    "the arguments of the function, such as a key for each customer, are left alone; so are "
    "`main`, `__init__`, factories that return the client, cached functions, `with` blocks, "
    "tests, and scripts at their top level.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report each making of a client once."""
    if checked.file.is_test or checked.file.is_notebook:
        return
    by_line: dict[int, list[ast.Call]] = {}
    if checked.sites:
        for call in checked.file.index.calls:
            by_line.setdefault(call.lineno, []).append(call)
    asking: AskingFunctions | None = None
    seen: set[ast.Call] = set()
    for site in checked.sites:
        made = _made_here(checked, site, by_line)
        if made is None or made in seen:
            continue
        seen.add(made)
        asking = asking or AskingFunctions(checked)
        found = _again_and_again(checked, asking, made)
        if found is not None:
            how, confidence = found
            name = ast.unparse(made.func)
            yield checked.finding(
                CODE, made, f"{name}() is made anew {how}; make it once", confidence=confidence
            )


def _made_here(
    checked: CheckedFile, site: CallSite, by_line: dict[int, list[ast.Call]]
) -> ast.Call | None:
    """Return the constructor of a site's client, where it stands in the same function."""
    origin = site.client
    if origin is None or origin.path != checked.file.path or site.kind != "sdk":
        return None
    if not _KEEPS_CONNECTIONS.fullmatch(origin.qualified):
        return None
    for call in by_line.get(origin.line, ()):
        if checked.names.qualified(call.func) == origin.qualified:
            same = checked.file.function_of(call) is checked.file.function_of(site.node)
            return call if same and call is not site.node else None
    return None


def _again_and_again(
    checked: CheckedFile, asking: AskingFunctions, made: ast.Call
) -> tuple[str, Confidence] | None:
    """Return how often a client is made, None where it may be once or must be each time."""
    function = checked.file.function_of(made)
    if _is_closed(checked, made) or _leaves(checked, made, function):
        return None
    loops = [loop for loop in checked.file.loops_around(made) if not _tries_again(loop)]
    if loops:
        targets = {name for loop in loops for name in _targets(loop)}
        if isinstance(loops[0], ast.While) or not targets.isdisjoint(names_in(made)):
            return None
        return "in each round of the loop", "high"
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    if _ONCE.search(function.name) or not _parameters(function).isdisjoint(
        _names_behind(function, made)
    ):
        return None
    if any(_is_cache(decorator) for decorator in function.decorator_list):
        return None
    how = _repeated(checked, asking, function)
    if how is not None:
        return how, "high"
    return f"for each call of {function.name}()", "medium"


def _repeated(checked: CheckedFile, asking: AskingFunctions, function: FunctionNode) -> str | None:
    """Return what shows that a function is called again and again."""
    name = getattr(function, "name", "")
    for decorator in getattr(function, "decorator_list", ()):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Attribute) and called.attr in _ROUTES:
            return f"for each request that {name}() serves"
    for made in checked.compositions:
        if any(step.target is function for step in made.steps):
            return f"for each run of the step {name}()"
    if name == "execute" and _is_method_of_primitive(checked, function):
        return "for each run of this primitive"
    for call in checked.file.index.calls:
        if last_name(call.func) != name or asking.function_of(call) is not function:
            continue
        if checked.file.loops_around(call):
            return f"for each call of {name}(), which is called in a loop (line {call.lineno})"
    return None


def _is_method_of_primitive(checked: CheckedFile, function: FunctionNode) -> bool:
    owner = next(checked.file.parents(function), None)
    return owner in primitive_classes(checked.file, checked.names)


def _is_closed(checked: CheckedFile, made: ast.Call) -> bool:
    return any(isinstance(parent, ast.withitem) for parent in checked.file.parents(made))


def _leaves(checked: CheckedFile, made: ast.Call, function: ast.AST | None) -> bool:
    """Whether a client is kept or handed on: returned, stored, or given to something else."""
    parent = next(checked.file.parents(made), None)
    if isinstance(parent, ast.Attribute):
        return False
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
        return True
    target = parent.targets[0]
    if not isinstance(target, ast.Name) or function is None:
        return not isinstance(target, ast.Name)
    given = 0
    for node in ast.walk(function):
        if isinstance(node, (ast.Global, ast.Nonlocal)) and target.id in node.names:
            return True
        if not isinstance(node, ast.Name) or node.id != target.id:
            continue
        if isinstance(node.ctx, ast.Store):
            given += 1
            if given > 1:
                return True  # which one it is depends on something
        else:
            user = next(checked.file.parents(node), None)
            if not isinstance(user, ast.Attribute):
                return True
    return False


def _tries_again(loop: ast.AST) -> bool:
    """Whether a loop is left as soon as something works: as a rule it runs once."""
    if any(_TRIES.search(name) for name in _targets(loop)):
        return True
    return isinstance(loop, (ast.For, ast.While)) and any(
        isinstance(node, (ast.Break, ast.Return)) for node in within(loop.body)
    )


def _targets(loop: ast.AST) -> set[str]:
    generators: list[ast.comprehension] = getattr(loop, "generators", [])
    targets: list[ast.expr] = [generator.target for generator in generators]
    if isinstance(loop, (ast.For, ast.AsyncFor)):
        targets.append(loop.target)
    return {
        node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)
    }


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return {argument.arg for argument in named}


def _names_behind(function: ast.FunctionDef | ast.AsyncFunctionDef, made: ast.Call) -> set[str]:
    values = [*made.args, *(keyword.value for keyword in made.keywords)]
    return feeding(values, sources(function.body))


def _is_cache(decorator: ast.expr) -> bool:
    return "cache" in ast.unparse(decorator).lower() or "fixture" in ast.unparse(decorator).lower()


RULE: Final = Rule(CODE, "client-per-call", "warning", is_default=True, page=PAGE, check=check)
