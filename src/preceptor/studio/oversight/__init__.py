"""What a lead steers by: samples, agreement, active time, scores."""
