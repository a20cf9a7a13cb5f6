"""Look for blocking steps without being asked where the event loop is in debug mode.

Nothing tells when a loop in debug mode begins, and a test in every call would cost every call. So
`observe.active` has no value until the first call in a loop asks for it. That call looks at its
loop, and later ones find a plain value. When the loop is gone, the next call looks again. So a loop
in debug mode that begins while one without it still runs, in another thread, is not found.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any, Final

from . import observe

if TYPE_CHECKING:
    from .observers import Observers

_PACKAGE: Final = "tta_dev_primitives."
_names: Final = observe.__dict__
_put_aside: Final[dict[str, Any]] = {}  # Any: a function that has no type
_looked_at: weakref.ref[asyncio.AbstractEventLoop] | None = None


def first_asked(module: str) -> Observers | None:
    """Return the value of `observe.active`, for which the code of *module* asks."""
    if running_loop() is not None:
        return settle()
    # A call may be made before its loop runs, as in `asyncio.run(step.execute(x))`: it gets
    # observers, nobody yet, and settles the matter when it begins. Whoever else asks is told that
    # nobody watches.
    return observe.Observers(()) if module.startswith(_PACKAGE) else None


def settle() -> Observers | None:
    """Look at the running loop once, and return who watches from now on."""
    global _looked_at  # noqa: PLW0603 - there is one hook in the process
    observe.active, observe.settled = installed(), True
    # The interpreter reads attributes more slowly from a module that has a `__getattr__`.
    getter = _names.pop("__getattr__", None)
    if getter is not None:
        _put_aside["__getattr__"] = getter
    loop = running_loop()
    if loop is None:  # a coroutine that is driven by hand
        return observe.active
    if loop.get_debug():
        from .blocking import watch_debug_loops

        watch_debug_loops()
    else:
        _looked_at = weakref.ref(loop, lambda _: unsettle())
    return observe.active


def unsettle() -> None:
    """Let the next call look at its loop."""
    observe.settled = False
    _names.update(_put_aside)
    if installed() is None:
        _names.pop("active", None)


def installed() -> Observers | None:
    """Return those who watch now, without settling anything."""
    return _names.get("active")


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the running event loop, where there is one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
