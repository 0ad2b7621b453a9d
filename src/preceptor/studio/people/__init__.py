"""People of a project: how they come in, what they may do, how they prove who they are."""
