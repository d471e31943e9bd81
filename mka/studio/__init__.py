"""What only the screens need; the one room that imports streamlit."""
