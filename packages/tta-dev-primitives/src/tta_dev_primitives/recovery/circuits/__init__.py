"""The parts of the circuit breaker."""
