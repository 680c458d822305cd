"""One customer: what was said to them, with what result, and why nothing was said at other times.

customer.py   everything that the ledger holds of them, gathered
texts.py      the words of an attempt, made again by the code that made them
why.py        the grounds on which an open delivery waits, by the rules that sending obeys
words.py      all of it in sentences
"""
