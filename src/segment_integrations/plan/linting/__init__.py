"""What is wrong with a plan itself."""
