"""What would make recorded traffic cheaper, and why one period cost more than another."""
