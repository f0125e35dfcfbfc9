"""What a plan does to messages on their way out."""
