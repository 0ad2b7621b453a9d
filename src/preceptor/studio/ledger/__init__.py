"""The events: the truth of a studio, chained by hashes. Its other tables can be rebuilt from them.

An event is an :class:`~preceptor.studio.ledger.acts.Act`, appended by
:func:`~preceptor.studio.ledger.chain.append`, which applies it to the projections.
"""
