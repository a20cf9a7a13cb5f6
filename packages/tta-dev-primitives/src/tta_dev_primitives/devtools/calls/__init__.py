"""Finding the calls of language models in source code."""
