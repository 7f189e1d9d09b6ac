"""Which of our meters does what collectors send count to? The rules of a team, presets, and what no rule takes."""
