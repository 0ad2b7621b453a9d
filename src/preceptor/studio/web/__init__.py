"""The pages of the studio: they show what a role may see, and call commands."""
