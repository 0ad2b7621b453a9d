"""A project of made-up people and tasks, to try the studio with."""
