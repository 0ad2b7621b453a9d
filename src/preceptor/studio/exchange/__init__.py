"""What comes into a studio from files, and what leaves it: imports, releases, people who leave."""
