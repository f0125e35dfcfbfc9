"""What in a message breaks the rules of a plan."""
