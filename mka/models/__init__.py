"""Open a model, find its decoder layers, describe it.

locate.py        source -> folder: demo, a folder, a hub id
files.py         folder -> weight files, their headers checked
checks.py        folder -> config, refused where it is no causal language model
loading.py       all of it -> LoadedModel (loaded.py)
stack.py         network -> DecoderStack; depth.py and per_layer_fields.py know the configs
fingerprint.py   the short name of the weights
summary.py       LoadedModel -> ModelSummary (tensor_parts.py: by part); memory.py: bytes before loading
"""
