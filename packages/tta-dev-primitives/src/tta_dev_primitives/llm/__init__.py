"""Language models behind one request and one response type."""
