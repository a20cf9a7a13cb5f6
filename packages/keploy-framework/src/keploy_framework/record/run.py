"""Run an app and record it until somebody says stop."""

from __future__ import annotations

import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import AppError, ListenError
from keploy_framework.process import AppProcess, PortMove, Readiness, wait_until_ready
from keploy_framework.process.outgoing import OutgoingOptions, recorded_way_out
from keploy_framework.process.ports import free_port
from keploy_framework.process.readiness import ended
from keploy_framework.proxy.ingress import IngressRelay
from keploy_framework.proxy.recording import Recording
from keploy_framework.redaction import RedactionRules, Redactor

from .recorder import Recorder, RecordSummary
from .set_writer import SetWriter, WriteRules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from keploy_framework.formats import KeployTree
    from keploy_framework.process import AppAddress, StopSignal
    from keploy_framework.process.output import Output

_LOOK_SECONDS: Final = 0.1
# A mock must be given whole, so more is kept than of what the app itself answers.
_MOST_ANSWER_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """How an app is recorded.

    Args:
        command: The command that starts it.
        ready: What it looks like when it is ready; its port may be 0.
        test_set: The name of the set to write; empty for the next free one.
        timer_seconds: After how long the recording ends by itself; 0 for never.
        write: How exchanges become files.
        redaction: What is redacted.
        outgoing: How the app's calls are led through the proxy.
        move: Whether the app is moved to a hidden port, so that its own is recorded.
        folder: Where the app runs; ``None`` for here.
        output: Where what the app writes goes; ``None`` for nowhere.
    """

    command: str
    ready: Readiness = field(default_factory=Readiness)
    test_set: str = ""
    timer_seconds: float = 0.0
    write: WriteRules = field(default_factory=WriteRules)
    redaction: RedactionRules = field(default_factory=RedactionRules)
    outgoing: OutgoingOptions = field(default_factory=OutgoingOptions)
    move: bool = True
    folder: Path | None = None
    output: Output | None = None


async def record(
    tree: KeployTree,
    options: RecordOptions,
    stop: StopSignal,
    *,
    say: Callable[[str], None] = lambda _: None,
    environment: Mapping[str, str] | None = None,
) -> RecordSummary:
    """Record until *stop*, the timer or the end of the app.

    Whatever ends it, everything that was recorded is written, and every process of the app has
    ended. A folder takes one recorder at a time.

    Args:
        tree: Where to write.
        options: How to record.
        stop: Ends the recording.
        say: Gets lines for the user.
        environment: The environment of the app before it is changed; ``None`` for our own.

    Raises:
        AppError: The app could not be started or was never ready.
        KeployTreeBusyError: Another recorder is at work in the folder.
        KeployPathError: The name of the set leads out of the folder.
        ListenError: The app's port is taken by somebody else.
        OSError: What was recorded could not be written.
    """
    base = dict(os.environ if environment is None else environment)
    name = options.test_set or tree.next_set_name()
    recorded = tree.test_set(name)
    redactor = Redactor.from_environment(base, options.redaction)
    with tree.recording():
        rules = replace(options.write, command=options.write.command or options.command)
        writer = SetWriter(recorded, rules, redactor)
        recorder = Recorder(writer)
        app_code: int | None = None
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(recorder)
            way_out = await stack.enter_async_context(
                recorded_way_out(
                    Recording(
                        recorder.mock,
                        recorder.unrecorded_call,
                        response_bytes=_MOST_ANSWER_BYTES,
                        whole_only=True,
                    ),
                    options.outgoing,
                    base,
                )
            )
            move = stack.enter_context(PortMove(options.ready.port)) if options.move else None
            child = way_out.environment
            if move is not None:
                child = move.environment(child, shims=options.outgoing.shims)
            app = AppProcess(
                options.command,
                environment={"PYTHONUNBUFFERED": "1", **child},
                folder=options.folder,
                output=options.output,
            )
            await stack.enter_async_context(app)
            address = await wait_until_ready(app, options.ready, move, stop=stop)
            if address is not None:
                port = address.public if address.public != address.port else free_port()
                # Nothing is written before the relay is open, so the rules may change until then.
                writer.rules = replace(
                    rules,
                    app_port=address.public,
                    host_as=_hosts(port, address.public),
                    base_urls=way_out.base_urls,
                )
                await _open_relay(stack, address, port, recorder)
                way_out.is_own(address.port, port)
                say(_where(port, address))
                app_code = await _until_end(app, options.timer_seconds, stop, say)
        summary = replace(recorder.summary(), app_code=app_code)
        if summary.tests or summary.mocks:
            tree.write_gitignore()
    if recorder.failure is not None:
        raise recorder.failure
    return summary


async def _open_relay(
    stack: AsyncExitStack, address: AppAddress, port: int, recorder: Recorder
) -> None:
    relay = IngressRelay(
        address.port,
        Recording(recorder.test, recorder.unrecorded),
        app_host=address.host,
        port=port,
    )
    try:
        await stack.enter_async_context(relay)
    except ListenError as error:
        problem = f"{error.problem}; the app's callers would not be recorded"
        raise AppError(problem, reason="port-taken") from error


def _where(port: int, address: AppAddress) -> str:
    if port == address.public:
        return f"recording http://127.0.0.1:{port}; press Ctrl-C to stop"
    return (
        f"the app keeps port {address.port} for itself; "
        f"send your calls to http://127.0.0.1:{port} to record them; press Ctrl-C to stop"
    )


def _hosts(relay: int, public: int) -> dict[str, str]:
    """Name the app's own host for what callers of the relay call it."""
    if relay == public:
        return {}
    names = ("127.0.0.1", "localhost", "[::1]")
    return {f"{name}:{relay}": f"{name}:{public}" for name in names}


async def _until_end(
    app: AppProcess, timer_seconds: float, stop: StopSignal, say: Callable[[str], None]
) -> int | None:
    """Wait for the end of the recording, and give how the app ended where that is why."""
    until = time.monotonic() + timer_seconds if timer_seconds else None
    while not await stop.wait(_LOOK_SECONDS):
        if not app.is_alive:
            say(str(ended(app, "while it was recorded")))
            return app.returncode
        if until is not None and time.monotonic() >= until:
            break
    return None
