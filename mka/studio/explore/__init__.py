"""The Explore, Manifold and Layers pages."""
