"""The parts of the disk store."""
