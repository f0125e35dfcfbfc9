"""Takes encoded messages and gets them to the endpoint; knows no request."""
