"""The parts of the Redis store."""
