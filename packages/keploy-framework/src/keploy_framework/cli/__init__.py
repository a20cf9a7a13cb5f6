"""The keploy command: one thin module for each of its commands."""

from __future__ import annotations
