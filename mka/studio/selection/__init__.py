"""The one selection and the one plan, as immutable state."""
