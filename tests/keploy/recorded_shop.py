"""The shop, recorded with real clients while the servers it calls run, then replayed alone."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keploy_command import Keploy, app_command, free_port
from upstreams import Addresses, counted_connections, running_upstreams
from visits import Visit, ask, of_the_shop

CLIENTS = {
    "flask_app.py": [
        *(["curl"] if shutil.which("curl") else []),
        "requests",
        "urllib3",
        "httpx",
        "httpx2",
        "openai",
        "anthropic",
    ],
    "fastapi_app.py": ["httpx-async", "openai-async"],
    "aiohttp_app.py": ["aiohttp", "requests"],
    "node_app.mjs": ["fetch", "https"],
}
NEEDS = {"flask_app.py": "flask", "fastapi_app.py": "fastapi", "aiohttp_app.py": "aiohttp"}


@dataclass(frozen=True)
class RecordedShop:
    """An app that was recorded, and replayed when the servers it called were gone.

    Args:
        keploy: The command, in the folder of the recording.
        command: What starts the app.
        addresses: Where the servers were.
        secrets: What must not be in any file.
        visits: How many there were.
        shown: What the recorder printed.
        code: The exit code of the replay.
        report: The report of the replay.
        reached: The ports of the servers that were connected to in the replay.
    """

    keploy: Keploy
    command: str
    addresses: Addresses
    secrets: dict[str, str]
    visits: int
    shown: str
    code: int
    # Any: the report as JSON.
    report: dict[str, Any]
    reached: list[int]

    @property
    def tree(self) -> Path:
        """The folder of recordings."""
        return self.keploy.folder / "keploy"


def planted() -> dict[str, str]:
    """Make secrets of the looks that are common; nobody but this run knows them."""
    return {
        "openai": f"sk-proj-{secrets.token_urlsafe(48)}",
        "anthropic": f"sk-ant-api03-{secrets.token_urlsafe(60)}",
        "token": f"ghp_{secrets.token_hex(18)}",
        "session": secrets.token_urlsafe(24),
        "caller": secrets.token_urlsafe(24),
        "cookie": secrets.token_urlsafe(24),
        "visit": secrets.token_urlsafe(24),
        "password": f"Pw-{secrets.token_urlsafe(12)}",
    }


def record(app: str, folder: Path) -> RecordedShop:
    """Visit an app while it is recorded, then replay it without its servers."""
    hidden, port = planted(), free_port()
    with running_upstreams(folder, hidden["visit"]) as addresses:
        environment = {
            **addresses.environment(),
            "OPENAI_API_KEY": hidden["openai"],
            "ANTHROPIC_API_KEY": hidden["anthropic"],
            "SHOP_TOKEN": hidden["token"],
            "SESSION_TOKEN": hidden["session"],
        }
        (folder / "keploy.yml").write_text(f"trustedAuthorities: {addresses.authority}\n")
        keploy, command = Keploy(folder, environment), app_command(app, port)
        visits = of_the_shop(hidden)
        visits += [Visit("GET", f"/call/{client}") for client in CLIENTS[app]]
        with keploy.recording(command) as recorder:
            for visit in visits:
                ask(port, visit)
            code = recorder.stop()
        assert code == 0, recorder.shown
    with counted_connections(addresses.ports) as reached:
        written = ["--junit", "junit.xml", "--html", "report.html"]
        code, report = keploy.test(command, *written)
    return RecordedShop(
        keploy, command, addresses, hidden, len(visits), recorder.shown, code, report, reached
    )
