"""A run as one page that needs nothing else: what it was, how it went, what it learned, and how it sounds."""
