"""How good predictions are: of yes or no, classes, labels, amounts, and times to an event."""
