"""What a saga did, and undoing it."""
