"""OTLP as bytes."""
