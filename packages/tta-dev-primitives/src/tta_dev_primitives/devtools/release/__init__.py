"""Check that the packages of a workspace can be released, before anybody can install them."""
