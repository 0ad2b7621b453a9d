"""A provider's batch API as a transport: :class:`~preceptor.systems.batch.model.BatchModel`."""
