"""Read locks of uv, compare two of them, and judge what changed."""
