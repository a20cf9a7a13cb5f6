"""The names of attributes, events and metrics."""
