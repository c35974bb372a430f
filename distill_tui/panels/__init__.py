"""The parts of the dashboard. Each gets what it shows from the screen, and asks for what it wants by messages."""
