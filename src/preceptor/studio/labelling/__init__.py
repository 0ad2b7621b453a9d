"""People's verdicts on answers: which are asked for, who gives them, what comes of them."""
