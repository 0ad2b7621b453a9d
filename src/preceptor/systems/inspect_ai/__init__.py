"""Models and agents of Inspect AI: :mod:`preceptor.systems.inspect_ai.model`."""
