"""Doing less: caches and their stores."""
