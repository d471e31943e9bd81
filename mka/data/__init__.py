"""Calibration text and four-choice questions, read from what a user names. Imports no torch.

texts.py       source -> TextSet: the demo, .txt, .jsonl, .csv, a folder of MMLU csv files
questions.py   source -> QuestionSet: the demo, an MMLU csv, a folder of them
mmlu.py        the layout of MMLU: one csv file per subject and split
reading.py     files as text, and limits drawn by a seed
"""
