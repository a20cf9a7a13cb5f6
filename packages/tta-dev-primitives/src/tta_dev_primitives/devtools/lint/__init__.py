"""Running the linter: settings, files, suppressions, baseline, cache, and fixing."""
