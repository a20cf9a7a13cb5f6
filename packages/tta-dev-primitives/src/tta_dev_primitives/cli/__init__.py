"""The tta command, one thin module per subcommand."""
