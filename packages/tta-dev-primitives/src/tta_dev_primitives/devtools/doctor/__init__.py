"""Say in plain words what a machine lacks for the work on a workspace."""
