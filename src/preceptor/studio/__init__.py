"""The studio: physicians write, review, adjudicate and label tasks. See docs/studio.md."""
