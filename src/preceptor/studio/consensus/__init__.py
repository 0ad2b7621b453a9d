"""Categories of tasks by votes, and the criteria that a category brings."""
