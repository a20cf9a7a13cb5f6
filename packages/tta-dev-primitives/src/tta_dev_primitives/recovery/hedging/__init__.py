"""The parts of the hedge."""
