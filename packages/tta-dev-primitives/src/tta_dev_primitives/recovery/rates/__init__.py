"""The parts of the rate limit."""
