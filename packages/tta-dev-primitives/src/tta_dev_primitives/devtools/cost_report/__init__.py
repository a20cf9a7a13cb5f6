"""What a replay measured, as text, JSON, Markdown and one page of HTML."""
