"""What an app asked models for, one request a row, read from where it was recorded."""
