"""TLS on both sides of the proxy: its own authority, its certificates, and whom it trusts."""

from __future__ import annotations
