"""One run over several processes, on this machine or on a Ray cluster.

The driver holds the run's lease, cuts its examples into shards and has a worker for each. A worker
runs the ordinary pipeline over its shard and writes into the shared store; it tells the driver what
it has done, and asks it for what it may spend. The shard of a worker that dies goes to another.
"""
