"""``keploy config``: write a configuration file with the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .exits import PASSED, UsageError

if TYPE_CHECKING:
    import argparse

TEMPLATE: Final = """\
# What keploy record and keploy test are told. An option of the command line counts more, and so
# does a variable such as KEPLOY_COMMAND.
path: ""                     # the folder that holds the folder keploy; empty for this one
command: ""                  # what starts the app
port: 0                      # the port the app answers on; 0 to find it
storageFormat: yaml          # or json
bypassRules: []              # calls to pass on: - {host: regex, path: regex, port: 0}
record:
  recordTimer: 0s            # stop by itself after this time; 0s for never
  testCaseNaming: descriptive  # or sequential
  filters: []                # - {path: ^/health, filterPolicy: exclude}
  passThroughPorts: []
  passThroughHosts: []
test:
  host: localhost
  healthUrl: ""              # a URL that answers when the app is ready
  healthPollTimeout: 60s
  apiTimeout: 5
  ignoreOrdering: true
  mocking: true
  keepAppAlive: false
  selectedTests: {}          # set: [tests]
  ignoredTests: {}
  globalNoise:
    global: {}               # header: {Server: []}
    test-sets: {}
redact:
  enabled: true
  names: []                  # more names of headers, parameters and fields that hold secrets
  allow: []                  # names whose values stay
deps: {}                     # openai: {target: https://api.openai.com, env: OPENAI_BASE_URL}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--generate", action="store_true", help="write keploy.yml")
    parser.add_argument("--force", action="store_true", help="replace the file that is there")


def run(options: argparse.Namespace) -> int:
    """Write the file, or print it where that was not asked for."""
    from pathlib import Path

    from keploy_framework.formats.atomic import write_atomically

    from .speaking import print_json, print_text

    if not options.generate:
        print_text(TEMPLATE)
        return PASSED
    place = Path(options.config_path or ".")
    path = place if place.suffix in (".yml", ".yaml") else place / "keploy.yml"
    if path.exists() and not options.force:
        problem = f"{path} is there already; replace it with --force"
        raise UsageError(problem)
    write_atomically(path, TEMPLATE.encode())
    if options.json:
        print_json({"file": str(path)})
    else:
        print_text(f"wrote {path}")
    return PASSED
