"""Embedded data and workflow of ``tta demo``: support tickets of an invented outdoor shop."""
