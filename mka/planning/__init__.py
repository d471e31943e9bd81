"""From similarity to a merge plan. No torch in this room.

planner.py      groups by hand, or a strategy by name -> MergePlan
strategies.py   the strategies themselves, and the free controls
compatible.py   which layers can be averaged
allowed.py      which plans a model allows, by its description
savings.py      what a plan saves
difference.py   where two plans for one model part
files.py        plans on disk; whether a plan fits a model
"""
