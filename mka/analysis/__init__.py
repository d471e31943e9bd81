"""From calibration text to layer similarity.

collection.py   model + texts -> Activations (one vector per layer and calibration point)
embedding.py    Activations -> Embedding, by diffusion.py, pca.py or umap_map.py; procrustes.py, quality.py
measures.py     Activations or Embedding -> Similarity, by npib.py, npib_code.py or cosine.py
"""
