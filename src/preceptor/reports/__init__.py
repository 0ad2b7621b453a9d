"""Results → what people read: tables, charts, HTML, exports."""
