"""The parts of the bulkhead."""
