"""Training-free repair of what a merge cut: closed forms from calibration activations, folded into existing weights.

repairs.py   the repairs by name, and the one call that `merge` makes; the arrow of this room
cuts.py      where the merged model should be, layer by layer: the states of the source
writers.py   the projections through which a layer writes into the residual stream, found by running it
passes.py    calibration texts through the source and the merged model, batch by batch
ridge.py     least squares from running sums, the penalty chosen on held-out texts
linear.py    maps that add what is missing, folded into projections
scale.py     what was written before a cut made as large as what comes after it expects
"""
