"""Tasks in the making: what they hold, the states they pass, and who may do what to them."""
