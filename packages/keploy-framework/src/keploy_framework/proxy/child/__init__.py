"""What a child process is told, so that its calls come through the proxy."""

from __future__ import annotations
