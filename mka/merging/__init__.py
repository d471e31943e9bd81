"""From a plan to a merged model, and from it to a checkpoint.

merge.py         model + plan -> MergedModel; the arrow of this room
averaging.py     the arithmetic on tensors
layer_merge.py   one group of layers: whether they can be averaged, and of which sums the result consists
crew.py          workers that share out the sums, piece by piece; ledger.py, what they note of each
groups.py        the merged layers of a plan, in memory; streaming/, from files to files
shells.py        a network with modules of its own that shares every tensor with another
repair/          what was cut made good by least squares, folded into weights
receipts.py      what a merge really changed
checkpoint.py    MergedModel -> a folder that any tool loads, by card.py and verification.py
"""
