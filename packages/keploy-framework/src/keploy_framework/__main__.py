"""``python -m keploy_framework``: the keploy command."""

from __future__ import annotations

from keploy_framework.cli.main import main

if __name__ == "__main__":
    main()
