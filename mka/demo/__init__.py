"""The demo world: the generator of its text and questions, and the trainer of its model."""
