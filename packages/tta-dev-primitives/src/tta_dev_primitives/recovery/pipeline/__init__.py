"""The parts of `resilient`: which policy stands where, and how several run as one."""
