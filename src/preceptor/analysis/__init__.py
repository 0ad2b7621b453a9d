"""Results → claims: what runs, pooled and put side by side, allow to be said. No I/O."""
