"""New packages and apps from templates, and how they follow the templates later."""
