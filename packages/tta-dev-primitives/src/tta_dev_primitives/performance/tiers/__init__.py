"""The parts of a store in tiers."""
