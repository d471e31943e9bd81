"""Training-free repair of what a merge cut: least squares on calibration activations, folded into existing weights.

repairs.py   the repairs by name, and the one call that `merge` makes; the arrow of this room
cuts.py      where the merged model should be, layer by layer: the states of the source
writers.py   the projections through which a layer writes into the residual stream, found by running it
passes.py    calibration texts through the source and the merged model, batch by batch
ridge.py     least squares from running sums, the penalty chosen on held-out texts
linear.py    maps that add what is missing, folded into projections
parts.py     the parts of a layer that are made of like units: heads, neurons
grafts.py    one such part, the layers gone that could give units to it, and what it is owed
readings.py  projections told anew what to read, where the stream is no longer what they knew
select.py    which of many units are missed least
transplant.py  units of layers that are gone, in the place of those before the cut that say least
lowrank.py   least squares of maps of bounded rank
values.py    what heads carry, fitted anew under their own patterns
refit.py     a whole layer, by Gauss-Newton steps
curvature.py how sharply its error bends along each projection, which makes those steps short
work.py      a merged model while it is repaired
scale.py     what was written before a cut made as large as what comes after it expects
"""
