"""A plan out of typed events."""
