"""Check that a uv workspace is put together soundly."""
