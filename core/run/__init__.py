"""A run as others see it: events, commands, the run folder and its store, and the links that read them. No torch."""
