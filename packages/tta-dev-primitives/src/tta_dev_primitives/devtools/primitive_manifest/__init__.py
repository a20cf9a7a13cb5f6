"""Which primitives a package publishes: told by its manifest, or read from its source."""
