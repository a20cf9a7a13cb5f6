"""What a cached answer depends on in the environment, and where it is kept beside it."""
