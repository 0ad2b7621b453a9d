"""What every server of ours for browsers shares: its guard, its pages, and how it listens."""
