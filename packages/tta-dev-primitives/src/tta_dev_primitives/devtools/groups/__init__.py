"""Check the dependency groups and extras of a uv workspace, and who names them."""
