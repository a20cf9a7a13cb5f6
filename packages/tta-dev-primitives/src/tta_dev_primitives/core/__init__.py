"""The protocol, composition and observation that everything else builds on."""
