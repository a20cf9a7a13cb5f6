"""What a span is, what it is called, and which attributes it carries."""
