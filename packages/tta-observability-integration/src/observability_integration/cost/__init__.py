"""What calls cost, what was saved, and what was wasted."""
