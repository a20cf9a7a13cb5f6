"""Counters and histograms that cost nanoseconds, and who reads them."""
