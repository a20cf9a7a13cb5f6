"""The parts of the budget."""
