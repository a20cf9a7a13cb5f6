"""From the path of a call to the exporters, through one bounded queue and one thread."""
