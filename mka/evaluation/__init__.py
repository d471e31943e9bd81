"""What a merge cost: perplexity, choices, divergence, generation, speed."""
