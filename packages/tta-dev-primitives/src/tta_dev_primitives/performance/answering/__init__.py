"""How a cache answers: what is asked, kept, made once for all, and told."""
