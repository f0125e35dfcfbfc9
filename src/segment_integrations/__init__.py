"""Product analytics for Python web applications, delivered to Segment."""

__version__ = "0.1.0"
