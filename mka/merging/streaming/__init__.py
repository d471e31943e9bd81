"""From a plan to a merged checkpoint without loading the model: shards to shards, in the order of the steps.

source.py       the folder to read: its weight files beside the network that its config describes, without weights
layer_names.py  what the files call each layer's tensors
passes.py       stored tensors read in pieces, and what must be known of whole ones: slerp's angle
tensor_plan.py  for each tensor of the new checkpoint, the stored tensors it is made of
shards.py       which file holds it, and where; headers and index as transformers writes them
pieces.py       bytes copied in long ranges, tensors merged in pieces that stay in the processor's cache; both by a crew
written.py      what was written beside what its config describes
checkpoint.py   the verb: a folder + a plan -> a folder
"""
