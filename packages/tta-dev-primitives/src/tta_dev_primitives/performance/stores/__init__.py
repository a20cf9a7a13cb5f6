"""Where cached entries live."""
