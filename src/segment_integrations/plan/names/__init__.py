"""How events and properties are named."""
