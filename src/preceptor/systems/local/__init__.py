"""Small models on this machine: :class:`~preceptor.systems.local.model.LocalModel`."""
