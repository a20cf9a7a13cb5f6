"""What looks at source code rather than running it: the linter and the tools around it."""
