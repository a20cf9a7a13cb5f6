"""Going on when things fail: timeout, retry, fallback, compensation."""
