"""Pure builders: objects in, plotly figures out."""
