"""From calibration text to layer similarity.

collection.py   model + texts -> Activations (one vector per layer and calibration point), by reading.py, hooks.py,
                losses.py and room.py
embedding.py    Activations -> Embedding, by diffusion.py, pca.py or umap_map.py; procrustes.py, quality.py
measures.py     Activations, Embedding or a model's files -> Similarity: npib.py, npib_code.py, ksg.py and copula.py on
                maps; cosine.py, distances.py, cka.py and shapes.py on activations; weights.py on files
uncertainty.py  the same for halves of the points -> Uncertainty
layer_map.py    Similarity -> LayerMap; comparison.py  two of them -> Comparison
"""
