"""The engine: everything that trains, stores and explains a run. It knows nothing of any screen."""
