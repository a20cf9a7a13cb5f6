"""Make a static package index out of built distributions, and serve it on this machine."""
